"""The pages over sample documents: as much of a server as a browser needs to walk through them."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

from sse_starlette.sse import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from nbprocessor.web.headers import PAGE_HEADERS
from nbprocessor.web.pages import Pages, static_folder
from nbprocessor.web.report import REPORT_HEADERS, render_report
from tests.unit.web.documents import JOB, PAGES, PROBLEM, job
from tests.unit.web.notebooks import PICTURE, hostile, ordinary


class Sample:
    """A server with one job, which ends when it was dismissed or when the test says so."""

    def __init__(self):
        self.pages = Pages()
        self.status = "running"
        self.changed = asyncio.Event()
        self.received = []

    async def page(self, request):
        if request.url.path not in PAGES:
            return Response(status_code=404)
        name, document = PAGES[request.url.path]
        return self._page(request, name, document)

    async def execute(self, request):
        body = await request.json()
        self.received.append({"body": body, "prefer": request.headers["prefer"]})
        if body["inputs"].get("digits") == 99:
            return JSONResponse(PROBLEM, 400)
        self.status = "running"
        return JSONResponse(job(), 201, headers={"Location": f"http://other.name:1/jobs/{JOB}"})

    async def job(self, request):
        if request.method == "DELETE":
            self._end("dismissed")
            return JSONResponse(job(self.status))
        if request.query_params.get("f") == "json":
            return JSONResponse(job(self.status))
        return self._page(request, "job", job(self.status))

    async def end(self, _):
        self._end("successful")
        return Response()

    async def events(self, _):
        async def states():
            until = (datetime.now(UTC) + timedelta(minutes=4.5)).isoformat()
            state = job(self.status, progress=70, message="3 Ansehen", estimatedCompletion=until)
            yield ServerSentEvent(json.dumps(state), event="status")
            if self.status == "running":
                await self.changed.wait()
                yield ServerSentEvent(json.dumps(job(self.status)), event="status")

        return EventSourceResponse(states())

    async def picture(self, _):
        return Response(base64.b64decode(PICTURE), media_type="image/png")

    async def report(self, request):
        notebook = hostile() if request.path_params["which"] == "hostile" else ordinary()
        html = render_report(notebook, title="Division", language="de", run=job("failed"))
        bare = "bare" in request.query_params
        return HTMLResponse(html, headers={} if bare else dict(REPORT_HEADERS))

    async def received_requests(self, _):
        return JSONResponse(self.received)

    def _end(self, status):
        self.status = status
        self.changed.set()
        self.changed = asyncio.Event()

    def _page(self, request, name, document):
        url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        language = request.query_params.get("lang", "de")
        html = self.pages.render(name, document, language=language, url=url, base_url="")
        return HTMLResponse(html, headers=dict(PAGE_HEADERS))


def sample_app():
    """Return the application."""
    sample = Sample()
    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=static_folder())),
            Route("/processes/{id}/execution", sample.execute, methods=["POST"]),
            Route(f"/jobs/{JOB}", sample.job, methods=["GET", "DELETE"]),
            Route(f"/jobs/{JOB}/events", sample.events),
            Route(f"/jobs/{JOB}/results/picture", sample.picture),
            Route("/end", sample.end, methods=["POST"]),
            Route("/received", sample.received_requests),
            Route("/reports/{which}", sample.report),
            Route("/{path:path}", sample.page),
        ],
    )
