"""The process in which the cells of a Python notebook run: an IPython shell whose outputs are messages on a socket.

Made once in the fork server (:func:`prepare`) and forked for each run (:func:`serve`). It behaves as ipykernel's shell
does, without ZeroMQ and without threads: a sync cell runs inside a running asyncio loop, ``await`` works at the top,
plots are shown inline. What differs is listed in CONTRIBUTING, "Ways to run".
"""

import asyncio
import atexit
import base64
import builtins
import faulthandler
import importlib
import json
import os
import random
import re
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from traitlets.config import Config

from nbprocessor.execution import limits, pages
from nbprocessor.execution.interactive import Compiler, Hook, Publisher, Shell
from nbprocessor.execution.outlet import Emit, Outlet, Sender, Stream, flush, part_in_forks
from nbprocessor.execution.sandbox.view import Retreat, View
from nbprocessor.model.process import Limits

INLINE = "module://matplotlib_inline.backend_inline"
SIZE = struct.Struct("<Q")
"""Each message is JSON behind its length in bytes."""
AT_ONCE = 0.001
"""Seconds in which nothing else runs that a cell has left running in the loop."""

REHEARSED = (
    "print(1)\n1 + 1",
    "import pandas\npandas.DataFrame({'a': [1.0]})",
    "import geopandas, shapely\ngeopandas.GeoSeries([shapely.Point(1, 2)]).buffer(1).area",
)
"""What most notebooks do, each in its way; cells of :func:`rehearse`."""

_INPUT = builtins.input
_AWAITING = re.compile(r"\b(await|async)\b")


class _Written:
    """The pages of memory that a shell will write to, whatever its notebook does."""

    runs: ClassVar[Sequence[pages.Run]] = ()


def prepare() -> None:
    """Make the shell and import what draws; called once, in the fork server, before anything is forked."""
    os.environ["MPLBACKEND"] = INLINE
    InteractiveShellABC.register(Shell)
    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook)
    shell.set_hook("show_in_pager", _no_pager, priority=99)
    # Once through everything a cell can do: what is imported on the way is there for every run.
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Stream("stdout", 1), Stream("stderr", 2)
    try:
        for code in ("print(1)\n1 + 1", "1 / 0", "from IPython.display import HTML, display\ndisplay(HTML('x'))"):
            shell.run_cell(code, store_history=True)
    finally:
        sys.stdout, sys.stderr = kept
    shell.reset()
    shell.history_manager.forget()
    shell.execution_count = 1
    shell.displayhook.flush()


def rehearse() -> None:
    """Find out what shells write to in memory; called once, in the fork server, when all is there to be forked."""
    _Written.runs = pages.learn(_rehearsed)


def _rehearsed() -> None:
    """Be a shell from its beginning to its end."""
    shell = InteractiveShell.instance()
    _prepared(shell, None)
    for code in REHEARSED:
        shell.run_cell(code, store_history=True)
    atexit._run_exitfuncs()  # noqa: SLF001  # as in :func:`serve`


def serve(connection: socket.socket, hidden: Sequence[Path] | None = None) -> None:
    """Run cells as they are asked for; called in a fork of its own, and returns when no more are wanted.

    Args:
        connection: First comes ``environment``, the whole of it, ``folder``, to work in, ``limits`` of each process,
            and where the run is sealed its ``view``; the answer is ``ready`` or ``refused``. Then comes each cell's
            ``code`` and ``cell``, its id. Messages go back, the last of each cell is ``end``, the last of all
            ``over``. If ``environment`` came with ``kernel``, a connection file, it is asked there instead.
        hidden: Folders of others; None: the run is not sealed.
    """
    sender = Sender(connection)

    def emit(kind: str, content: Mapping[str, Any]) -> None:
        body = json.dumps([kind, content], default=_plain).encode("utf-8", "surrogatepass")
        sender.send(SIZE.pack(len(body)) + body)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    shell = InteractiveShell.instance()
    retreat, fault = _prepared(shell, hidden)
    begin = loop.run_until_complete(_request(connection))
    if begin is None:
        return
    try:
        if fault is not None:
            raise fault
        _settle(begin, retreat)
    except OSError as error:
        emit("refused", {"reason": str(error)})
        return
    emit("ready", {})
    if "kernel" in begin:
        # ipykernel is imported where kernels are wanted alone.
        importlib.import_module("nbprocessor.execution.forked_kernel").serve(begin["kernel"], _INPUT)
    else:
        Outlet.emit = staticmethod(emit)
        part_in_forks()
        loop.run_until_complete(_serve(connection, shell, emit))
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # what Python does at its end, which forks skip
    atexit._run_exitfuncs()  # noqa: SLF001  # likewise
    flush()
    emit("over", {})


def _prepared(shell: InteractiveShell, hidden: Sequence[Path] | None) -> tuple[Retreat | None, OSError | None]:
    """Do what needs no knowledge of the job, before there is one: a fork has the time for it, a job has not."""
    pages.copy(_Written.runs)
    sys.stdout, sys.stderr = Stream("stdout", 1), Stream("stderr", 2)
    sys.modules["__main__"] = shell.user_module
    shell.user_ns["__name__"] = "__main__"
    sys.path.insert(0, "")
    tempfile.tempdir = None
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    builtins.input = _no_input
    faulthandler.enable(file=2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What a cell writes to in memory is the fork's own from now on, which would take longer than most cells do.
    shell.run_cell("None", silent=True)
    shell.display_formatter.format(0)
    try:
        return (None if hidden is None else Retreat(hidden)), None
    except OSError as error:
        return None, error


async def _serve(connection: socket.socket, shell: InteractiveShell, emit: Emit) -> None:
    while request := await _request(connection):
        began = time.time()
        own = os.getpid()
        succeeded = await _run_cell(shell, request["code"], request["cell"])
        if os.getpid() != own:
            flush()
            os._exit(0 if succeeded else 1)  # a fork that came to the end of the cell that made it
        flush()
        emit("end", {"count": shell.execution_count - 1, "ok": succeeded, "began": began, "ended": time.time()})


async def _request(connection: socket.socket) -> dict[str, Any] | None:
    """Read the next request; None: there will be none. Tasks a cell has started go on meanwhile."""
    header = await _read(connection, SIZE.size)
    body = await _read(connection, SIZE.unpack(header)[0]) if header else None
    request: dict[str, Any] | None = json.loads(body) if body else None
    return request


async def _read(connection: socket.socket, size: int) -> bytes | None:
    """Read ``size`` bytes without making the socket non-blocking, which would let messages fail."""
    content = bytearray()
    while len(content) < size:
        try:
            part = connection.recv(size - len(content), socket.MSG_DONTWAIT)
        except BlockingIOError:
            # Most often the next cell comes at once, and the loop takes longer to wait for it.
            if not select.select([connection], [], [], AT_ONCE)[0]:
                await _readable(connection)
            continue
        if not part:
            return None
        content += part
    return bytes(content)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(connection, arrived.set)
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(connection)


async def _run_cell(shell: InteractiveShell, code: str, cell_id: str) -> bool:
    """Run one cell as ipykernel does: async ones in this loop, others while it is running."""
    Compiler.cell_id = cell_id
    if not (_AWAITING.search(code) or shell.input_transformers_post):
        # Most cells; what is looked at below would be looked at once more by the shell.
        return bool(shell.run_cell(code, store_history=True, cell_id=cell_id).success)
    fault = None
    try:
        transformed = shell.transform_cell(code)
    except Exception:  # noqa: BLE001  # the shell tells it when it runs the cell
        transformed, fault = code, sys.exc_info()
    if not shell.should_run_async(code, transformed_cell=transformed, preprocessing_exc_tuple=fault):
        return bool(shell.run_cell(code, store_history=True, cell_id=cell_id).success)
    running = asyncio.ensure_future(
        shell.run_cell_async(
            code,
            store_history=True,
            transformed_cell=transformed,
            preprocessing_exc_tuple=fault,
            cell_id=cell_id,
        )
    )
    before = signal.signal(signal.SIGINT, lambda *_: running.cancel())
    result = None
    try:
        result = await running
    except asyncio.CancelledError:
        Outlet.emit("error", {"ename": "KeyboardInterrupt", "evalue": "", "traceback": ["KeyboardInterrupt"]})
        return False
    finally:
        signal.signal(signal.SIGINT, before)
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
    return bool(result.success)


def _settle(begin: Mapping[str, Any], retreat: Retreat | None) -> None:
    """Make a job's process of a fork: its environment, view, limits and folder."""
    environment = {**begin["environment"], "MPLBACKEND": INLINE}
    # As ipykernel sets them: programs started by cells write in colour and do not page.
    environment |= {"TERM": "xterm-color", "CLICOLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}
    environment |= {"PAGER": "cat", "GIT_PAGER": "cat"}
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if retreat is not None:
        retreat.admit(View.read(begin["view"]))
    limits.apply(Limits(**begin["limits"]), alone=retreat is not None)
    os.chdir(begin["folder"])


def _no_pager(*_: object, **__: object) -> None:
    """Show nothing: a kernel leaves paged text to its front end, and in a notebook that is run there is none."""


def _no_input(*_: object) -> str:
    raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")


def _plain(value: object) -> Any:
    """Write what JSON does not have as ipykernel does."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "item"):
        return value.item()
    return repr(value) if not isinstance(value, set | frozenset | tuple) else list(value)
