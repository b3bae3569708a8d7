"""Job folders that are being made or removed, and those whose job is not yet accepted: what a crash leaves is known.

They are in one place of their own, so that a start finds them however many finished jobs there are.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from nbprocessor import faultpoints
from nbprocessor.store.files import explained, remove_tree

PLACE = ".unfinished"
_LOCK = ".lock"
_MARK = ".accepting"


class Unfinished:
    """The place below a results folder; every method raises StoreUnavailable when it cannot be used."""

    def __init__(self, results: Path) -> None:
        """Make the place if it is not there."""
        self._results = results
        self._place = results / PLACE
        with explained(results):
            self._place.mkdir(parents=True, exist_ok=True)
            # Whoever cannot take the lock cannot make a job; better told now than with the first one.
            with locked(self._place / _LOCK, fcntl.LOCK_SH):
                pass

    def folder(self, job_id: UUID) -> Path:
        """Return where a job's folder is while it is not whole."""
        return self._place / str(job_id)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Keep the sweep away while a folder is being made or removed."""
        with locked(self._place / _LOCK, fcntl.LOCK_SH):
            yield

    @contextmanager
    def accepting(self, job_id: UUID) -> Iterator[None]:
        """Mark a job as not yet accepted while the body runs; if that leaves a folder, the mark stays for the sweep."""
        mark = self._place / f"{job_id}{_MARK}"
        with explained(self._results):
            with self.working():
                descriptor = _opened(mark)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            faultpoints.passed("folder-marked")
        try:
            yield
            with explained(self._results):
                mark.unlink()
        except BaseException:
            if not (self._results / str(job_id)).exists():
                with suppress(OSError):
                    mark.unlink()
            raise
        finally:
            os.close(descriptor)

    def sweep(self, is_known: Callable[[UUID], bool]) -> Sequence[str]:
        """Remove what a crash left half made, half removed or made for a job nobody was told of.

        Args:
            is_known: Tells whether a job was accepted.

        Returns:
            The ids of the jobs whose folders are gone now.
        """
        with explained(self._results), locked(self._place / _LOCK, fcntl.LOCK_EX):
            for mark in sorted(self._place.glob(f"*{_MARK}")):
                if not _is_held(mark):
                    self._settle(mark, is_known)
            # Whoever makes or removes a folder holds the lock until he is done, or dead.
            left = sorted(entry.name for entry in os.scandir(self._place) if is_job_id(entry.name))
            for name in left:
                faultpoints.passed("swept")
                remove_tree(self._place / name)
        return left

    def _settle(self, mark: Path, is_known: Callable[[UUID], bool]) -> None:
        """Let go of a mark whose maker is gone, and of the folder of a job nobody was told of."""
        name = mark.name.removesuffix(_MARK)
        if not is_known(UUID(name)):
            with suppress(FileNotFoundError):
                (self._results / name).rename(self._place / name)
        mark.unlink()


@contextmanager
def locked(file: Path, kind: int) -> Iterator[None]:
    """Hold a file's lock (``fcntl.LOCK_SH`` ...); the system lets go of it when the process dies.

    Raises:
        OSError: The file cannot be opened, or with ``fcntl.LOCK_NB`` another process holds it.
    """
    descriptor = _opened(file)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)


def is_job_id(name: str) -> bool:
    """Tell whether a name is that of a job's folder."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _opened(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def _is_held(mark: Path) -> bool:
    """Tell whether the one who accepts the job still lives."""
    try:
        with locked(mark, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
    except BlockingIOError:
        return True
