"""Secrets a notebook names in its front matter: what the server gives the run for a name."""

import os
from pathlib import Path

from nbprocessor import contract
from nbprocessor.errors import DataError


def secret(name: str) -> str:
    """Return the value of a secret, such as the key of a service; it is masked in everything that is kept of the run.

    In JupyterLab set ``NBPROCESSOR_SECRET_<NAME>_FILE`` to a file of your own.

    Args:
        name: As under ``secrets:`` in the front matter.

    Raises:
        DataError: The run was not given it.
    """
    variable = contract.HANDLE_FILE.format(name=name)
    path = os.environ.get(variable)
    if not path:
        mend = "list it under secrets: in the front matter, or set a file of your own in JupyterLab"
        raise DataError(f'The secret "{name}" is not there; {mend} ({variable}).', resource=name)
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f'The secret "{name}" cannot be read: {reason} ({variable}).', resource=name) from error
