"""What a job sees: a process leaves the common view for one that has nothing of others, and cannot come back."""

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from nbprocessor.execution.sandbox import keyring, namespaces
from nbprocessor.execution.sandbox.namespaces import NODEV, NOSUID, SMALL, TEMPORARY, mount


@dataclass(frozen=True, slots=True)
class View:
    """What a job sees of the folders that are hidden; paths are absolute and the same inside as outside."""

    folder: Path
    """The job's folder, read-only but for ``writable``."""
    writable: Sequence[str]
    """Its folders that the run may write, by name."""
    scratch: Path
    """The run's temporary folder."""

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"folder": str(self.folder), "writable": list(self.writable), "scratch": str(self.scratch)}

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Self:
        """Return what :meth:`plain` made JSON of."""
        return cls(Path(plain["folder"]), plain["writable"], Path(plain["scratch"]))


class Retreat:
    """A process that sees nothing of others' folders, and then of its own job what is admitted; it cannot come back.

    In two steps, because the first, which takes longer, can be done before there is a job.
    """

    def __init__(self, hidden: Sequence[Path]) -> None:
        """Leave the common view.

        Args:
            hidden: Folders whose contents are others'; they are empty from now on, as are the temporary folders, but
                for what has been mounted below them.
        """
        namespaces.leave(namespaces.NEWUSER | namespaces.NEWNS | namespaces.NEWIPC)
        keyring.leave()
        mount("none", "/", "", namespaces.REC | namespaces.PRIVATE)
        self._behind = {path: namespaces.opened(path) for path in hidden}
        kept = [path for path in mounted_in((*TEMPORARY, *hidden)) if path not in hidden]
        shown = [(path, namespaces.opened(path)) for path in kept]
        self._empty = [place for place in _without_nested([*TEMPORARY, *hidden]) if place.is_dir()]
        for place in self._empty:
            mount("tmpfs", str(place), "tmpfs", NOSUID | NODEV, SMALL)
        for path, descriptor in shown:
            namespaces.show(path, descriptor)

    def admit(self, view: View) -> None:
        """Let what is the job's own be seen, and take away from this process and its descendants what could undo it.

        Raises:
            OSError: It is not to be had, or does not lie in what is hidden.
        """
        own = [view.folder, *(view.folder / name for name in view.writable), view.scratch]
        for path in own:
            try:
                descriptor = self._found(path)
            except FileNotFoundError:
                if path in {view.folder, view.scratch}:
                    raise
                continue  # not every job has each of its folders
            namespaces.show(path, descriptor)
            if path == view.folder:
                namespaces.remount_read_only(path)
        for place in self._empty:
            if place not in {*TEMPORARY, *own}:
                namespaces.remount_read_only(place)
        for descriptor in self._behind.values():
            os.close(descriptor)
        namespaces.give_up_capabilities()

    def _found(self, path: Path) -> int:
        """Open what lies behind a hidden folder."""
        for place, descriptor in self._behind.items():
            if path.is_relative_to(place):
                return os.open(path.relative_to(place), os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=descriptor)
        raise PermissionError(errno.EPERM, "not in a folder of jobs", str(path))


@cache
def mounted_in(places: tuple[Path, ...]) -> Sequence[Path]:
    """Return what has been mounted below some folders; in a room nothing is added later."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        path = Path(line.split()[4].encode().decode("unicode_escape"))  # blanks are written \\040
        if any(path != place and path.is_relative_to(place) for place in places) and path.exists():
            found.append(path)  # if it does not, something has been mounted above it
    return found


def _without_nested(paths: Iterable[Path]) -> list[Path]:
    """Leave out what lies below another of the paths: it is hidden with it."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept
