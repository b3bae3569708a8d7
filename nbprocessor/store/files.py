"""Files that are there as a whole or not at all, and are read without following links."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from nbprocessor import faultpoints
from nbprocessor.errors import StoreUnavailable

PART = ".part"
"""End of the name of whatever is not complete; its name begins with a dot."""


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there, safe from crashes and power cuts.

    Raises:
        StoreUnavailable: The disk is full or the folder cannot be written; an earlier file is as it was.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}{PART}")
    with explained(path.parent):
        try:
            write_durably(part, content)
            faultpoints.passed("file-synced")
            part.replace(path)
            faultpoints.passed("file-renamed")
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        faultpoints.passed("file-written")
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Remove a folder whatever a notebook left in it: folders closed to their owner, or deeper than any path reaches.

    Each folder below is moved to the top before it is emptied, so that no path is long.

    Raises:
        FileNotFoundError: There is no such folder.
        OSError: It cannot be removed; part of it may be gone.
    """
    left = [folder]
    while left:
        place = left.pop()
        open_to_owner(place)
        for path in list(place.iterdir()):
            if not stat.S_ISDIR(path.lstat().st_mode):
                path.unlink()
                continue
            open_to_owner(path)
            left.append(path.rename(folder / f".{uuid4().hex}"))
        if place != folder:
            place.rmdir()
    folder.rmdir()


def open_to_owner(folder: Path) -> None:
    """Let the owner of a folder, which is the server, into it."""
    mode = folder.lstat().st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def open_plain(folder: Path, *names: str) -> BinaryIO:
    """Open a plain file below a folder for reading; no name on the way to it may be a link.

    Whoever could write the folder may have left links to files he could not read, or pipes that block.

    Args:
        folder: Trusted; may be a link itself.
        names: Names of the folders below it and of the file; none has a slash.

    Raises:
        FileNotFoundError: There is no such file.
        PermissionError: It is no plain file, has a second name elsewhere, or a name on the way is a link.
    """
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            place = _stepped(place, name)
        # A pipe without a writer would block; O_NONBLOCK means nothing to a file.
        descriptor = _opened(place, names[-1], os.O_NONBLOCK)
    finally:
        os.close(place)
    if not is_plain(os.fstat(descriptor)):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "no plain file of its own", names[-1])
    return os.fdopen(descriptor, "rb")


def is_plain(facts: os.stat_result) -> bool:
    """Tell whether it is a file that has no other name, which could be anywhere on the disk."""
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn a disk's errors into a sentence that names the folder.

    Raises:
        StoreUnavailable: For every OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            reason = f"The disk that holds {folder} is full; free some space. Nothing was lost."
            raise StoreUnavailable(reason, retry_after=60) from error
        detail = error.strerror or str(error)
        reason = f"The folder {folder} cannot be used ({detail}); check that it can be read and written."
        raise StoreUnavailable(reason) from error


def _stepped(place: int, name: str) -> int:
    """Go one folder down; the folder above is closed."""
    below = _opened(place, name, os.O_DIRECTORY)
    os.close(place)
    return below


def _opened(place: int, name: str, flag: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flag, dir_fd=place)
    except OSError as error:
        # What O_NOFOLLOW says of a link, O_DIRECTORY of what is no folder, and open of a socket.
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EMLINK, errno.ENXIO}:
            raise PermissionError(errno.EPERM, "no plain file of its own", name) from error
        raise
