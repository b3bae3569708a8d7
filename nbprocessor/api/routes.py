"""The standard's resources: every route of OGC API - Processes, answered through pygeoapi."""

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pygeoapi.api as core
from pygeoapi.api import processes
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbprocessor import contract
from nbprocessor.api import bodies, negotiation, paging, prefer
from nbprocessor.api.caching import conditional
from nbprocessor.api.call import Call
from nbprocessor.api.descriptions import published
from nbprocessor.api.endpoint import Answer, ask, represent
from nbprocessor.api.jobs import REL, job_filter, status_info
from nbprocessor.api.manager import runs_async
from nbprocessor.api.openapi import MEDIA_TYPE as OPENAPI_TYPE
from nbprocessor.api.openapi import openapi_document
from nbprocessor.api.problems import JobEnded
from nbprocessor.api.results import Results
from nbprocessor.api.service import CONFORMANCE_CLASSES
from nbprocessor.api.services import Services
from nbprocessor.errors import NoSuchOutput, ResultGone
from nbprocessor.language import localise
from nbprocessor.model import Json
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.model.process import Process

_WHOLE = frozenset({"inputs", "outputs", "example"})
"""Members of a process description that its summary does not have."""
DISMISSAL_WAIT = 6.0
"""Seconds a dismissal is awaited before it is answered; the worker promises 5."""


class StandardRoutes:
    """One method per resource of the standard."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def routes(self) -> list[Route]:
        """Return the route table."""
        return [
            Route("/", self.landing_page),
            Route("/conformance", self.conformance),
            Route("/openapi", self.openapi),
            Route("/processes", self.process_list),
            Route("/processes/{process_id}", self.process),
            Route("/processes/{process_id}/execution", self.execute, methods=["POST"]),
            Route("/jobs", self.job_list),
            Route("/jobs/{job_id}", self.job, methods=["GET", "DELETE"]),
            Route("/jobs/{job_id}/results", self.results),
            Route("/jobs/{job_id}/results/{output_id}", self.output),
        ]

    async def landing_page(self, request: Request) -> Response:
        """``GET /``."""
        answer = await self._ask(request, self.services.call(request), core.landing_page)
        base = self.services.base_url
        links = [link for link in answer.document["links"] if _is_here(link, base)]
        for link in links:
            if link["rel"] == "conformance":
                links = [*links, link | {"rel": f"{REL}conformance"}]
                break
        links.append(
            {"href": f"{base}/health", "rel": "status", "type": negotiation.JSON, "title": "Health of the server"}
        )
        return self._represent(request, answer, answer.document | {"links": links}, "landing")

    async def conformance(self, request: Request) -> Response:
        """``GET /conformance``."""
        answer = await self._ask(request, self.services.call(request), core.conformance)
        # pygeoapi names classes of interfaces this server does not have; these are the ones it keeps.
        common = [uri for uri in answer.document["conformsTo"] if "/ogcapi-common-1/" in uri]
        return self._represent(request, answer, {"conformsTo": [*common, *CONFORMANCE_CLASSES]}, "conformance")

    async def openapi(self, request: Request) -> Response:
        """``GET /openapi``."""
        services = self.services
        call = services.call(request)
        call.openapi = openapi_document(services.settings, services.base_url, call.processes)
        answer = await self._ask(request, call, core.openapi_)
        return self._represent(request, answer, answer.document, "api", media_type=OPENAPI_TYPE)

    async def process_list(self, request: Request) -> Response:
        """``GET /processes``: all of them, or a page when ``limit`` asks for one."""
        call = self.services.call(request)
        total = len(call.processes)
        most = self.services.settings.server.max_page_size
        call.offset = paging.number(request, "offset", 0, least=0)
        limit = min(paging.number(request, "limit", most, least=1), most)
        answer = await self._ask(request, call, processes.describe_processes, limit=str(limit))
        summaries = [
            {key: value for key, value in self._described(call, summary, answer.language).items() if key not in _WHOLE}
            for summary in answer.document["processes"]
        ]
        url = f"{self.services.base_url}/processes"
        links = paging.links(url, request, limit, call.offset, more=total > call.offset + limit)
        return self._represent(request, answer, {"processes": summaries, "links": links}, "processes")

    async def process(self, request: Request) -> Response:
        """``GET /processes/{processID}``."""
        process = self.services.process(request)
        call = self.services.call(request)
        answer = await self._ask(request, call, processes.describe_processes, process.id)
        return self._represent(request, answer, self._described(call, answer.document, answer.language), "process")

    async def execute(self, request: Request) -> Response:
        """``POST /processes/{processID}/execution``: validate, queue, and wait when a synchronous answer is wanted."""
        services = self.services
        process = self.services.process(request)
        body = await bodies.read_body(request.stream(), request.headers, services.settings.server.max_body)
        call = services.call(request)
        call.preference = prefer.parse(request.headers.getlist("prefer"))
        call.execution = await run_in_threadpool(
            lambda: bodies.execution(process, bodies.parse_json(body), services.check_url)
        )
        await self._ask(request, call, processes.execute_process, process.id)
        return await self._await_execution(request, call, process)

    async def _await_execution(self, request: Request, call: Call, process: Process) -> Response:
        """Answer 200 with the results when they come in time, else 201 with the job's status."""
        job, preference, services = call.job, call.preference, self.services
        asynchronous = runs_async(process, preference.respond_async)
        wait = 0.0 if asynchronous else services.settings.execution.sync_wait
        if preference.wait is not None:
            # "respond-async, wait=5" asks for the result if it comes within 5 s (RFC 7240, section 4.3).
            wait = min(preference.wait, services.settings.execution.sync_wait)
        ended = await services.events.wait(job.id, wait) if wait > 0 else None
        url = f"{services.base_url}/jobs/{job.id}"
        headers = {"Location": url}
        if request.headers.get("prefer") or ended is None:
            # The OGC's executable suite takes the header's angle brackets for a part of the address and fails whoever
            # answers a plain synchronous request with it; such a client finds the job in Location.
            headers["Link"] = f"<{url}>; rel=monitor"
        if applied := preference.applied(asynchronous=ended is None):
            headers["Preference-Applied"] = applied
        if ended is None:
            job = await run_in_threadpool(services.store.get, job.id) if wait > 0 else job
            return self._status(job, HTTPStatus.CREATED, headers)
        response = await run_in_threadpool(lambda: self._results(ended).response())
        for name, value in headers.items():
            response.headers.append(name, value)
        return response

    async def job_list(self, request: Request) -> Response:
        """``GET /jobs``: newest first, filtered, by pages."""
        call = self.services.call(request)
        call.filter = job_filter(
            request.query_params, self.services.viewer(request).listed(request.query_params.get("owner"))
        )
        server = self.services.settings.server
        limit = min(paging.number(request, "limit", server.page_size, least=1), server.max_page_size)
        offset = paging.number(request, "offset", 0, least=0)
        answer = await self._ask(request, call, processes.get_jobs, limit=str(limit), offset=str(offset))
        jobs = [status_info(job, self.services.base_url) for job in call.jobs.values()]
        links = paging.links(f"{self.services.base_url}/jobs", request, limit, offset, more=call.more)
        return self._represent(request, answer, {"jobs": jobs, "links": links}, "jobs")

    async def job(self, request: Request) -> Response:
        """``GET /jobs/{jobID}``, and ``DELETE``: one route, so that ``Allow`` names both."""
        if request.method == "DELETE":
            return await self.dismiss(request)
        call = self.services.call(request)
        answer = await self._ask(request, call, processes.get_jobs, request.path_params["job_id"])
        document = status_info(call.job, self.services.base_url)
        if negotiation.wanted(request.query_params, request.headers) == "html":
            document["cells"] = await run_in_threadpool(self._steps, call.job)
        return self._represent(request, answer, document, "job")

    def _steps(self, job: Job) -> list[dict[str, Json]]:
        """Return the cells as the job's page shows them; none before it begins or when its files are gone."""
        try:
            return self.services.steps(self.services.results.read(job.id, contract.FILE_EXECUTED))
        except (NoSuchOutput, ResultGone):
            return []

    async def dismiss(self, request: Request) -> Response:
        """``DELETE /jobs/{jobID}``: stop the work, keep the record; doing so again changes nothing.

        OGC 18-062r2, clause 13: what was dismissed is answered as such. A job that ended by itself is the record of
        what was computed, which nobody takes back: the request conflicts with its state, and is refused.
        """
        call = self.services.call(request)
        answer = await self._ask(request, call, processes.delete_job, request.path_params["job_id"])
        job = call.job
        if not job.status.ended:
            self.services.dismiss(job.id)
            job = await self.services.events.wait(job.id, DISMISSAL_WAIT) or job
        if job.status in {JobStatus.SUCCESSFUL, JobStatus.FAILED}:
            raise JobEnded(job)
        answer = answer if job.status.ended else replace(answer, status=HTTPStatus.ACCEPTED)
        return self._represent(request, answer, status_info(job, self.services.base_url), "job")

    async def results(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/results``: as the execute request asked for them; as one document with ``f=json``."""
        job = await run_in_threadpool(self.services.job, request)
        results = await run_in_threadpool(self._results, job)
        if negotiation.wanted(request.query_params, request.headers) == "html":
            answer = await self._ask(request, self.services.call(request), core.conformance)
            described = await run_in_threadpool(self.services.results.read, job.id, contract.FILE_PROCESS)
            document = {
                "job": status_info(job, self.services.base_url),
                "process": localise(json.loads(described), answer.language),
                "results": results.document(),
            }
            return self._represent(request, answer, document, "results")
        as_document = request.query_params.get("f") == "json"
        response = await run_in_threadpool(results.document_response if as_document else results.response)
        return conditional(request, response)

    async def output(self, request: Request) -> Response:
        """``GET /jobs/{jobID}/results/{outputID}``: one output as it is."""
        job = await run_in_threadpool(self.services.job, request)
        output_id = request.path_params["output_id"]
        return conditional(request, await run_in_threadpool(lambda: self._results(job).output(output_id)))

    async def _ask(self, request: Request, call: Call, function: Any, *arguments: str, **query: str) -> Answer:
        return await ask(self.services.api, request, call, function, *arguments, **query)

    def _represent(self, request: Request, answer: Answer, document: Any, page: str, **how: Any) -> Response:
        return represent(
            request,
            document,
            page=page,
            render=self.services.render,
            language=answer.language,
            status=answer.status,
            **how,
        )

    def _status(self, job: Job, status: HTTPStatus, headers: Mapping[str, str]) -> Response:
        return JSONResponse(status_info(job, self.services.base_url), int(status), headers=dict(headers))

    def _results(self, job: Job) -> Results:
        return Results(job, self.services.results, self.services.base_url)

    def _described(self, call: Call, document: Mapping[str, Any], language: str) -> dict[str, Any]:
        """Write the process description with pygeoapi's links: those that lead somewhere, and ours."""
        described: dict[str, Any] = published(call.processes[document["id"]], language)
        url = f"{self.services.base_url}/processes/{document['id']}"
        links = described.pop("links", [])
        links += [link for link in document["links"] if _is_here(link, self.services.base_url)]
        links.append(
            {"href": f"{url}/notebook", "rel": "related", "type": "application/x-ipynb+json", "title": "Notebook"}
        )
        fault = self.services.catalogue.faults.get(document["id"])
        if fault is not None:
            title = f"The notebook was saved with faults; version {document['version']} stays on offer"
            links.append({"href": f"{url}/check", "rel": "status", "type": negotiation.JSON, "title": title})
        return described | {"links": links}


def _is_here(link: Mapping[str, str], base_url: str) -> bool:
    """Tell whether a link of pygeoapi's leads somewhere: it also names what this server does not have."""
    if link.get("type") == "application/ld+json":
        return False
    path = link["href"].removeprefix(base_url).partition("?")[0]
    return link["href"] != path and path.partition("/")[2].partition("/")[0] in {
        "",
        "conformance",
        "openapi",
        "processes",
        "jobs",
    }
