"""Isolation ``bwrap``: everything in bubblewrap's closed room, and each job of the fork server in a view of its own."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from jupyter_core.paths import jupyter_path

from nbprocessor.errors import ExecutionError
from nbprocessor.execution.cgroups import Groups
from nbprocessor.execution.sandbox import bubblewrap
from nbprocessor.execution.sandbox.isolation import Isolation
from nbprocessor.execution.scratch import PLACES, home

_CACHE = "cache"


class BubblewrapIsolation(Isolation):
    """Needs the program ``bwrap`` and a system on which users may make namespaces."""

    name: ClassVar[str] = "bwrap"
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

    def around_fork_server(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Return bubblewrap's command with all job folders in it; the view of each job hides the others'."""
        return bubblewrap.command(
            _program(),
            writable=[self.results, home(), *self._source],
            environment=environment,
            # The process space is the machine's own, and so is /proc: each slot makes itself a new one, which Linux
            # allows only where nothing of the present one is covered. No code of a notebook sees it.
            options=["--bind", "/proc", "/proc"],
        )

    def around_run(self, folder: Path, scratch: Path, environment: Mapping[str, str]) -> Sequence[str]:
        """Return bubblewrap's command with the job's folder alone."""
        return bubblewrap.command(
            _program(),
            writable=[folder, scratch, *self._source],
            environment=environment,
            options=["--unshare-pid", "--proc", "/proc", "--chdir", str(folder)],
        )

    def inside(self, environment: Mapping[str, str], scratch: Path) -> Mapping[str, str]:
        """Give a run a home of its own: the user's is not there. The kernels installed in that one stay known."""
        kernels = os.pathsep.join(jupyter_path())
        return {**environment, "HOME": str(scratch / PLACES["TMPDIR"]), "JUPYTER_PATH": kernels}

    def environment(self) -> Mapping[str, str]:
        """Return where caches are kept that are made once, such as matplotlib's list of fonts."""
        folder = home() / _CACHE
        folder.mkdir(mode=0o700, exist_ok=True)
        return {"MPLCONFIGDIR": str(folder)}


def _program() -> str:
    found = bubblewrap.program()
    if found is None:
        raise ExecutionError("bubblewrap is not installed (the package bubblewrap has it)")
    return found
