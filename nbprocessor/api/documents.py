"""What a job leaves beside its results: executed notebook, report, log, inputs, manifest; and its events."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from http import HTTPStatus

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from nbprocessor import contract
from nbprocessor.api import negotiation
from nbprocessor.api.caching import conditional
from nbprocessor.api.endpoint import represent
from nbprocessor.api.jobs import status_info
from nbprocessor.api.services import Services
from nbprocessor.errors import NoSuchOutput, ResultGone, ResultNotReady
from nbprocessor.language import text
from nbprocessor.model import Json
from nbprocessor.model.job import Job

NOTEBOOK_TYPE = "application/x-ipynb+json"


class DocumentRoutes:
    """One method per document of a job, and of a process its notebook and findings."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def routes(self) -> list[Route]:
        """Return the route table."""
        return [
            Route("/jobs/{job_id}/notebook", self.notebook),
            Route("/jobs/{job_id}/report", self.report),
            Route("/jobs/{job_id}/log", self.log),
            Route("/jobs/{job_id}/inputs", self.inputs),
            Route("/jobs/{job_id}/manifest", self.manifest),
            Route("/jobs/{job_id}/events", self.events),
            Route("/processes/{process_id}/notebook", self.process_notebook),
            Route("/processes/{process_id}/check", self.process_check),
            Route("/health", self.health),
        ]

    async def notebook(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/notebook``: the executed notebook, partial while the job runs."""
        job, content = await run_in_threadpool(self._read, request, contract.FILE_EXECUTED)
        return conditional(request, _attachment(content, NOTEBOOK_TYPE, f"{job.process_id}-{job.id}.ipynb"))

    async def report(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/report``: the executed notebook as a page without scripts, code folded."""
        html = await run_in_threadpool(self._report, request)
        return conditional(request, HTMLResponse(html, headers=dict(self.services.report_headers)))

    async def log(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/log``: what the run wrote."""
        job = await run_in_threadpool(self.services.job, request)
        try:
            content = await run_in_threadpool(self.services.results.read, job.id, contract.FILE_LOG)
        except (NoSuchOutput, ResultGone):
            content = b""
        return conditional(request, Response(content, media_type="text/plain; charset=utf-8"))

    async def inputs(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/inputs``: the request as it was accepted, complete with defaults."""
        _, content = await run_in_threadpool(self._read, request, contract.FILE_INPUTS)
        return conditional(request, Response(content, media_type=negotiation.JSON))

    async def manifest(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/manifest``: facts of the run and the digest of every file."""
        job, content = await run_in_threadpool(self._read, request, contract.FILE_MANIFEST)
        if not job.status.ended:
            raise ResultNotReady(job.id, job.status)
        return conditional(request, Response(content, media_type=negotiation.JSON))

    async def events(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/events``: statusInfo as server-sent events until the job has ended."""
        job = await run_in_threadpool(self.services.job, request)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        if job.status.ended and request.headers.get("last-event-id") == _event_id(job):
            # A browser asks again whenever a stream ends; this tells it that there is no more to come.
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return EventSourceResponse(self._status_events(job), ping=15)

    async def process_notebook(self, request: Request) -> Response:
        """``GET /processes/{processID}/notebook``: the notebook on offer, as it was read."""
        process = self.services.process(request)
        return conditional(request, _attachment(process.notebook, NOTEBOOK_TYPE, f"{process.id}.ipynb"))

    async def process_check(self, request: Request) -> Response:
        """``GET /processes/{processID}/check``: why the newest save of the notebook is not on offer."""
        process = self.services.process(request)
        fault = self.services.catalogue.faults.get(process.id)
        problems = fault.problems if fault else ()
        document = {
            "processID": process.id,
            "versionOnOffer": process.version,
            "notebookSha256": process.sha256,
            "faults": [{"place": p.pointer, "detail": p.detail, "mend": p.mend} for p in problems],
        }
        return self._represent(request, document, "check")

    async def health(self, request: Request) -> Response:
        """``GET /health``: whether the server can do its work."""
        report = await run_in_threadpool(self.services.health)
        status = HTTPStatus.OK if report["status"] == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
        return self._represent(request, report, "health", int(status))

    def _represent(self, request: Request, document: Mapping[str, Json], page: str, status: int = 200) -> Response:
        negotiation.refuse_unknown_language(request.query_params)
        language = negotiation.language(request.query_params, request.headers)
        return represent(request, document, page=page, render=self.services.render, language=language, status=status)

    def _read(self, request: Request, name: str) -> tuple[Job, bytes]:
        """Read a file of the job the path names; a file that is not yet there is not ready."""
        job = self.services.job(request)
        try:
            return job, self.services.results.read(job.id, name)
        except (NoSuchOutput, ResultGone):
            if not job.status.ended:
                raise ResultNotReady(job.id, job.status) from None
            raise

    def _report(self, request: Request) -> str:
        negotiation.refuse_unknown_language(request.query_params)
        language = request.query_params.get("lang", self.services.settings.server.language)
        job, content = self._read(request, contract.FILE_EXECUTED)
        process = json.loads(self.services.results.read(job.id, contract.FILE_PROCESS))
        run = status_info(job, self.services.base_url) | {
            "processVersion": job.process_version,
            "notebookSha256": job.notebook_sha256,
            **self._lineage(job),
        }
        title = text(process.get("title"), language) or job.process_id
        return self.services.render_report(content, title=title, language=language, run=run)

    def _lineage(self, job: Job) -> dict[str, Json]:
        """Return what a job asked of Data Management, once that is recorded."""
        try:
            manifest = self.services.results.manifest(job.id)
        except ResultGone:
            return {}
        return {"data": [asdict(request) for request in manifest.data], "data_left_out": manifest.data_left_out}

    async def _status_events(self, job: Job) -> AsyncIterator[ServerSentEvent]:
        async for state in self.services.events.subscribe(job.id):
            data = json.dumps(status_info(state, self.services.base_url))
            yield ServerSentEvent(data, event="status", id=_event_id(state))


def _event_id(job: Job) -> str:
    return f"{job.updated.timestamp():.6f}"


def _attachment(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
