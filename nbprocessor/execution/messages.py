"""Messages between the processes of the fork server: JSON with descriptors, on sockets that keep messages apart."""

import json
import re
import socket
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

MAX_MESSAGE = 1 << 16
"""Bytes of one."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a letter; mostly the other half follows."""
_STRING = re.compile(rb'"[^"]*+"?')
_PIECE = re.compile(rb'(?:[^"]++|"[^"]*+"?){1,1000}+')
"""Some strings and what is between them, where there are no escapes."""
PLACE = 8
"""Bytes that a value counts for at least, however few it is written with: in memory it takes more."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(connection: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message.

    Raises:
        ConnectionError: The other side is gone.
    """
    try:
        socket.send_fds(connection, [json.dumps(message).encode()], descriptors)
    except OSError as error:
        raise ConnectionError(str(error)) from error


def receive(connection: socket.socket, count: int = 0, flags: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """Wait for a message and return it with its descriptors, ``count`` at most; None: the other side is gone.

    Raises:
        BlockingIOError: There is none yet, and the socket or the flags say not to wait.
    """
    try:
        content, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE, count, flags)
    except BlockingIOError:
        raise
    except OSError:
        return None, []
    message: dict[str, Any] | None = json.loads(content) if content else None
    return message, descriptors


def parsed(text: bytes) -> Any:
    """Read JSON of somebody else; halves of letters, which no file takes, become U+FFFD, as in a kernel's texts.

    Raises:
        ValueError: It is none.
        RecursionError: It is deeper than can be read.
    """
    value = json.loads(text.decode("utf-8", "replace"))
    if b"\\u" not in text or _SURROGATE.search(text) is None:
        return value
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return json.loads(whole)


def crowded(text: bytes, most: int) -> bool:
    """Tell, without reading it, whether JSON has more values than ``most`` bytes have a place for.

    Three bytes of ``[],`` become seventy in memory. What is in strings does not count.
    """
    if len(text) * PLACE <= most or _marks(text) * PLACE <= most:
        return False
    text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    found = (_marks(_STRING.sub(b"", piece[0])) for piece in _PIECE.finditer(text))
    return any(total * PLACE > most for total in accumulate(found))


def _marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
