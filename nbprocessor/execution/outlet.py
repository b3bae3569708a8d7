"""What leaves a shell: its messages through one socket, and the texts of its two streams, which become messages.

Any thread of a cell may print, and so may what comes in between in the middle of a print of the same thread: a
signal's handler, a finalizer. Nothing is lost then or told twice, and no message begins within another.
"""

import contextlib
import io
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

BUFFER = 1 << 16
"""Characters of text kept back at most."""
PAUSE = 0.02
"""Seconds between two messages of text at least, while lines come quickly."""

Emit = Callable[[str, Mapping[str, Any]], None]
"""Takes a message: its kind in the Jupyter protocol, its content."""


class Outlet:
    """Where the shell's messages go; the socket is there after the fork only."""

    emit: ClassVar[Emit] = staticmethod(lambda *_: None)
    lock: ClassVar[threading.RLock] = threading.RLock()
    """Held by who makes messages of text or sends them. One for both: what comes in between holds one and wants
    the other."""


class Sender:
    """Sends one message after the other, each whole, whoever brings them and whatever comes in between."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._due: deque[tuple[memoryview, list[int]]] = deque()
        """Messages, and how many bytes of each were taken, time by time."""
        self._sending = False

    def send(self, message: bytes) -> None:
        """Send a message behind those that were brought before; it is sent when this returns.

        But for one that comes in between while this thread is sending: that one goes right behind the other. And if a
        signal's handler raises, what is left goes before the next.
        """
        self._due.append((memoryview(message), []))
        with Outlet.lock:
            if self._sending:
                return
            self._sending = True
            try:
                self._send_due()
            finally:
                self._sending = False

    def _send_due(self) -> None:
        while self._due:
            message, taken = self._due[0]
            while (done := sum(taken)) < len(message):
                # Counted within one call: a handler that raises right after it leaves the number known.
                taken.extend(map(self._connection.send, (message[done:],)))
            self._due.popleft()


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the cells."""

    encoding = "utf-8"

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self._parts: list[str] = []
        self._length = 0
        self._pause = PAUSE
        self._sent = 0.0
        self._flushing = False
        self._again = False

    def fileno(self) -> int:
        """Return the descriptor that programs started by a cell write to."""
        return self._descriptor

    def writable(self) -> bool:
        """Say that one can write here."""
        return True

    def write(self, text: str) -> int:
        """Keep text back until a line is complete, and for a moment while lines come quickly."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        # No lock: a list takes each text whole, and the length only says about when there is enough of it.
        self._parts.append(text)
        self._length += len(text)
        if self._length > BUFFER or ("\n" in text and time.monotonic() - self._sent > self._pause):
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what was kept back."""
        with Outlet.lock:
            self._again = True
            if self._flushing:
                return  # this very thread is at it below, and sends this after what it has in hand
            self._flushing = True
            try:
                while self._again:
                    self._again = False
                    self._send()
            finally:
                self._flushing = False

    def leave(self) -> None:
        """Be the stream of a fork that a cell has made: what was kept back is the cell's, and a fork may just end."""
        self._parts = []
        self._length = 0
        self._flushing = self._again = False
        self._pause = -1.0

    def _send(self) -> None:
        # As much as there is now: what others go on writing comes behind it, and is theirs to send.
        number = len(self._parts)
        text = "".join(self._parts[:number])
        del self._parts[:number]
        self._length = 0
        if text:
            self._sent = time.monotonic()
            Outlet.emit("stream", {"name": self.name, "text": text})


def flush() -> None:
    """Send what the streams kept back."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a cell may have put anything there
            stream.flush()


def part_in_forks() -> None:
    """Let forks that cells make print past Python: what they sent would be taken for the cell's, and cut its messages.

    Such forks are the processes of :mod:`multiprocessing`. What they display goes to nobody, as with a kernel.
    """
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, Stream)]
    descriptors = {stream.name: stream.fileno() for stream in streams}

    def emit(kind: str, content: Mapping[str, Any]) -> None:
        if kind == "stream":
            rest = memoryview(content["text"].encode("utf-8", "backslashreplace"))
            with contextlib.suppress(OSError):  # it has closed them, or nobody reads any more
                while rest:
                    rest = rest[os.write(descriptors[content["name"]], rest) :]

    def leave() -> None:
        Outlet.lock = threading.RLock()  # a thread that is not there may hold the other one
        Outlet.emit = staticmethod(emit)
        for stream in streams:
            stream.leave()

    os.register_at_fork(before=flush, after_in_child=leave)
