"""The fork server: a process with the heavy imports done, from which the processes of runs are forked.

``python -m nbprocessor.execution.zygote <descriptor> [kernels]``: a socket (SEQPACKET). The first message is
``{"ready": true}``. A request is ``{"slot": number, "hidden": paths}`` with two descriptors (the slot's control socket,
a pipe that tells by its end that the slot is gone); hidden are the folders of others, null where runs are not sealed.
The answers are ``{"slot": number, "pid": pid, "keeper": pid}`` and later ``{"slot": number, "exit": status}``, of its
runner. The end of the socket is the end of this process; slots that are at work outlive it.

It has one thread and opens nothing: what is forked must not inherit locks, sockets or files of others. A slot runs one
job after the other and has two processes: :mod:`.runner`, which knows papermill and the jobs' folders, and
:mod:`.keeper`, which forks the shell of each job (:mod:`.shell`) and sees to its end.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from nbprocessor.execution import forking, keeper, messages, pages, processtree, runner, shell
from nbprocessor.execution.attendance import Attendance
from nbprocessor.execution.sandbox import namespaces

PRELOADED = (
    "geopandas", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "numpy", "pandas", "pyogrio", "pyproj",
    "requests", "scipy.stats", "shapely",
    "nbprocessor.kit.charts", "nbprocessor.kit.datamanagement", "nbprocessor.kit.folder", "nbprocessor.kit.geojson",
    "nbprocessor.kit.maps", "nbprocessor.kit.outputs", "nbprocessor.kit.summary", "nbprocessor.kit.tables",
)  # fmt: skip
"""What notebooks import; whatever else they import is imported in each run, as everywhere."""
KERNEL = ("nbprocessor.execution.forked_kernel", "nbprocessor.execution.provisioner")
"""What kernels need besides."""
READY = {"ready": True}


def main() -> None:
    """Import, then fork slots until nobody is left who asks for them."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    _end_with(os.getppid())  # also while it imports, when it does not look at the socket
    processtree.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends the runs in order
    shell.prepare()
    for name in (*PRELOADED, *(KERNEL if "kernels" in sys.argv[2:] else ())):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  # a package that cannot be imported is for the notebook that wants it
            print(f"fork server goes without {name}: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201  # its standard error is the log
    pages.share()
    shell.rehearse()
    messages.send(control, READY)
    _Zygote(control).serve()


class _Zygote:
    """Knows which slots there are."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._runners: dict[int, int] = {}
        self._keepers: set[int] = set()
        self._attendance = Attendance(control)

    def serve(self) -> None:
        """Take requests and tell ends."""
        self._attendance.attend(self._take, self._reap)

    def _take(self) -> bool:
        """Take one request; False: there will be no more."""
        request, descriptors = messages.receive(self._control, 2)
        if request is None:
            return False
        number = request["slot"]
        try:
            hidden = None if request["hidden"] is None else [Path(path) for path in request["hidden"]]
            pid, its_keeper = self._make_slot(hidden, *descriptors)
            self._runners[pid] = number
            self._tell({"slot": number, "pid": pid, "keeper": its_keeper})
        except OSError as error:
            self._tell({"slot": number, "error": str(error)})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _make_slot(self, hidden: Sequence[Path] | None, control: int, alive: int) -> tuple[int, int]:
        """Fork a slot's two processes and return the numbers of runner and keeper."""
        its_keeper, its_runner = messages.pair()
        with its_keeper, its_runner:
            kept_by = self._fork_keeper(its_keeper, alive, (control, its_runner.fileno()), hidden)
            self._keepers.add(kept_by)
            pid = os.fork()
            if pid == 0:
                its_keeper.close()
                self._become(lambda: runner.serve(socket.socket(fileno=control), its_runner, sealed=hidden is not None))
            return pid, kept_by

    def _fork_keeper(
        self, control: socket.socket, alive: int, others: tuple[int, ...], hidden: Sequence[Path] | None
    ) -> int:
        """Fork a keeper; a sealed one is the first process of a process space of its own.

        Raises:
            OSError: The system allows no namespaces, or no further process.
        """

        def keep() -> None:
            for descriptor in others:
                os.close(descriptor)
            keeper.keep(control, alive, hidden)

        if hidden is None:
            pid = os.fork()
            if pid == 0:
                self._become(keep)
            return pid
        reads, writes = os.pipe()
        between = os.fork()
        if between == 0:
            os.close(reads)
            self._become(lambda: _leave_and_fork(writes, keep))
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            told = json.loads(pipe.read() or b'{"error": "the process that was to be sealed ended"}')
        os.waitpid(between, 0)
        if "error" in told:
            raise OSError(0, told["error"])
        return int(told["pid"])

    def _become(self, what: Callable[[], None]) -> NoReturn:
        """Turn this fork into something in a session of its own."""

        def apart() -> None:
            os.setsid()
            self._attendance.leave()
            what()

        forking.become(apart)

    def _reap(self) -> None:
        """Tell which runners have ended, and end what got away from the others."""
        for pid, status in forking.ended_children():
            self._keepers.discard(pid)
            number = self._runners.pop(pid, None)
            if number is not None:
                self._tell({"slot": number, "exit": status})
        # Each process that ends may leave children, and those of an orphan come here when it has ended.
        _end_orphans(self._runners.keys() | self._keepers)

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(ConnectionError):  # nobody is there any more, which the next read finds out
            messages.send(self._control, message)


def _leave_and_fork(writes: int, keep: Callable[[], None]) -> None:
    """Fork the keeper from a process that has left its namespaces, and tell its number or what went wrong.

    The number is told by this process: the keeper itself sees another one.
    """
    try:
        namespaces.leave_for_slot()
        waits, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(waits)
            os.close(writes)
            forking.become(lambda: _furnish_and_keep(tells, keep))
        os.close(tells)
        with os.fdopen(waits, "rb") as pipe:
            fault = pipe.read().decode()
        answer: dict[str, object] = {"error": fault} if fault else {"pid": pid}
    except OSError as error:
        answer = {"error": str(error)}
    os.write(writes, json.dumps(answer).encode())


def _furnish_and_keep(tells: int, keep: Callable[[], None]) -> None:
    """Be the first process of a new process space."""
    try:
        namespaces.furnish_slot()
    except OSError as error:
        os.write(tells, str(error).encode())
        return
    os.close(tells)
    keep()


def _end_with(parent: int) -> None:
    """Die when the parent does, whatever kills it."""
    forking.die_with_parent()
    if os.getppid() != parent:
        os._exit(runner.LOST)


def _end_orphans(known: set[int]) -> None:
    """Kill what a run has left that got away from it: its orphans become children of this process."""
    for pid in _children():
        if pid not in known:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


if __name__ == "__main__":
    main()
