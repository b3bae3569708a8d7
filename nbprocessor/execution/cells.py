"""The other side of :mod:`.shell`: asks a forked shell to run cells and passes on what they put out."""

import asyncio
import codecs
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nbprocessor.execution.shell import SIZE

Receive = Callable[[str, Mapping[str, Any]], None]
"""Takes one message of a cell: its kind in the Jupyter protocol, its content."""


class CellsDied(Exception):
    """The process of the cells ended by itself."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a cell ended."""

    count: int
    """Its execution count."""
    ok: bool
    began: float
    """Seconds since the epoch."""
    ended: float


class Cells:
    """A forked shell, child of this process."""

    def __init__(self, pid: int, connection: socket.socket, streams: Mapping[str, int]) -> None:
        """Take over the fork.

        Args:
            pid: The child.
            connection: To it.
            streams: Descriptors from which what it writes past Python is read: ``stdout``, ``stderr``.
        """
        self._pid = pid
        self._connection = connection
        self._streams = streams
        self._receive: Receive = lambda *_: None
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in streams}
        self._status: int | None = None

    async def open(self, environment: Mapping[str, str], folder: str) -> None:
        """Tell the child where it is; called once, before the first cell."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._connection)
        loop = asyncio.get_running_loop()
        for name, descriptor in self._streams.items():
            os.set_blocking(descriptor, False)
            loop.add_reader(descriptor, self._drain, name)
        self._send({"environment": dict(environment), "folder": folder})

    async def run(self, code: str, cell_id: str, receive: Receive) -> Reply:
        """Run one cell.

        Raises:
            CellsDied: The child ended in it, or had ended before.
        """
        self._receive = receive
        self._send({"code": code, "cell": cell_id})
        try:
            while True:
                size = SIZE.unpack(await self._reader.readexactly(SIZE.size))[0]
                kind, content = json.loads(await self._reader.readexactly(size))
                if kind == "end":
                    self._drain_all()
                    return Reply(**content)
                receive(kind, content)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._drain_all()
            raise CellsDied from None

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the cell that runs."""
        self._signal(signal.SIGINT)

    async def close(self, patience: float) -> None:
        """End the child: by itself within ``patience`` seconds, else at once."""
        if hasattr(self, "_writer"):
            with contextlib.suppress(ConnectionError):
                self._writer.write_eof()
        if patience:
            await self._gone(patience)
        self._signal(signal.SIGKILL)
        await self._gone(patience or 1.0)
        for descriptor in self._streams.values():
            asyncio.get_running_loop().remove_reader(descriptor)

    async def exit_code(self) -> int | None:
        """Return how the child ended; negative: the signal that ended it."""
        await self._gone(1.0)
        return None if self._status is None else os.waitstatus_to_exitcode(self._status)

    async def _gone(self, patience: float) -> None:
        """Wait until the child is gone, for a while."""
        loop = asyncio.get_running_loop()
        if self._reaped():
            return
        descriptor = os.pidfd_open(self._pid)
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            async with asyncio.timeout(patience):
                await ended.wait()
        except TimeoutError:
            return
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        self._reaped()

    def _reaped(self) -> bool:
        if self._status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                self._status = status if pid else None
        return self._status is not None

    def _signal(self, number: signal.Signals) -> None:
        # Until it is reaped, which happens here only, its number is nobody else's.
        if not self._reaped():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def _send(self, request: Mapping[str, Any]) -> None:
        body = json.dumps(request).encode()
        with contextlib.suppress(ConnectionError):  # its end is found where its answer is awaited
            self._writer.write(SIZE.pack(len(body)) + body)

    def _drain_all(self) -> None:
        for name in self._streams:
            self._drain(name)

    def _drain(self, name: str) -> None:
        """Pass on what was written past Python: by C libraries, and by programs a cell has started."""
        descriptor = self._streams[name]
        try:
            while content := os.read(descriptor, 1 << 16):
                if text := self._decoders[name].decode(content):
                    self._receive("stream", {"name": name, "text": text})
        except BlockingIOError:
            return
        asyncio.get_running_loop().remove_reader(descriptor)
