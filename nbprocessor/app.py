"""Puts the house together, once: settings → services → one ASGI application."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from nbprocessor import __version__
from nbprocessor.api import bodies
from nbprocessor.api.access import protected
from nbprocessor.api.documents import DocumentRoutes
from nbprocessor.api.errors import ErrorResponses
from nbprocessor.api.guard import Guard
from nbprocessor.api.manager import NotebookManager
from nbprocessor.api.results import callback_body
from nbprocessor.api.routes import StandardRoutes
from nbprocessor.api.schedules import ScheduleRoutes
from nbprocessor.api.service import NotebookAPI
from nbprocessor.api.services import Services
from nbprocessor.api.shares import ShareRoutes
from nbprocessor.api.signin import SignInRoutes
from nbprocessor.auth import signin
from nbprocessor.auth.owners import authorize
from nbprocessor.auth.signin import SignIn
from nbprocessor.callbacks import CallbackSender
from nbprocessor.catalogue import Catalogue
from nbprocessor.config import LOOPBACK, Settings
from nbprocessor.errors import NbprocessorError
from nbprocessor.execution import identity
from nbprocessor.execution.choice import EXECUTORS, Executors
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.executor import Executor
from nbprocessor.execution.gateway.door import Gateway
from nbprocessor.execution.gateway.tokens import NobodySignsIn, TokenSource
from nbprocessor.execution.recording import record_dismissal
from nbprocessor.execution.sandbox.choice import isolations
from nbprocessor.execution.submission import submit
from nbprocessor.execution.worker import Worker
from nbprocessor.model import Execution, Job, JobStatus, Process
from nbprocessor.notices.sender import notice_sender
from nbprocessor.outbound import Outbound
from nbprocessor.schedule.declared import DeclaredSchedules
from nbprocessor.schedule.firing import Firing
from nbprocessor.schedule.leadership import Leadership
from nbprocessor.schedule.preparation import Preparation
from nbprocessor.schedule.recipients import Recipients
from nbprocessor.schedule.scheduler import Scheduler
from nbprocessor.schedule.schedules import Schedules
from nbprocessor.store.database import open_database
from nbprocessor.store.fires import FireStore
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.leases import LeaseRegister
from nbprocessor.store.results import ResultStore
from nbprocessor.store.schedules import ScheduleStore
from nbprocessor.web import report
from nbprocessor.web.headers import PAGE_HEADERS, SecurityHeaders
from nbprocessor.web.pages import Pages, static_folder
from nbprocessor.web.steps import steps

log = logging.getLogger(__name__)


EXPOSED = (
    "Content-Disposition", "ETag", "Link", "Location", "Preference-Applied", "Retry-After", "WWW-Authenticate",
)  # fmt: skip
"""Headers of answers that pages of other origins may read."""


@dataclass(frozen=True, slots=True)
class House:
    """Everything that lives as long as the program does."""

    settings: Settings
    catalogue: Catalogue
    store: JobStore
    results: ResultStore
    outbound: Outbound
    events: JobEvents
    worker: Worker
    gateway: Gateway
    schedules: Schedules
    scheduler: Scheduler
    stopping: asyncio.Event
    """Set once the program is to end."""
    sign_in: SignIn | None = None
    """None: sign-in is off."""

    def stop(self) -> None:
        """End in order: no job begins, running ones are interrupted, nobody is kept waiting; called in the loop."""
        self.stopping.set()
        self.events.close()


def build(
    settings: Settings, executors: Mapping[str, type[Executor]] = EXECUTORS, tokens: TokenSource | None = None
) -> House:
    """Build the services from the settings; nothing runs yet, and no notebook is read.

    Args:
        settings: What :func:`nbprocessor.config.load` returns.
        executors: The ways to run a job that there are, by name, the best first.
        tokens: Whose token a job's requests to Data Management carry; by default nobody's.

    Raises:
        StoreUnavailable: The database, the results folder or the security log cannot be used.
    """
    results = ResultStore(settings.results.folder, settings.results.url, settings.results.reserve)
    store = JobStore(open_database(settings.store_url))
    outbound = Outbound(settings.outbound)
    events = JobEvents(store)
    catalogue = Catalogue(settings.notebooks.folder)
    sign_in = signin.build(settings.auth, store.engine)
    gateway = Gateway(settings.data, tokens or (sign_in.delegation if sign_in else NobodySignsIn()))
    worker = Worker(
        store=store,
        results=results,
        events=events,
        outbound=outbound,
        gateway=gateway,
        settings=settings,
        executors=Executors(settings.execution.executor, executors, isolations(settings)),
    )
    schedules, scheduler = _scheduling(settings, catalogue, store, results, outbound, worker, sign_in)
    return House(
        settings=settings,
        catalogue=catalogue,
        store=store,
        results=results,
        outbound=outbound,
        events=events,
        worker=worker,
        gateway=gateway,
        schedules=schedules,
        scheduler=scheduler,
        stopping=asyncio.Event(),
        sign_in=sign_in,
    )


def _scheduling(
    settings: Settings,
    catalogue: Catalogue,
    store: JobStore,
    results: ResultStore,
    outbound: Outbound,
    worker: Worker,
    sign_in: SignIn | None,
) -> tuple[Schedules, Scheduler]:
    """Build what makes schedules, and what fires them."""
    kept, fires = ScheduleStore(store.engine), FireStore(store.engine)
    preparation = Preparation(
        processes=lambda: catalogue.processes,
        read=partial(bodies.execution, check_url=outbound.check),
        authorize=partial(authorize, sign_in),
        per_process=settings.execution.per_process,
    )
    recipients = Recipients(settings.notice, outbound.check)
    schedules = Schedules(
        store=kept,
        fires=fires,
        results=results,
        preparation=preparation,
        settings=settings.schedule,
        recipients=recipients,
        wake=worker.wake,
    )
    firing = Firing(
        schedules=kept,
        fires=fires,
        results=results,
        preparation=preparation,
        grace=settings.schedule.grace,
        recipients=recipients,
        language=settings.server.language,
        wake=worker.wake,
    )
    leadership = Leadership(LeaseRegister(store.engine), identity.own())
    declared = DeclaredSchedules(kept, lambda: catalogue.processes, settings.schedule, recipients)
    return schedules, Scheduler(schedules=kept, firing=firing, leadership=leadership, before=declared.follow)


def submit_job(
    house: House,
    process: Process,
    execution: Execution,
    owner: str | None,
    mode: str,
    token: str = "",
    trigger: str = "api",
) -> Job:
    """Queue a job and wake the worker; ``token`` is the one its request came with."""
    job = submit(
        process,
        execution,
        store=house.store,
        results=house.results,
        owner=owner,
        mode="sync" if mode == "sync" else "async",
        trigger=trigger,
        queue_limit=house.settings.execution.queue,
        per_process=house.settings.execution.per_process,
        per_user=house.settings.execution.per_user_queue,
        grant=house.sign_in.delegation.grant(token) if house.sign_in and house.gateway.needed else None,
    )
    house.worker.wake()
    return job


def dismiss_job(house: House, job_id: UUID, owner: str | None) -> Job:
    """Ask for a job's dismissal; one that waits is dismissed at once, and recorded."""
    job = house.store.request_dismissal(job_id, owner=owner)
    if job.status is JobStatus.DISMISSED and job.started is None:
        record_dismissal(house.results, job)
    return job


def create_app(house: House, base_url: str) -> Starlette:
    """Return the ASGI application: OGC API for clients, pages for people.

    Args:
        house: From :func:`build`.
        base_url: What links in answers begin with, without a trailing slash.
    """
    settings = house.settings
    submit_here = partial(submit_job, house)
    pages = Pages()
    services = Services(
        settings=settings,
        base_url=base_url,
        api=NotebookAPI(settings, base_url, NotebookManager(house.store, submit_here, partial(dismiss_job, house))),
        catalogue=house.catalogue,
        store=house.store,
        results=house.results,
        events=house.events,
        submit=submit_here,
        check_url=house.outbound.check,
        dismiss=house.worker.dismiss,
        render=pages.render,
        render_report=report.render_report,
        report_headers=report.REPORT_HEADERS,
        steps=steps,
        health=partial(health, house),
        schedules=house.schedules,
        sign_in=house.sign_in,
    )
    routes = [
        *StandardRoutes(services).routes(),
        *DocumentRoutes(services).routes(),
        *ScheduleRoutes(services).routes(),
    ]
    if house.sign_in is not None:
        routes += ShareRoutes(services, house.sign_in.shares).routes()
    errors = ErrorResponses(pages.render, PAGE_HEADERS, signs_in=house.sign_in is not None)
    sign_in_routes = SignInRoutes(services, house.sign_in).routes() if house.sign_in else []
    return Starlette(
        routes=[
            *protected(routes, house.sign_in, base_url),
            *sign_in_routes,
            Mount("/static", StaticFiles(directory=static_folder()), name="static"),
        ],
        middleware=_middleware(settings, base_url),
        exception_handlers=errors.handlers(),
        lifespan=_lifespan(house, base_url),
    )


def health(house: House) -> dict[str, Any]:
    """Tell whether the parts can do their work, for ``/health``."""
    faults: dict[str, str] = {}
    found: dict[str, Any] = {}
    checks: Mapping[str, Callable[[], object]] = {
        "store": partial(_queue_facts, house),
        "results": house.results.check_reserve,
    }
    for part, check in checks.items():
        try:
            found[part] = check()
        except NbprocessorError as error:
            faults[part] = str(error)
    sign_in = _sign_in_facts(house.sign_in, faults)
    return {
        "status": "degraded" if faults else "ok",
        "version": __version__,
        "faults": faults,
        # Which notebooks have faults is nothing for those who may not see them.
        "processes": {"onOffer": len(house.catalogue.processes)}
        | ({} if house.sign_in else {"withFaults": sorted(house.catalogue.faults)}),
        **found.get("store", {"jobs": {}, "workers": {}, "schedules": {}}),
        "execution": house.worker.facts(),
    } | sign_in


def _sign_in_facts(sign_in: SignIn | None, faults: dict[str, str]) -> dict[str, Any]:
    """Tell what is missing for signing in; a fault is that nobody can."""
    if sign_in is None:
        return {}
    if not sign_in.keys.ready:
        faults["signIn"] = "There are no keys of Keycloak, so nobody can sign in."
    auth = sign_in.auth
    facts = {"issuer": auth.issuer_url, "commandLine": auth.cli_client_id, "problems": list(sign_in.problems)}
    facts |= {"tokens": list(sign_in.delegation.ways)}
    return {"signIn": facts}


def _queue_facts(house: House) -> dict[str, Any]:
    counts, oldest = house.store.counts(), house.store.oldest_waiting()
    # A clock may have been set back since.
    age = None if oldest is None else max(0, round((datetime.now(UTC) - oldest).total_seconds()))
    jobs = {"waiting": counts[JobStatus.ACCEPTED], "running": counts[JobStatus.RUNNING], "oldestWaiting": age}
    numbers = house.schedules.store.count()
    schedules = {"active": numbers[True], "paused": numbers[False], "firesHere": house.scheduler.leads}
    return {"jobs": jobs, "workers": house.worker.known(), "schedules": schedules}


def _middleware(settings: Settings, base_url: str) -> list[Middleware]:
    hosts = {*LOOPBACK, settings.server.host, urlsplit(base_url).hostname or ""}
    return [
        Middleware(SecurityHeaders),
        Middleware(Guard, hosts=hosts, origins=settings.server.cors_origins),
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.server.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Accept", "Accept-Language", "Authorization", "Content-Type", "If-None-Match", "Prefer"],
            expose_headers=EXPOSED,
        ),
    ]


def _lifespan(house: House, base_url: str) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = house.stopping
        await house.worker.recover()
        sender = CallbackSender(
            house.store,
            house.outbound,
            partial(callback_body, results=house.results, base_url=base_url),
            house.settings.outbound,
        )
        notices = notice_sender(
            house.store.engine,
            house.outbound,
            house.settings.notice,
            base_url=base_url,
            title=house.settings.metadata.title,
        )
        tasks = [
            asyncio.create_task(house.worker.run(stop), name="worker"),
            asyncio.create_task(sender.run(stop), name="callbacks"),
            asyncio.create_task(notices.run(stop), name="notices"),
            asyncio.create_task(house.catalogue.watch(stop), name="catalogue"),
        ]
        if house.settings.schedule.enabled:
            tasks.append(asyncio.create_task(house.scheduler.run(stop), name="schedules"))
        if house.sign_in is not None:
            tasks.append(asyncio.create_task(house.sign_in.watch(stop, base_url), name="sign-in"))
        for task in tasks:
            task.add_done_callback(_report_end)
        try:
            yield
        finally:
            house.stop()
            await asyncio.gather(*tasks, return_exceptions=True)
            if house.sign_in is not None:
                house.sign_in.security_log.close()

    return lifespan


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background task ended task=%s", task.get_name(), exc_info=error)
