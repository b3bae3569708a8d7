"""What a run left: outputs found in the executed notebook, files made safe to serve, facts of the environment."""

import hashlib
import os
import platform
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

from nbprocessor import contract
from nbprocessor.errors import OutputMissing
from nbprocessor.execution.storage import DEPTH
from nbprocessor.model import Json
from nbprocessor.model.manifest import OutputFile
from nbprocessor.model.process import Process
from nbprocessor.store.files import atomic_write, explained, is_plain, open_to_owner, remove_tree

ACCEPTED = frozenset({contract.FILE_JOB, contract.FILE_NOTEBOOK, contract.FILE_INPUTS, contract.FILE_PROCESS})
"""What a job's folder has before its run."""


def prepare(folder: Path) -> None:
    """Make a job's folder ready for a run; what an earlier attempt left goes.

    Raises:
        StoreUnavailable: The folder cannot be written, or its disk is full.
    """
    with explained(folder):
        for path in folder.iterdir():
            if path.name not in ACCEPTED:
                _remove(path)
        (folder / contract.FOLDER_WORK).mkdir()
        (folder / contract.FOLDER_OUTPUTS).mkdir()


def remove_special_files(folder: Path) -> Sequence[str]:
    """Remove what is no plain file of the job's own, and return its paths.

    A notebook may leave links to files it could not read itself, or pipes that block whoever opens them.
    """
    removed = []
    for path, facts in _walk(folder):
        # A hard link's other name may be anywhere on the disk.
        if not is_plain(facts) or not _is_text(path.name):
            _remove(path)
            removed.append(str(path.relative_to(folder)))
    return removed


def make_room(folder: Path) -> None:
    """Remove what a run left besides its notebook and log: on a full disk the record of its failure comes first."""
    for name in (contract.FOLDER_WORK, contract.FOLDER_OUTPUTS, contract.FOLDER_WRITES):
        with suppress(OSError):
            _remove(folder / name)


def restore(folder: Path, accepted: Mapping[str, bytes]) -> Sequence[str]:
    """Put back what a run changed of the files it was accepted with, and return their names."""
    changed = []
    for name, content in accepted.items():
        path = folder / name
        try:
            same = path.read_bytes() == content
        except OSError:
            same = False
        if not same:
            if path.is_dir():
                remove_tree(path)
            atomic_write(path, content)
            changed.append(name)
    return changed


def output_file(folder: Path, output_id: str, media_type: str, name: str) -> OutputFile | None:
    """Describe a file in a job's outputs folder as it is now; None when there is none of this name."""
    path = folder / contract.FOLDER_OUTPUTS / name
    if Path(name).name != name or not path.is_file() or path.is_symlink():
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return OutputFile(output_id, media_type, f"{contract.FOLDER_OUTPUTS}/{name}", path.stat().st_size, digest)


def require_declared(process: Process, outputs: Sequence[OutputFile]) -> None:
    """Make sure that the notebook handed over what it declares.

    Raises:
        OutputMissing: It did not; names all that is missing.
    """
    found = {output.id for output in outputs}
    missing = [name for name, declared in process.outputs.items() if declared.required and name not in found]
    if missing:
        raise OutputMissing(missing)


def environment_facts(process: Process, executor: str, isolation: str) -> Mapping[str, Json]:
    """Return what the run ran with, for the manifest."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "kernel": process.kernel,
        "executor": executor,
        "isolation": isolation,
        "packages": dict(installed()),
    }


@cache
def installed() -> tuple[tuple[str, str], ...]:
    """Return name and version of the packages installed when first asked: what a running server has loaded."""
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions() if dist.metadata["Name"]}
    return tuple(sorted(found.items(), key=lambda item: item[0].lower()))


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield everything below a folder but folders as they should be; links are not followed.

    A notebook may have closed folders to itself; they are opened, or nobody could list or delete them.
    """
    found: list[list[Path]] = [[folder]]
    for depth in range(DEPTH + 1):
        found.append([])
        for path in found[depth]:
            if stat.S_ISDIR(path.lstat().st_mode):
                open_to_owner(path)
                found[depth + 1] += sorted(path.iterdir())
    # From below: of two names of one file the job's own, which are at the top, are the last to be looked at.
    for depth in range(DEPTH + 1, -1, -1):
        for path in found[depth]:
            facts = path.lstat()
            if depth > DEPTH or not stat.S_ISDIR(facts.st_mode) or not _is_text(path.name):
                yield path, facts


def _is_text(name: str) -> bool:
    """Tell whether a file's name can be written down: the system takes any bytes."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink()
