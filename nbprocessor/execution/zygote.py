"""The fork server: a process with the heavy imports done, from which each run's processes are forked afresh.

``python -m nbprocessor.execution.zygote <descriptor>``: the descriptor is a socket (SEQPACKET). A request is
``{"run": number, "folder": path}`` with three descriptors (orders, messages, log); the answers are
``{"run": number, "pid": pid}`` and later ``{"run": number, "exit": status}``. The end of the socket is the end of this
process.

It has one thread and opens nothing: what is forked must not inherit locks, sockets or files of others. A run has two
processes: :mod:`.child`, which knows papermill and the job's folder, and below it :mod:`.shell`, which runs the cells.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path

from nbprocessor.execution import child, processtree, shell
from nbprocessor.execution.cells import Cells

PRELOADED = (
    "geopandas", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "numpy", "pandas", "pyogrio", "pyproj",
    "requests", "scipy.stats", "shapely",
    "nbprocessor.kit.charts", "nbprocessor.kit.datamanagement", "nbprocessor.kit.folder", "nbprocessor.kit.geojson",
    "nbprocessor.kit.maps", "nbprocessor.kit.outputs", "nbprocessor.kit.summary", "nbprocessor.kit.tables",
)  # fmt: skip
"""What notebooks import; whatever else they import is imported in each run, as everywhere."""
READY = {"ready": True}
MAX_MESSAGE = 1 << 16
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Import, then fork runs until nobody is left who asks for them."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    _end_with(os.getppid())  # also while it imports, when it does not look at the socket
    processtree.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends the runs in order
    shell.prepare()
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  # a package that cannot be imported is for the notebook that wants it
            print(f"fork server goes without {name}: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201  # its standard error is the log
    gc.collect()
    gc.freeze()  # what is here now is not looked through, and so not copied, in every fork
    control.send(json.dumps(READY).encode())
    _Zygote(control).serve()


class _Zygote:
    """Knows which runs are under way."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._runs: dict[int, int] = {}
        self._woken, self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Take requests and tell ends."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    os.read(self._woken, MAX_MESSAGE)
                    self._reap()
                if self._control in ready and not self._take():
                    return

    def _take(self) -> bool:
        """Take one request; False: there will be no more."""
        message, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, 3)
        if not message:
            return False
        request = json.loads(message)
        try:
            pid = os.fork()
            if pid == 0:
                self._become_run(request["folder"], *descriptors)
            self._runs[pid] = request["run"]
            self._tell({"run": request["run"], "pid": pid})
        except OSError as error:
            self._tell({"run": request["run"], "error": error.strerror})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _reap(self) -> None:
        """Tell which runs have ended, and end what got away from them."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                number = self._runs.pop(pid, None)
                if number is not None:
                    self._tell({"run": number, "exit": status})
        # Each process that ends may leave children, and those of an orphan come here when it has ended.
        _end_orphans(set(self._runs))

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more, which the next read finds out
            self._control.send(json.dumps(message).encode())

    def _become_run(self, folder: str, orders: int, messages: int, log: int) -> None:
        """Turn this fork into a run; it never comes back."""
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for descriptor in (self._woken, self._wakes):
                os.close(descriptor)
            os.dup2(orders, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            for descriptor in (orders, log):
                os.close(descriptor)
            os.chdir(folder)
            child.obey(messages, _forked_shell(messages))
            code = 0
        except BaseException:  # noqa: BLE001  # the door of this process: the log is all there is to tell
            traceback.print_exc()
        finally:
            os._exit(code)


def _forked_shell(messages: int) -> Cells:
    """Fork the process of the cells from a run's first one, before that has threads."""
    ours, theirs = socket.socketpair()
    pipes = {"stdout": os.pipe(), "stderr": os.pipe()}
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _end_with(parent)
            ours.close()
            os.close(messages)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, name in ((1, "stdout"), (2, "stderr")):
                os.dup2(pipes[name][1], number)
                for descriptor in pipes[name]:
                    os.close(descriptor)
            shell.serve(theirs)
            code = 0
        except SystemExit:
            code = 0
        except BaseException:  # noqa: BLE001  # the door of this process
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    theirs.close()
    for _, writes in pipes.values():
        os.close(writes)
    return Cells(pid, ours, {name: reads for name, (reads, _) in pipes.items()})


def _end_with(parent: int) -> None:
    """Die when the parent does, whatever kills it."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(child.LOST)


def _end_orphans(runs: set[int]) -> None:
    """Kill what a run has left that got away from it: its orphans become children of this process."""
    for pid in _children():
        if pid not in runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


if __name__ == "__main__":
    main()
