"""The bridge between Starlette and pygeoapi's framework-free functions: request in, JSON out, page when asked for."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from pygeoapi.api import APIRequest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from nbprocessor.api import negotiation
from nbprocessor.api.caching import conditional
from nbprocessor.api.call import CALL, Call
from nbprocessor.api.cookies import visitor
from nbprocessor.api.service import NotebookAPI
from nbprocessor.auth.identity import Visitor
from nbprocessor.language import LANGUAGES
from nbprocessor.model import Json

Function = Callable[..., tuple[Mapping[str, str], int, str | bytes]]
"""One of pygeoapi's: (api, request, *path parameters) → (headers, status, body)."""


class Render(Protocol):
    """Writes a page for people from the document a client gets."""

    def __call__(
        self,
        page: str,
        data: Mapping[str, Json],
        *,
        language: str,
        url: str,
        base_url: str,
        visitor: Visitor | None = None,
    ) -> str:
        """Return the page's HTML."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pygeoapi function answered."""

    document: Any
    status: int
    language: str


async def ask(
    api: NotebookAPI, request: Request, call: Call, function: Function, *arguments: str, **query: str
) -> Answer:
    """Let a pygeoapi function answer the request as JSON.

    Args:
        api: pygeoapi's API object.
        request: The request; its body was read before and is not read again.
        call: What our process manager needs to know of the request.
        function: pygeoapi's function.
        arguments: Its path parameters.
        query: Query parameters that stand in for those the client sent.
    """
    negotiation.refuse_unknown_language(request.query_params)
    asked = urlencode(dict(request.query_params) | query | {"f": "json"})
    plain = Request(dict(request.scope) | {"query_string": asked.encode()}, receive=_empty_body)
    pygeoapi_request = APIRequest(plain, api.locales)
    if call.execution is not None:
        # The body was read, bounded and validated by us; pygeoapi only needs to see that there is one.
        pygeoapi_request._data = b'{"inputs": {}}'  # noqa: SLF001  # its own constructors set it like this
    token = CALL.set(call)
    try:
        _, status, body = await run_in_threadpool(function, api, pygeoapi_request, *arguments)
    finally:
        CALL.reset(token)
    return Answer(json.loads(body), int(status), pygeoapi_request.locale.language)


def represent(
    request: Request,
    document: Mapping[str, Json],
    *,
    page: str,
    render: Render,
    language: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = negotiation.JSON,
) -> Response:
    """Send a document as JSON or as a page, whichever the client wants."""
    sent = {"Content-Language": language, "Vary": "Accept, Accept-Language"} | dict(headers or {})
    if negotiation.wanted(request.query_params, request.headers) == "html":
        url = page_address(request)
        root, who = request.scope.get("root_path", ""), visitor(request)
        if who is not None:
            # It says who looks at it, and must not be there for the next person at this browser.
            sent = {"Cache-Control": "no-store"} | sent
        html = render(page, document, language=language, url=url, base_url=root, visitor=who)
        return conditional(request, HTMLResponse(html, status, headers=sent))
    return conditional(request, JSONResponse(document, status, headers=sent, media_type=media_type))


def page_address(request: Request) -> str:
    """Return path and query of a page, for its links to itself."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def sign_in_address(request: Request) -> str:
    """Return where a person signs in to come back to this page."""
    language = request.query_params.get("lang")
    query = {"to": page_address(request)} | ({"lang": language} if language in LANGUAGES else {})
    return f"{request.scope.get('root_path', '')}/sign-in?{urlencode(query)}"


async def _empty_body() -> dict[str, Json]:
    return {"type": "http.request", "body": b"", "more_body": False}
