"""Keeps foreign pages in a person's browser from using this server (cross-site requests, DNS rebinding)."""

from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from nbprocessor.api.negotiation import problem_type
from nbprocessor.api.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Refuses requests to names this server does not have, and changes asked for by pages of other origins."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], origins: Collection[str]) -> None:
        """Wrap an application.

        Args:
            app: What is guarded.
            hosts: Names without port under which the server answers; empty: under every name.
            origins: Origins (``https://host:port``) of pages that may ask for changes, beside the server's own.
        """
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            refusal = self._refusal(scope["method"], Headers(scope=scope))
            if refusal is not None:
                media_type = problem_type(Headers(scope=scope))
                response = JSONResponse(refusal.document(), int(refusal.status), media_type=media_type)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or "" if "@" not in host and _is_netloc(host) else ""
        if self._hosts and name not in self._hosts:
            return Problem(
                HTTPStatus.MISDIRECTED_REQUEST, f'This server is not "{host}"; set server.url if it should be.'
            )
        origin = headers.get("origin")
        # A browser asks with OPTIONS before it sends what a foreign page wants to be changed.
        is_preflight = method == "OPTIONS" and "access-control-request-method" in headers
        if origin is None or (method in SAFE_METHODS and not is_preflight):
            return None
        own = urlsplit(origin).netloc == host if _is_netloc(origin.partition("://")[2]) else False
        if own or origin in self._origins:
            return None
        return Problem(HTTPStatus.FORBIDDEN, f"Pages of {origin} may not change anything here (server.cors_origins).")


def _is_netloc(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
