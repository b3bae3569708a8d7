"""What a run uses of the disk while it goes on: counted without following links, and only as far as need be."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from nbprocessor import contract
from nbprocessor.errors import LimitReached
from nbprocessor.execution.limits import size
from nbprocessor.model.process import Limits

INTERVAL = 1.0
"""Seconds between two counts."""
BLOCK = 4096
"""Bytes that the least entry of a folder counts for: a million empty files fill a disk, too."""
DEPTH = 50
"""Folders within folders; what is deeper cannot be reached by its path any more, one day."""


def reached(folder: Path, scratch: Path, limits: Limits, cell_id: str = "") -> LimitReached | None:
    """Return the limit that a run's files have reached, or None.

    Args:
        folder: Of the job.
        scratch: Its temporary folder.
        limits: Of the run.
        cell_id: The cell that runs.
    """
    kept = [folder / name for name in (contract.FOLDER_WORK, contract.FOLDER_OUTPUTS, contract.FILE_EXECUTED)]
    for name, places, limit in (
        ("output size", kept, limits.output_size),
        ("temporary size", [scratch], limits.temporary_size),
    ):
        used = 0
        for bytes_, depth in _entries(places):
            used += bytes_
            if depth > DEPTH:
                return LimitReached("folder depth", f"{DEPTH} levels", cell_id)
            if limit is not None and used > limit:
                return LimitReached(name, size(limit), cell_id)
    return None


def _entries(places: list[Path]) -> Iterator[tuple[int, int]]:
    """Yield the bytes of each entry below some places, and how deep it is."""
    left = [(str(place), 0) for place in places]
    while left:
        path, depth = left.pop()
        try:
            facts = os.lstat(path)
        except OSError as error:
            # Gone since its folder was listed, as files that are written and moved are.
            yield 0, DEPTH + 1 if error.errno == errno.ENAMETOOLONG else depth
            continue
        # A file with holes counts as long as it says it is: whoever reads it reads the holes.
        yield max(BLOCK if depth else 0, facts.st_size, facts.st_blocks * 512), depth
        left += [(f"{path}/{name}", depth + 1) for name in _names(path)]


def _names(path: str) -> list[str]:
    """List a folder, also one that its run closed to itself; what is no folder has no names."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return []
    # By its descriptor: the run may put a link in its place at any moment.
    place = f"/proc/self/fd/{descriptor}"
    try:
        if not os.access(place, os.R_OK | os.X_OK):
            os.chmod(place, 0o700)  # noqa: PTH101  # a descriptor has no path
        return os.listdir(place)  # noqa: PTH208  # likewise
    except OSError:
        return []
    finally:
        os.close(descriptor)
