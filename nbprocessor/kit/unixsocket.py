"""HTTP over a unix socket for requests: the way from a job's kernel to its gateway."""

import socket
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError


class UnixSocketAdapter(HTTPAdapter):
    """Sends every request it is mounted for to one socket; host and port of the URL do not matter."""

    def __init__(self, path: str, connections: int) -> None:
        self._connections = _Pool(path, connections)
        super().__init__()

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,  # noqa: ARG002 - the signature is requests'
        verify: bool | str | None,  # noqa: ARG002 - so is this
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - and this
        cert: Any = None,  # noqa: ARG002 - and this
    ) -> HTTPConnectionPool:
        """Return the pool of connections to the socket; called by requests for every request."""
        return self._connections

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
        super().close()


class _Pool(HTTPConnectionPool):
    def __init__(self, path: str, connections: int) -> None:
        super().__init__("localhost", maxsize=connections, block=True)
        self._path = path

    def _new_conn(self) -> HTTPConnection:
        return _Connection(self._path)


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if isinstance(self.timeout, int | float):
                connection.settimeout(self.timeout)
            connection.connect(self._path)
        except TimeoutError as error:
            connection.close()
            raise ConnectTimeoutError(self, "the gateway does not take connections") from error
        except OSError as error:
            connection.close()
            raise NewConnectionError(self, f"the gateway cannot be reached: {error.strerror or error}") from error
        return connection
