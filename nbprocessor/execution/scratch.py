"""The temporary folder of a run: what its processes need for themselves and nobody keeps."""

import logging
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from nbprocessor.errors import ExecutionError
from nbprocessor.execution import identity
from nbprocessor.store.files import remove_tree

log = logging.getLogger(__name__)

PLACES = {"TMPDIR": "tmp", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
"""Its folders by the environment variables that name them."""
_OWNER = "owner"
"""File that says whose it is, so that what is nobody's any more is found by whoever starts next."""
_YOUNG = 60.0
"""Seconds after which a folder without that file is one whose maker died while making it."""


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
        (folder / _OWNER).write_text(identity.own())
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
    with suppress(OSError):
        remove_tree(folder)


def remove_all(job_id: UUID) -> None:
    """Remove the folders of a job whose worker could not do it any more."""
    for folder in home().glob(f"{job_id.hex}-*"):
        remove(folder)


def sweep() -> None:
    """Remove the folders of all workers of this machine that are gone, whatever results folder they worked for."""
    try:
        found = list(home().glob("*-*"))  # what else is there belongs to no run
    except OSError as error:
        log.warning("temporary folders are not looked through reason=%s", error)
        return
    for folder in found:
        if _is_nobodys(folder):
            remove(folder)
            log.info("removed a temporary folder that a lost run had left folder=%s", folder)


def _is_nobodys(folder: Path) -> bool:
    try:
        if not (folder / _OWNER).exists():
            return time.time() - folder.lstat().st_mtime > _YOUNG
        return identity.is_alive((folder / _OWNER).read_text()) is False
    except (OSError, ValueError):
        # Its worker has just removed it, or another one that sweeps.
        return False
