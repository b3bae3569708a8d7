"""A job's socket: made before its run with mode 0600, served by the worker's event loop, gone after it.

uvicorn's connection class reads and writes HTTP; its server, with signals, ticks and a start of its own, would be one
too many per job.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from nbprocessor import config
from nbprocessor.errors import ExecutionError
from nbprocessor.execution.gateway.exchange import Exchange
from nbprocessor.execution.gateway.tokens import TokenSource
from nbprocessor.execution.gateway.upstream import Upstream
from nbprocessor.model.job import Job
from nbprocessor.model.manifest import DataRequest

LONGEST_NAME = 107
"""Bytes a unix socket's name may have (``sun_path`` of unix(7), with its end)."""
CONNECTIONS = 64
"""Connections of one job at most; they are descriptors of the server."""
IDLE = 3600
"""Seconds an unused connection stays: it ends with the job."""


def leads_to_data_management(settings: config.Data) -> bool:
    """Tell whether jobs need a gateway: their data is neither invented nor in a folder."""
    return settings.source.startswith(("http://", "https://"))


def socket_of(scratch: Path) -> Path:
    """Return where the socket of a run is, given its temporary folder."""
    return scratch / "data.sock"


class Gateway:
    """Opens a socket for each job of one worker; they share the connections to Data Management."""

    def __init__(self, settings: config.Data, tokens: TokenSource) -> None:
        """Take the settings and the source of tokens; nothing is opened yet."""
        self._settings = settings
        self._tokens = tokens
        self._upstream = Upstream(settings)
        # uvicorn writes a line for each piece of garbage; a notebook could fill the server's log.
        self._log = logging.getLogger(f"{__name__}.http")
        self._log.setLevel(logging.CRITICAL)
        self._http = Config(_nowhere, lifespan="off", log_config=None, ws="none", http="h11", interface="asgi3")
        self._http.timeout_keep_alive = IDLE
        self._http.load()

    @property
    def needed(self) -> bool:
        """Tell whether jobs reach their data through a gateway."""
        return leads_to_data_management(self._settings)

    def signs_in(self, job: Job) -> bool:
        """Tell whether requests of a job will carry a token; a socket of the operator's adds its own."""
        return bool(self._settings.gateway) or self._tokens.signs_in(job)

    async def open(self, job: Job, writable: Collection[str], path: Path) -> "Door":
        """Open a job's socket.

        Args:
            job: Whose requests will come.
            writable: Ids of the indicators it may write.
            path: Where the socket is to be; only this user may look into its folder.

        Raises:
            ExecutionError: There can be no socket of this name.
        """
        exchange = Exchange(job, writable, upstream=self._upstream, tokens=self._tokens, settings=self._settings)
        state = ServerState()
        listening = _listening(path)
        try:
            server = await asyncio.get_running_loop().create_unix_server(
                lambda: _Connection(self._http, state, exchange, self._log), sock=listening, backlog=CONNECTIONS
            )
        except BaseException:
            listening.close()
            path.unlink(missing_ok=True)
            raise
        return Door(path, server, state, exchange)

    async def close(self) -> None:
        """Close the connections to Data Management."""
        await self._upstream.close()


class Door:
    """The open socket of one job."""

    def __init__(self, path: Path, server: asyncio.Server, state: ServerState, exchange: Exchange) -> None:
        self._path = path
        self._server = server
        self._state = state
        self._exchange = exchange

    @property
    def requests(self) -> tuple[DataRequest, ...]:
        """Return the requests that ended so far."""
        return self._exchange.lineage.requests

    @property
    def left_out(self) -> int:
        """Return how many requests were counted only."""
        return self._exchange.lineage.left_out

    @property
    def tokens(self) -> frozenset[str]:
        """Return the tokens that were sent."""
        return frozenset(self._exchange.used)

    async def close(self) -> None:
        """Take no more requests, end those under way, and remove the socket."""
        self._server.close()
        tasks = set(self._state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for connection in list(self._state.connections):
            connection.transport.abort()
        self._path.unlink(missing_ok=True)


class _Connection(H11Protocol):
    """One connection of a kernel; closed at once when there are too many, or when it is another user's."""

    def __init__(self, http: Config, state: ServerState, exchange: Exchange, log: logging.Logger) -> None:
        super().__init__(http, state, {})
        self.logger = log
        self._exchange = exchange

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to read."""
        super().connection_made(transport)
        self.app = partial(self._exchange.answer, abort=transport.abort)
        if len(self.connections) > CONNECTIONS or not _is_ours(transport.get_extra_info("socket")):
            transport.abort()


def _listening(path: Path) -> socket.socket:
    name = os.fsencode(path)
    if len(name) > LONGEST_NAME:
        raise ExecutionError(
            f"the job's way to its data would be the socket {path}, whose name has {len(name)} bytes and may have "
            f"{LONGEST_NAME}; set TMPDIR to a folder with a shorter name"
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(name)
        path.chmod(0o600)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise ExecutionError(f"the job's way to its data could not be opened: {error.strerror or error}") from error
    return listening


def _is_ours(connection: socket.socket) -> bool:
    """Tell whether the other side runs as this user; where the system does not tell, its file modes must do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid == os.geteuid()


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Stand in where uvicorn wants an application: each connection has its job's."""
