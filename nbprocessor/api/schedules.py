"""Schedules: processes executed again and again. Their names are those KomMonitor's clients know, with more beside."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbprocessor import timing
from nbprocessor.api import bodies, negotiation, paging
from nbprocessor.api.endpoint import represent
from nbprocessor.api.jobs import instant, job_filter, status_info
from nbprocessor.api.services import Services
from nbprocessor.errors import InvalidRequest, NoSuchSchedule, Problem
from nbprocessor.model import Json
from nbprocessor.model.job import Job
from nbprocessor.model.schedule import Fire, Schedule, ScheduleFilter
from nbprocessor.schedule import definition

NEXT_RUNS = 5
"""Fires to come that are told."""
JOB_IDS = 20
"""Newest jobs of a schedule that are named with it; all of them are at its ``/jobs``."""
_ACTIVE = {"true": True, "false": False}


class ScheduleRoutes:
    """One method per resource."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def routes(self) -> list[Route]:
        """Return the route table."""
        one = "/schedules/{schedule_id}"
        return [
            Route("/processes/{process_id}/schedule", self.create, methods=["POST"]),
            Route("/schedules", self.schedule_list),
            Route(one, self.schedule, methods=["GET", "PUT", "PATCH", "DELETE"]),
            Route(f"{one}/jobs", self.jobs),
            Route(f"{one}/run", self.run, methods=["POST"]),
            Route(f"{one}/pause", self.pause, methods=["POST"]),
            Route(f"{one}/resume", self.resume, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """``POST /processes/{processID}/schedule``: an execute request, and in ``schedule`` when to run it."""
        process = self.services.process(request)
        body = await self._body(request)
        owner = self.services.viewer(request).submitter
        schedule = await run_in_threadpool(self.services.schedules.create, process.id, body, owner=owner)
        document = await run_in_threadpool(self._document, schedule)
        location = f"{self.services.base_url}/schedules/{schedule.id}"
        return JSONResponse(document, HTTPStatus.CREATED, headers={"Location": location})

    async def schedule_list(self, request: Request) -> Response:
        """``GET /schedules``: newest first, filtered, by pages."""
        server = self.services.settings.server
        limit = min(paging.number(request, "limit", server.page_size, least=1), server.max_page_size)
        offset = paging.number(request, "offset", 0, least=0)
        asked = request.query_params.get("owner") or None
        signed = self.services.sign_in is not None
        wanted = _filter(request, self.services.viewer(request).listed(asked) if signed else asked)
        found = await run_in_threadpool(self.services.schedules.list, wanted, limit=limit + 1, offset=offset)
        entries = await run_in_threadpool(self._entries, found[:limit])
        links = paging.links(f"{self.services.base_url}/schedules", request, limit, offset, more=len(found) > limit)
        return self._represent(request, {"schedules": entries, "links": links}, "schedules")

    async def schedule(self, request: Request) -> Response:
        """``GET``, ``PUT``, ``PATCH``, ``DELETE /schedules/{scheduleID}``: one route, so that ``Allow`` names all."""
        schedules, owner = self.services.schedules, self.services.owner(request)
        match request.method:
            case "PUT":
                return await self._changed(request, schedules.replace, await self._body(request))
            case "PATCH":
                return await self._changed(request, schedules.patch, await self._body(request))
            case "DELETE":
                deleted = await run_in_threadpool(schedules.delete, schedule_uuid(request), owner)
                return JSONResponse(_dismissed(deleted, self.services.base_url))
        found = await run_in_threadpool(schedules.get, schedule_uuid(request), owner)
        return self._represent(request, await run_in_threadpool(self._document, found, fires=True), "schedule")

    async def jobs(self, request: Request) -> Response:
        """``GET /schedules/{scheduleID}/jobs``: as the list of all jobs, and the waiting ones, too."""
        owner, server = self.services.owner(request), self.services.settings.server
        found = await run_in_threadpool(self.services.schedules.get, schedule_uuid(request), owner)
        wanted = replace(job_filter(request.query_params, owner), schedule_id=found.id)
        if "status" not in request.query_params:
            wanted = replace(wanted, statuses=())
        limit = min(paging.number(request, "limit", server.page_size, least=1), server.max_page_size)
        offset = paging.number(request, "offset", 0, least=0)
        jobs = await run_in_threadpool(self.services.store.list, wanted, limit=limit + 1, offset=offset)
        url = f"{self.services.base_url}/schedules/{found.id}/jobs"
        document = {
            "jobs": [status_info(job, self.services.base_url) for job in jobs[:limit]],
            "links": paging.links(url, request, limit, offset, more=len(jobs) > limit),
        }
        return self._represent(request, document, "jobs")

    async def run(self, request: Request) -> Response:
        """``POST /schedules/{scheduleID}/run``: now, whatever its policies say."""
        owner = self.services.owner(request)
        job: Job = await run_in_threadpool(self.services.schedules.run, schedule_uuid(request), owner)
        headers = {"Location": f"{self.services.base_url}/jobs/{job.id}"}
        return JSONResponse(status_info(job, self.services.base_url), HTTPStatus.CREATED, headers=headers)

    async def pause(self, request: Request) -> Response:
        """``POST /schedules/{scheduleID}/pause``: doing so again changes nothing."""
        return await self._changed(request, self.services.schedules.pause)

    async def resume(self, request: Request) -> Response:
        """``POST /schedules/{scheduleID}/resume``: doing so again changes nothing."""
        return await self._changed(request, self.services.schedules.resume)

    async def _changed(self, request: Request, change: Callable[..., Schedule], *body: Json) -> Response:
        owner = self.services.owner(request)
        changed = await run_in_threadpool(change, schedule_uuid(request), *body, owner)
        return JSONResponse(await run_in_threadpool(self._document, changed))

    async def _body(self, request: Request) -> Json:
        limit = self.services.settings.server.max_body
        content = await bodies.read_body(request.stream(), request.headers, limit)
        return await run_in_threadpool(bodies.parse_json, content)

    def _document(self, schedule: Schedule, *, fires: bool = False) -> dict[str, Json]:
        """Return one schedule; older clients look for it in a list of one entry."""
        (entry,) = self._entries([schedule])
        document = {**entry, "schedules": [entry]}
        if fires:
            latest = self.services.schedules.fires.of(schedule.id, JOB_IDS)
            document["lastRuns"] = [_fire(fire) for fire in latest]
        return document

    def _entries(self, schedules: Sequence[Schedule]) -> list[dict[str, Json]]:
        ids = [schedule.id for schedule in schedules]
        fires = self.services.schedules.fires
        latest, jobs = fires.latest(ids), fires.job_ids(ids, JOB_IDS)
        base_url, now = self.services.base_url, datetime.now(UTC)
        return [
            schedule_info(schedule, latest.get(schedule.id), jobs[schedule.id], base_url, now) for schedule in schedules
        ]

    def _represent(self, request: Request, document: Mapping[str, Json], page: str) -> Response:
        negotiation.refuse_unknown_language(request.query_params)
        language = negotiation.language(request.query_params, request.headers)
        return represent(request, document, page=page, render=self.services.render, language=language)


def schedule_uuid(request: Request) -> UUID:
    """Return the id the path names.

    Raises:
        NoSuchSchedule: It is no id of a schedule.
    """
    text = request.path_params["schedule_id"]
    try:
        found = UUID(text)
    except ValueError:
        raise NoSuchSchedule(text) from None
    if str(found) != text.lower():
        raise NoSuchSchedule(text)
    return found


def schedule_info(
    schedule: Schedule, latest: Fire | None, jobs: Sequence[UUID], base_url: str, now: datetime
) -> dict[str, Json]:
    """Write a schedule: KomMonitor's members first, then what else there is to know.

    Args:
        schedule: The schedule.
        latest: Its newest fire.
        jobs: Ids of its newest jobs.
        base_url: What links begin with.
        now: The fires to come are those after it.
    """
    defined = definition.document(schedule)
    timing_of = defined.pop("schedule")
    info: dict[str, Any] = {
        "type": "process",
        "processID": schedule.process_id,
        "scheduleID": str(schedule.id),
        "jobIDs": [str(job_id) for job_id in jobs],
        "status": "accepted",
        "scheduleCreated": instant(schedule.created),
        "scheduleUpdated": instant(schedule.updated),
        "scheduleActive": schedule.active,
        "scheduleCron": schedule.timing.cron,
        **{name: value for name, value in timing_of.items() if name not in {"cron", "active"}},
        "message": schedule.message or None,
        "source": schedule.source,
        "owner": schedule.owner,
        "nextRuns": _next_runs(schedule, now),
        "lastRun": None if latest is None else _fire(latest),
        "request": json.loads(json.dumps(defined)),
        "links": _links(schedule, base_url),
    }
    return {name: value for name, value in info.items() if value is not None}


def _next_runs(schedule: Schedule, now: datetime) -> list[str]:
    if schedule.next_fire is None:
        return []
    zone = ZoneInfo(schedule.timing.timezone)
    moments = islice(timing.times(schedule.timing, now), NEXT_RUNS)
    return [moment.astimezone(zone).isoformat() for moment in moments]


def _fire(fire: Fire) -> dict[str, Json]:
    """Write what became of a fire."""
    facts: dict[str, Any] = {
        "fireTime": instant(fire.fire_time),
        "through": instant(fire.through),
        "outcome": str(fire.outcome),
        "message": fire.reason or None,
        "retry": fire.attempt if fire.attempt > 0 else None,
        "jobID": None if fire.job_id is None else str(fire.job_id),
        "due": instant(fire.due),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _links(schedule: Schedule, base_url: str) -> list[dict[str, str]]:
    url = f"{base_url}/schedules/{schedule.id}"
    return [
        {"href": url, "rel": "self", "type": negotiation.JSON, "title": "This schedule"},
        {"href": f"{url}?f=html", "rel": "alternate", "type": negotiation.HTML, "title": "This schedule as a page"},
        {"href": f"{url}/jobs", "rel": "related", "type": negotiation.JSON, "title": "Its jobs"},
        {
            "href": f"{base_url}/processes/{schedule.process_id}",
            "rel": "type",
            "type": negotiation.JSON,
            "title": "The process it runs",
        },
        _up(base_url),
    ]


def _up(base_url: str) -> dict[str, str]:
    return {"href": f"{base_url}/schedules", "rel": "up", "type": negotiation.JSON, "title": "All schedules"}


def _dismissed(schedule: Schedule, base_url: str) -> dict[str, Json]:
    """Write what is told of a schedule that is gone, in the words its clients know."""
    return {
        "scheduleID": str(schedule.id),
        "processID": schedule.process_id,
        "status": "DISMISSED",
        "message": "Schedule dismissed",
        "links": [_up(base_url)],
    }


def _filter(request: Request, owner: str | None) -> ScheduleFilter:
    """Read the filters of the list.

    Raises:
        InvalidRequest: ``active`` is neither true nor false.
    """
    query = request.query_params
    active = query.get("active")
    if active is not None and active not in _ACTIVE:
        raise InvalidRequest([Problem("active", f'"{active}" is neither true nor false.')])
    processes = tuple(part for value in query.getlist("processID") for part in value.split(",") if part)
    return ScheduleFilter(owner=owner, process_ids=processes, active=None if active is None else _ACTIVE[active])
