"""The temporary folder of a run: what its processes need for themselves and nobody keeps."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from uuid import UUID

from nbprocessor.errors import ExecutionError

PLACES = {"TMPDIR": "tmp", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
"""Its folders by the environment variables that name them."""


def home() -> Path:
    """Return the folder of all runs' temporary folders of this user; it is made, and nobody else may look into it.

    Raises:
        OSError: Its name is taken by what is somebody else's, or it cannot be made.
    """
    folder = Path(tempfile.gettempdir()) / f"nbprocessor-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; remove it, or set TMPDIR")
    return folder


def make(job_id: UUID) -> Path:
    """Make a run's folder.

    Raises:
        ExecutionError: It cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{job_id.hex}-", dir=home()))
        for name in PLACES.values():
            (folder / name).mkdir(mode=0o700)
    except OSError as error:
        raise ExecutionError(f"no temporary folder could be made for the job: {error}") from error
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Keep a run's temporary files, connection file and shell profile out of everybody else's."""
    return {variable: str(folder / name) for variable, name in PLACES.items()}


def remove(folder: Path) -> None:
    """Remove a run's folder, also where it is not whole."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_all(job_id: UUID) -> None:
    """Remove the folders of a job whose worker could not do it any more."""
    for folder in home().glob(f"{job_id.hex}-*"):
        remove(folder)
