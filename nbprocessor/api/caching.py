"""Conditional requests (RFC 9110, section 13): whoever has the newest version already is told so, and no more."""

from collections.abc import Mapping
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response
from werkzeug.http import parse_etags

_KEPT = ("etag", "cache-control", "vary", "content-language", "content-location", "expires")
"""Headers that a 304 has as the 200 would (RFC 9110, section 15.4.5)."""


def conditional(request: Request, response: Response) -> Response:
    """Give a response its ETag, and answer 304 in its place when the client names that very tag.

    Caches may keep it, and ask each time: a job's status and a process on offer change at any moment.
    """
    if response.status_code != 200 or request.method not in {"GET", "HEAD"}:
        return response
    response.headers.setdefault("ETag", f'"{sha256(bytes(response.body)).hexdigest()[:32]}"')
    response.headers.setdefault("Cache-Control", "no-cache")
    known = parse_etags(", ".join(request.headers.getlist("if-none-match")) or None)
    if not known.contains_weak(response.headers["ETag"].strip('"')):
        return response
    return Response(status_code=304, headers=_kept(response.headers))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT if name in headers}
