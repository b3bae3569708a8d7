"""Messages between the processes of the fork server: JSON with descriptors, on sockets that keep messages apart."""

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

MAX_MESSAGE = 1 << 16
"""Bytes of one."""


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
