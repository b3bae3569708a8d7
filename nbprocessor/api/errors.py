"""The request's door: every error becomes a problem document, as JSON or as a page; nothing else leaves the server."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from nbprocessor.api import negotiation
from nbprocessor.api.cookies import visitor
from nbprocessor.api.endpoint import Render, page_address, sign_in_address
from nbprocessor.api.problems import Problem, problem
from nbprocessor.errors import NbprocessorError, Unauthenticated

log = logging.getLogger(__name__)

_FRESH = {"Cache-Control": "no-store", "Vary": "Accept"}


class ErrorResponses:
    """Exception handlers for the application."""

    def __init__(self, render: Render, page_headers: Mapping[str, str], *, signs_in: bool = False) -> None:
        """Take what pages are written with.

        Args:
            render: Writes the page of a problem.
            page_headers: Headers of a page.
            signs_in: There is a page to sign in at, for whoever opens one that is not for everybody.
        """
        self._render = render
        self._signs_in = signs_in
        # The page of an unexpected error is written outside of every middleware.
        self._page_headers = page_headers

    def handlers(self) -> Mapping[Any, Callable[[Request, Exception], Any]]:
        """Return the table for Starlette."""
        return {NbprocessorError: self.ours, HTTPException: self.routing, Exception: self.unexpected}

    async def ours(self, request: Request, error: Exception) -> Response:
        """Answer an error raised on purpose."""
        assert isinstance(error, NbprocessorError)
        if self._signs_in and isinstance(error, Unauthenticated) and _opens_page(request):
            return RedirectResponse(sign_in_address(request), HTTPStatus.SEE_OTHER, headers=_FRESH)
        found = problem(error)
        if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("request failed method=%s path=%r error=%s", request.method, request.url.path, error)
        return self._response(request, found)

    async def routing(self, request: Request, error: Exception) -> Response:
        """Answer what no route takes: 404, 405, and ``OPTIONS``, which is answered alike everywhere."""
        assert isinstance(error, HTTPException)
        status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted({*headers.get("Allow", "GET, HEAD").split(", "), "OPTIONS"}))
            if request.method == "OPTIONS":
                return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        detail = {
            HTTPStatus.NOT_FOUND: f'There is nothing at "{request.url.path}".',
            HTTPStatus.METHOD_NOT_ALLOWED: f'{request.method} is not possible at "{request.url.path}".',
        }.get(status, str(error.detail))
        return self._response(request, Problem(status, detail, headers=headers))

    async def unexpected(self, request: Request, error: Exception) -> Response:
        """Answer a fault of the server; the person is told nothing of its inside, the log everything."""
        log.error("request failed method=%s path=%r", request.method, request.url.path, exc_info=error)
        return self._response(request, problem(NbprocessorError()))

    def _response(self, request: Request, found: Problem) -> Response:
        headers = dict(found.headers) | _FRESH
        if _wants_page(request):
            html = self._render(
                "problem",
                found.document(),
                language=negotiation.language(request.query_params, request.headers),
                url=page_address(request),
                base_url=request.scope.get("root_path", ""),
                visitor=visitor(request),
            )
            return HTMLResponse(html, int(found.status), headers=headers | dict(self._page_headers))
        return JSONResponse(
            found.document(), int(found.status), headers=headers, media_type=negotiation.problem_type(request.headers)
        )


def _opens_page(request: Request) -> bool:
    """Tell whether a person opens a page, and says nothing of who he is; a script or a frame cannot sign in."""
    headers = request.headers
    mode, place = headers.get("sec-fetch-mode", "navigate"), headers.get("sec-fetch-dest", "document")
    opens = request.method in {"GET", "HEAD"} and mode == "navigate" and place == "document"
    return opens and "authorization" not in headers and "share" not in request.query_params and _wants_page(request)


def _wants_page(request: Request) -> bool:
    try:
        return negotiation.wanted(request.query_params, request.headers) == "html"
    except NbprocessorError:
        return False
