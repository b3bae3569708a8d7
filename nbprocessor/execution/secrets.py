"""Secrets by handle: the front matter names them, the operator's files hold them, a run finds them in files of its own.

They are no parameters and no part of the environment: papermill writes the former into the notebook, and the latter is
what error reports print first.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nbprocessor import contract
from nbprocessor.errors import SecretUnavailable

SHORTEST, LONGEST = 8, 8_192
"""Characters of a value: a shorter one could not be found in results without finding much else."""


def read(names: Iterable[str], files: Mapping[str, Path]) -> dict[str, str]:
    """Return the values of secrets by name.

    Args:
        names: As the front matter has them.
        files: The operator's, by name (``data.secrets``).

    Raises:
        SecretUnavailable: One of them is not known here, or its file cannot be used.
    """
    return {name: _value(name, files) for name in names}


def known(names: Iterable[str], files: Mapping[str, Path]) -> dict[str, str]:
    """Return the values of those secrets that can be had."""
    found = {}
    for name in names:
        try:
            found[name] = _value(name, files)
        except SecretUnavailable:
            continue
    return found


def hand_over(values: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Write each value into a file of the run, readable for this user alone; return what tells the kit where.

    Raises:
        SecretUnavailable: The files cannot be written.
    """
    folder = scratch / "secrets"
    told = {}
    try:
        if values:
            folder.mkdir(mode=0o700)
        for name, value in values.items():
            path = folder / name
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(value, encoding="utf-8")
            told[contract.HANDLE_FILE.format(name=name)] = str(path)
    except OSError as error:
        raise SecretUnavailable(name, f"it cannot be handed to the run: {error.strerror or error}") from error
    return told


def _value(name: str, files: Mapping[str, Path]) -> str:
    path = files.get(name)
    if path is None:
        raise SecretUnavailable(name, "this server does not have it (data.secrets)")
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SecretUnavailable(name, f"its file (data.secrets) cannot be read: {reason}") from error
    if not SHORTEST <= len(value) <= LONGEST:
        raise SecretUnavailable(name, f"its value has to have {SHORTEST} to {LONGEST} characters")
    return value
