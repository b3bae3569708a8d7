"""The way from the gateway to Data Management: one pool of connections for all jobs, kept open between requests.

httpcore, on which httpx stands, sends bytes as they are given: no path is normalised, no cookie kept, no redirect
followed and no proxy of the environment used, each of which would decide anew where a token goes.
"""

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import httpcore
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from nbprocessor import config

KEEP = 15.0
"""Seconds an unused connection is kept; less than servers do, so that none is found closed when it is needed."""
KEPT = 16
"""Unused connections kept at most."""

Headers = Mapping[str, str]


class Upstream:
    """Data Management as the settings have it; used in one event loop, until :meth:`close`."""

    def __init__(self, settings: config.Data) -> None:
        parts = urlsplit(settings.source)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port
        self._socket = settings.gateway
        # Whatever listens at a socket of the operator's knows the way from there.
        self._base = "" if self._socket else parts.path.rstrip("/").removesuffix("/management").rstrip("/")
        self._timeout = {
            "connect": settings.connect_timeout,
            "pool": settings.connect_timeout,
            "read": settings.read_timeout,
            "write": settings.read_timeout,
        }
        self._name = parts.netloc.rpartition("@")[2]
        self._pool: httpcore.AsyncConnectionPool | None = None

    def ask(
        self, method: str, target: str, headers: Headers, body: AsyncIterator[bytes] | None
    ) -> AbstractAsyncContextManager[httpcore.Response]:
        """Return the answer to one request, to be entered; its body is read as a stream.

        Args:
            method: HTTP method.
            target: Encoded path and query, from ``/management`` on.
            headers: All there are but ``Host``.
            body: Needs ``Content-Length`` among the headers.

        Raises:
            httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError: There is no answer.
        """
        if self._pool is None:
            self._pool = self._open()
        scheme = "http" if self._socket else self._scheme
        url = httpcore.URL(
            scheme=scheme, host=self._host, port=None if self._socket else self._port, target=f"{self._base}{target}"
        )
        sent = [("Host", self._name), *headers.items()]
        return self._pool.stream(method, url, headers=sent, content=body, extensions={"timeout": self._timeout})

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.aclose()

    def _open(self) -> httpcore.AsyncConnectionPool:
        secure = self._scheme == "https" and not self._socket
        return httpcore.AsyncConnectionPool(
            ssl_context=_trust() if secure else None,
            max_connections=None,  # each job has its own bound; one that holds all it may must not stop others
            max_keepalive_connections=KEPT,
            keepalive_expiry=KEEP,
            uds=self._socket or None,
        )


def _trust() -> ssl.SSLContext:
    """Return whom to trust: what ``SSL_CERT_FILE`` or ``REQUESTS_CA_BUNDLE`` names, else what browsers trust."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    return ssl.create_default_context(cafile=named)
