"""The other side of :mod:`.shell`: has a shell forked, asks it to run cells and passes on what they put out."""

import asyncio
import codecs
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from nbprocessor.errors import ExecutionError, LimitReached
from nbprocessor.execution import messages
from nbprocessor.execution.celloutputs import is_sound
from nbprocessor.execution.executor import Run
from nbprocessor.execution.limits import size
from nbprocessor.execution.shell import SIZE
from nbprocessor.model.process import Limits

LIMIT = 1 << 20
"""Bytes of output read ahead of what is worked off."""
GREATEST = 1 << 30
"""Bytes of a message, where outputs have no limit."""
_FUTURE = 10**11
CLEARING = 5.0
"""Seconds in which everything a job has left must have ended."""

Receive = Callable[[str, Mapping[str, Any]], None]
"""Takes one message of a cell: its kind in the Jupyter protocol, its content."""


class CellsDied(Exception):
    """The process of the cells ended by itself."""


class Garbled(ExecutionError):
    """The process of the cells said what no shell says: a cell wrote to its connection."""

    def __init__(self, cell_id: str) -> None:
        super().__init__(f'cell "{cell_id}" wrote to the connection through which its outputs are told')


class CannotSeal(Exception):
    """The process of the cells could not be shut off from what is not its job's."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a cell ended."""

    count: int
    """Its execution count."""
    ok: bool
    began: float
    """Seconds since the epoch."""
    ended: float

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Read what a shell tells.

        Raises:
            ValueError: No shell tells that.
        """
        reply = cls(**content)
        numbers = (reply.count, reply.began, reply.ended)
        if not all(isinstance(number, int | float) and 0 <= number < _FUTURE for number in numbers):
            raise ValueError("these are no times")
        return reply


class _Unreadable(Exception):
    """What came is no message."""


class _TooLong(_Unreadable):
    """A message is longer than all that a cell may put out."""


class Cells:
    """A forked shell; the keeper of the slot is its parent."""

    def __init__(
        self, keeper: socket.socket, connection: socket.socket, streams: Mapping[str, int], *, sealed: bool
    ) -> None:
        """Take over the fork.

        Args:
            keeper: To its parent.
            connection: To it.
            streams: Descriptors from which what it writes past Python is read: ``stdout``, ``stderr``.
            sealed: Whether it is to see its own job only.
        """
        self.lost = False
        """Whether the keeper is gone or does not answer: no further shell can be forked."""
        self.used = False
        """Whether it has been told what it is for."""
        self._keeper = keeper
        self._connection = connection
        self._streams = streams
        self._sealed = sealed
        self._limits = Limits()
        self._receive: Receive = lambda *_: None
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in streams}
        self._status: int | None = None
        self._changed = asyncio.Event()
        self._cleared = False

    @classmethod
    def forked(cls, keeper: socket.socket, *, sealed: bool) -> Self:
        """Have a shell forked.

        Raises:
            OSError: The system lets no further process be started.
            ConnectionError: The keeper is gone or does not answer.
        """
        ours, theirs = socket.socketpair()
        pipes = {"stdout": os.pipe(), "stderr": os.pipe()}
        with contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            for reads, _ in pipes.values():
                undo.callback(os.close, reads)
            try:
                _fork(keeper, theirs.fileno(), *(writes for _, writes in pipes.values()))
            finally:
                theirs.close()
                for _, writes in pipes.values():
                    os.close(writes)
            undo.pop_all()
        return cls(keeper, ours, {name: reads for name, (reads, _) in pipes.items()}, sealed=sealed)

    async def open(self, run: Run, kernel: Path | None = None) -> None:
        """Tell the shell where it is; called once, before the first cell.

        Args:
            run: What it is for.
            kernel: The connection file of the kernel it is to be; None: it is asked for cells here.

        Raises:
            CannotSeal: It could not be shut off.
            CellsDied: It has ended.
        """
        self.used = True
        self._reader, self._writer = await asyncio.open_connection(sock=self._connection, limit=LIMIT)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._keeper, self._hear)
        for name, descriptor in self._streams.items():
            os.set_blocking(descriptor, False)
            loop.add_reader(descriptor, self._drain, name)
        begin: dict[str, Any] = {"environment": dict(run.environment), "folder": str(Path.cwd())}
        begin["limits"] = asdict(run.process_limits)
        if kernel is not None:
            begin["kernel"] = str(kernel)
            self._receive = _to_log
        self._limits = run.limits
        if self._sealed:
            begin["view"] = run.view.plain()
        self._send(begin)
        try:
            kind, content = await self._message()
        except (asyncio.IncompleteReadError, ConnectionError, _Unreadable):
            raise CellsDied from None
        if kind != "ready":
            raise CannotSeal(content["reason"])

    def ask(self, code: str, cell_id: str, receive: Receive) -> None:
        """Have one cell run; :meth:`reply` has to be awaited before the next is asked for."""
        self._receive = receive
        self._send({"code": code, "cell": cell_id})

    async def reply(self, cell_id: str, then: Callable[[Reply], None]) -> Reply:
        """Wait for the end of the cell that was asked for.

        Args:
            cell_id: Its id.
            then: Called at its end, before who waits here is woken up; it may ask for the next cell.

        Raises:
            CellsDied: The child ended in it, or had ended before.
            LimitReached: It has put out at once more than it may.
            Garbled: It said what no shell says.
        """
        try:
            while True:
                kind, content = await self._message()
                if kind == "end":
                    self._drain_all()
                    reply = Reply.read(content)
                    then(reply)
                    return reply
                if not is_sound(kind, content):
                    raise Garbled(cell_id)
                self._receive(kind, content)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._drain_all()
            raise CellsDied from None
        except _TooLong:
            limit = self._limits.cell_output_size
            raise (LimitReached("cell output", size(limit), cell_id) if limit else Garbled(cell_id)) from None
        except (_Unreadable, ValueError, TypeError, RecursionError, MemoryError):
            raise Garbled(cell_id) from None

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the cell that runs."""
        self.signal(signal.SIGINT)

    def signal(self, number: int) -> None:
        """Send a signal to the shell."""
        self._ask({"signal": number})

    @property
    def status(self) -> int | None:
        """How the shell ended; negative: the signal that ended it; None: it lives."""
        return None if self._status is None else os.waitstatus_to_exitcode(self._status)

    async def close(self, patience: float) -> None:
        """End the shell, by itself within ``patience`` seconds, else at once, and whatever it has left."""
        try:
            with contextlib.suppress(ConnectionError, OSError):
                self._writer.write_eof()
            if patience:
                await self._over(patience)
        finally:
            await self._clear()

    async def _clear(self) -> None:
        """Have everything ended that the job has left, and let go of the shell."""
        self._ask({"clear": True})
        if not await self._until(lambda: self._cleared, CLEARING):
            self.lost = True
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._keeper)
        self._keeper.setblocking(True)
        for descriptor in self._streams.values():
            loop.remove_reader(descriptor)
            os.close(descriptor)
        self._writer.close()

    async def _over(self, patience: float) -> None:
        """Wait until the shell has done all it does at its end, or is gone; what it says meanwhile is no cell's."""
        with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError, _Unreadable):
            async with asyncio.timeout(patience):
                while (await self._message())[0] != "over":
                    pass

    async def exit_code(self) -> int | None:
        """Wait a moment for the end of the shell, and return how it ended."""
        await self._until(lambda: self._status is not None, 1.0)
        return self.status

    async def _until(self, condition: Callable[[], bool], patience: float) -> bool:
        """Wait for what the keeper tells, for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not condition() and not self.lost:
                    self._changed.clear()
                    await self._changed.wait()
        return condition()

    def _hear(self) -> None:
        """Take what the keeper tells."""
        try:
            told, _ = messages.receive(self._keeper, flags=socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if told is None:
            self.lost = True
            asyncio.get_running_loop().remove_reader(self._keeper)
            if self._status is None:
                self._status = signal.SIGKILL  # with its keeper everything in the slot has ended
        elif "exit" in told:
            self._status = told["exit"]
        elif "cleared" in told:
            self._cleared = True
        self._changed.set()

    def _ask(self, request: Mapping[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # its end is heard of
            messages.send(self._keeper, request)

    async def _message(self) -> tuple[str, dict[str, Any]]:
        """Wait for the next message.

        Raises:
            IncompleteReadError: There will be none.
            ConnectionError: Likewise.
            _Unreadable: What came is none.
        """
        length = SIZE.unpack(await self._reader.readexactly(SIZE.size))[0]
        most = (self._limits.cell_output_size or GREATEST) + LIMIT
        body = await self._body(length, most)
        if messages.crowded(body, most):
            raise _TooLong
        try:
            kind, content = messages.parsed(body)
        except (ValueError, TypeError, RecursionError, MemoryError):
            raise _Unreadable from None
        return kind, content

    async def _body(self, length: int, most: int) -> bytes:
        """Read a message, as long as it can be one of ``most`` letters: those beyond ASCII are written in six bytes."""
        if length > most * 6:
            raise _TooLong
        if length <= LIMIT:  # nearly all are
            return await self._reader.readexactly(length)
        parts, left, letters = [], length, 0
        while left and letters <= most:
            part = await self._reader.read(min(left, LIMIT))
            if not part:
                raise asyncio.IncompleteReadError(b"", left)
            parts.append(part)
            left -= len(part)
            letters += len(part) - 5 * part.count(b"\\")
        if letters > most:
            raise _TooLong
        return b"".join(parts)

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


def _to_log(kind: str, content: Mapping[str, Any]) -> None:
    """Write to the log of the run what a kernel says of itself, past the protocol."""
    if kind == "stream":
        sys.stderr.write(content["text"])
        sys.stderr.flush()


def _fork(keeper: socket.socket, *descriptors: int) -> None:
    messages.send(keeper, {"fork": True}, descriptors)
    keeper.settimeout(CLEARING)
    try:
        # The end of the shell before may be told now only.
        while (answer := messages.receive(keeper)[0]) is not None and not answer.keys() & {"forked", "error"}:
            pass
    finally:
        keeper.settimeout(None)
    if answer is None:
        raise ConnectionError("the keeper of the slot is gone")
    if "error" in answer:
        raise OSError(0, answer["error"])
