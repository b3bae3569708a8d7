"""Schedules on stores of their own, with a clock that the test sets; jobs end when the test says so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from nbprocessor import config
from nbprocessor.api import bodies
from nbprocessor.errors import RightsLost, SignInUnavailable
from nbprocessor.execution import identity
from nbprocessor.model.job import Job, JobFilter, JobStatus
from nbprocessor.model.process import Process
from nbprocessor.model.schedule import Fire, Schedule
from nbprocessor.notebook.describe import read
from nbprocessor.outbound import Outbound
from nbprocessor.schedule.firing import Firing
from nbprocessor.schedule.leadership import Leadership
from nbprocessor.schedule.preparation import Preparation
from nbprocessor.schedule.recipients import Recipients
from nbprocessor.schedule.schedules import Schedules
from nbprocessor.store.database import open_database
from nbprocessor.store.fires import FireStore
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.leases import LeaseRegister
from nbprocessor.store.results import ResultStore
from nbprocessor.store.schedules import ScheduleStore
from tests.unit.notebook import written

NOW = datetime(2026, 6, 15, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INPUTS = "day: date = date(2020, 1, 1)\nword: str = 'a'"
DAILY = "0 0 * * *"
HOURLY = "0 * * * *"
MAIL = config.Notice(host="127.0.0.1", sender="service@example.org")


def process(folder: Path, parameters: str = INPUTS, facts: str = "", *, rewrite: bool = True) -> Process:
    """A process ``trial`` with an input ``day`` and an input ``word``, both with defaults."""
    inputs = "".join(f"\n    {line.partition(':')[0]}: {{required: false}}" for line in parameters.splitlines())
    front = f"process:\n  id: trial\n  title: Trial\n  description: A trial.\n  inputs:{inputs}\n{facts}"
    source = f"from datetime import date\n{parameters}"
    folder.mkdir(exist_ok=True)
    if not rewrite and (folder / "trial.ipynb").exists():
        return read(folder / "trial.ipynb")
    return read(written.saved(folder, written.front(front), written.parameters(source), name="trial.ipynb"))


class Timetable:
    """The parts, and what tests do with them."""

    def __init__(
        self, folder: Path, url: str = "", *, hold: bool = True, notice: config.Notice = MAIL, **settings: Any
    ) -> None:
        self.folder = folder
        self.now = NOW
        self.processes: dict[str, Process] = {"trial": process(folder / "notebooks", rewrite=False)}
        self.denied = ""
        self.silent = ""
        self.engine = open_database(url or f"sqlite:///{folder / 'jobs.db'}")
        self.jobs = JobStore(self.engine)
        self.results = ResultStore(folder / "results")
        self.store, self.fires = ScheduleStore(self.engine), FireStore(self.engine)
        self.settings = config.Schedule(**{"timezone": "UTC", **settings})
        preparation = Preparation(
            processes=lambda: self.processes,
            read=partial(bodies.execution, check_url=lambda _: None),
            authorize=self._authorize,
        )
        self.recipients = Recipients(notice, Outbound(config.Outbound()).check)
        parts = {
            "fires": self.fires,
            "results": self.results,
            "preparation": preparation,
            "recipients": self.recipients,
        }
        self.schedules = Schedules(store=self.store, settings=self.settings, clock=lambda: self.now, **parts)
        self.firing = Firing(schedules=self.store, grace=self.settings.grace, language="de", **parts)
        self.holder = identity.own()
        if hold:
            assert Leadership(LeaseRegister(self.engine), self.holder).hold()

    def _authorize(self, schedule: Schedule, process: Process) -> None:
        if self.silent:
            raise SignInUnavailable(self.silent)
        if self.denied:
            raise RightsLost(self.denied)

    def made(self, cron: str = DAILY, *, inputs: Mapping[str, Any] | None = None, **timing: Any) -> Schedule:
        body = {"inputs": dict(inputs or {}), "schedule": {"cron": cron, **timing}}
        return self.schedules.create("trial", body, owner=None)

    def round(self, at: datetime | timedelta | None = None) -> None:
        """Let pass some time, or until a moment, and do what is due then."""
        if at is not None:
            self.now = self.now + at if isinstance(at, timedelta) else at
        self.firing.round(self.now, self.holder)

    def hours(self, number: int) -> None:
        """Look every half an hour, for some hours."""
        for _ in range(number * 2):
            self.round(timedelta(minutes=30))

    def get(self, schedule: Schedule) -> Schedule:
        return self.store.get(schedule.id)

    def fired(self, schedule: Schedule) -> list[Fire]:
        """What became of its fires, oldest first."""
        return list(reversed(self.fires.of(schedule.id)))

    def told(self, schedule: Schedule) -> list[str]:
        """Time and outcome of its fires, oldest first."""
        return [f"{fire.fire_time:%d %H:%M} {fire.outcome}" for fire in self.fired(schedule)]

    def waiting_jobs(self) -> list[Job]:
        """The jobs that have not ended, oldest first."""
        unfinished = (JobStatus.ACCEPTED, JobStatus.RUNNING)
        return list(reversed(self.jobs.list(JobFilter(statuses=unfinished), limit=1000)))

    def end(self, *jobs: Job, status: JobStatus = JobStatus.SUCCESSFUL, message: str = "") -> None:
        """Run jobs to their end; none named: all there are."""
        for job in jobs or self.waiting_jobs():
            claimed = self.jobs.claim("worker", job.id)
            assert claimed is not None
            assert self.jobs.finish(claimed, status, message)


@contextmanager
def timetable(folder: Path, url: str = "", **settings: Any) -> Iterator[Timetable]:
    """Open a timetable."""
    opened = Timetable(folder, url, **settings)
    try:
        yield opened
    finally:
        opened.engine.dispose()
