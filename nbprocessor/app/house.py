"""Everything that lives as long as the program does, built from the settings."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from nbprocessor.api import bodies
from nbprocessor.auth import signin
from nbprocessor.auth.owners import authorize
from nbprocessor.auth.signin import SignIn
from nbprocessor.catalogue import Catalogue
from nbprocessor.config import Settings
from nbprocessor.execution import identity
from nbprocessor.execution.choice import EXECUTORS, Executors
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.executor import Executor
from nbprocessor.execution.gateway.door import Gateway
from nbprocessor.execution.gateway.tokens import NobodySignsIn, TokenSource
from nbprocessor.execution.sandbox.choice import isolations
from nbprocessor.execution.worker import Worker
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
