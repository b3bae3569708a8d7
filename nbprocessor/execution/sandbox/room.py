"""Isolations ``bwrap`` and ``user``: everything in a closed room, each job of the fork server in a view of its own."""

import os
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from jupyter_core.paths import jupyter_path

from nbprocessor.errors import ExecutionError
from nbprocessor.execution.cgroups import Groups
from nbprocessor.execution.sandbox import bubblewrap, keyring, unshare
from nbprocessor.execution.sandbox.isolation import Isolation
from nbprocessor.execution.scratch import PLACES, home

_CACHE = "cache"


class RoomIsolation(Isolation):
    """Everything in a closed room, and each job of the fork server in a view of its own."""

    seals: ClassVar[bool] = True

    def __init__(self, results: Path, source: Path | None = None, groups: Groups | None = None) -> None:
        """Take the places that runs may see something of.

        Args:
            results: Folder of the job folders.
            source: Folder of a data source, which is written there; None: data does not come from a folder.
            groups: Makes control groups; None: nobody does.
        """
        super().__init__(results, groups)
        self._source = (source,) if source is not None else ()

    @abstractmethod
    def _command(
        self, writable: Sequence[Path], environment: Mapping[str, str], folder: Path | None = None
    ) -> Sequence[str]:
        """Return what stands before a command that is to run in a room.

        Args:
            writable: What can be written there.
            environment: Of the command.
            folder: Where it begins, in a process space of its own. None: in the machine's, with the machine's /proc:
                each slot makes itself a new one, which Linux allows only where nothing of the present one is covered.
                No code of a notebook sees that one.

        Raises:
            ExecutionError: It cannot be had on this machine.
        """

    def around_fork_server(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Return a room's command with all job folders in it; the view of each job hides the others'."""
        return self._command([self.results, home(), *self._source], environment)

    def around_run(self, folder: Path, scratch: Path, environment: Mapping[str, str]) -> Sequence[str]:
        """Return a room's command with the job's folder alone."""
        return self._command([folder, scratch, *self._source], environment, folder)

    def inside(self, environment: Mapping[str, str], scratch: Path) -> Mapping[str, str]:
        """Give a run a home of its own: the user's is not there. The kernels installed in that one stay known."""
        kernels = os.pathsep.join(jupyter_path())
        return {**environment, "HOME": str(scratch / PLACES["TMPDIR"]), "JUPYTER_PATH": kernels}

    def environment(self) -> Mapping[str, str]:
        """Return where caches are kept that are made once, such as matplotlib's list of fonts; no run sees them."""
        folder = home() / _CACHE
        folder.mkdir(mode=0o700, exist_ok=True)
        return {"MPLCONFIGDIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}


class BubblewrapIsolation(RoomIsolation):
    """The room is bubblewrap's; needs the program ``bwrap``, and a system on which users may make namespaces."""

    name: ClassVar[str] = "bwrap"

    def _command(
        self, writable: Sequence[Path], environment: Mapping[str, str], folder: Path | None = None
    ) -> Sequence[str]:
        options = ["--bind", "/proc", "/proc"]
        if folder is not None:
            options = ["--unshare-pid", "--proc", "/proc", "--chdir", str(folder)]
        program = bubblewrap.program()
        if program is None:
            raise ExecutionError("bubblewrap is not installed (the package bubblewrap has it)")
        room = bubblewrap.command(program, writable=writable, environment=environment, options=options)
        return [*room, sys.executable, "-I", "-S", keyring.__file__]


class UserIsolation(RoomIsolation):
    """The room is our own (:mod:`.closing`); for machines on which users may make namespaces, without bubblewrap."""

    name: ClassVar[str] = "user"

    def _command(
        self, writable: Sequence[Path], environment: Mapping[str, str], folder: Path | None = None
    ) -> Sequence[str]:
        program = unshare.program()
        if program is None:
            raise ExecutionError("unshare is not installed (the package util-linux has it)")
        return unshare.command(program, writable=writable, environment=environment, folder=folder)
