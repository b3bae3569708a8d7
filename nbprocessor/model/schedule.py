"""A schedule: a process executed again and again, when, and what became of each moment it was to run at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from nbprocessor.model import Json


class MisfirePolicy(StrEnum):
    """What becomes of fires that were missed because no server ran."""

    SKIP = "skip"
    """None of them runs."""
    ONCE = "once"
    """The latest runs, if it is not too long ago."""
    ALL = "all"
    """Each runs, the latest ten at most."""


class OverlapPolicy(StrEnum):
    """What becomes of a fire while an earlier run of its schedule has not ended."""

    FORBID = "forbid"
    """It is skipped."""
    QUEUE = "queue"
    """It waits until the earlier one has ended."""
    ALLOW = "allow"
    """It runs beside it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule fires; read by :mod:`nbprocessor.timing`."""

    cron: str
    """Minute, hour, day of month, month, weekday: the five fields of crontab(5)."""
    timezone: str = "UTC"
    """Name in the IANA database."""
    jitter: int = 0
    """Seconds by which a fire is put off at most, drawn once for each."""
    start: datetime | None = None
    end: datetime | None = None
    """First and last moment it may fire."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A process to be executed again and again."""

    id: UUID
    process_id: str
    request: Mapping[str, Json]
    """The execute request as it was sent; relative values are not yet resolved."""
    timing: Timing
    created: datetime
    updated: datetime
    name: str = ""
    """What people call it; of a declared one the name that is unique in its notebook."""
    owner: str | None = None
    """In whose name it runs (issuer and subject); None while sign-in is off, and for what a notebook declares."""
    source: str = "api"
    """Where it is kept up: ``api``, ``cli``, or ``notebook`` for what a front matter declares."""
    active: bool = True
    message: str = ""
    """Why it is paused, if it was not somebody's wish."""
    misfire: MisfirePolicy = MisfirePolicy.ONCE
    overlap: OverlapPolicy = OverlapPolicy.FORBID
    retries: int = 0
    """How often a failed run is tried again."""
    retry_delay: int = 60
    """Seconds before the first retry; doubled for each further one."""
    refusals: int = 0
    """Fires in a row that could not become jobs."""
    notify: Sequence[Mapping[str, Json]] = ()
    """Who is told of what: ``email`` or ``webhook``, and perhaps ``on`` and ``language``."""
    failing: bool = False
    """Whether its latest run that ended by itself failed, with all its retries."""
    revision: int = 0
    """Rises with every change of the definition, so that nothing fires by an outdated one."""
    next_fire: datetime | None = None
    """None while it is paused or when there is none to come."""

    @property
    def declared(self) -> bool:
        """Whether a notebook's front matter has it, which is where it is changed."""
        return self.source == "notebook"


@dataclass(frozen=True, slots=True)
class ScheduleFilter:
    """Query parameters of the list of schedules."""

    owner: str | None = None
    """None: everybody's (sign-in off, or an administrator)."""
    process_ids: Sequence[str] = ()
    active: bool | None = None
    sources: Sequence[str] = ()


class FireOutcome(StrEnum):
    """What became of a fire."""

    WAITING = "waiting"
    """Its job is made when it is due and, unless runs may overlap, no other of its schedule is unfinished."""
    QUEUED = "queued"
    """It has a job that has not ended, as far as was noted."""
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"
    SKIPPED = "skipped"
    """There is no job, by a policy of the schedule."""


@dataclass(frozen=True, slots=True)
class Fire:
    """One moment a schedule was to run at, and what became of it; unique by its first three fields."""

    schedule_id: UUID
    fire_time: datetime
    attempt: int = 0
    """0: the fire itself; 1 and more: its retries; -1: several fires that were skipped together, see ``through``."""
    outcome: FireOutcome = FireOutcome.WAITING
    reason: str = ""
    job_id: UUID | None = None
    due: datetime | None = None
    """When its job is made at the earliest; None where there is no job to come."""
    noted: datetime | None = None
    """When the outcome was noted."""
    through: datetime | None = None
    """All fires from ``fire_time`` to this moment were skipped together."""
