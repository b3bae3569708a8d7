"""A job: one run of a process, what was asked for, and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Literal
from uuid import UUID

from nbprocessor.model import Json


class JobStatus(StrEnum):
    """OGC 18-062r2, statusCode."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def ended(self) -> bool:
        """Whether the status can no longer change."""
        return self in ENDED


ENDED = frozenset({JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED})


class Priority(IntEnum):
    """Which waiting jobs are run first; the lower the earlier."""

    INTERACTIVE = 0
    """Somebody waits for the answer."""
    BATCH = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom to tell about a job (OGC 18-062r2, subscriber)."""

    success_uri: str | None = None
    in_progress_uri: str | None = None
    failed_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """An execute request after validation: what is to be computed and how the answer is wanted."""

    process_id: str
    inputs: Mapping[str, Json]
    """JSON values by input id, complete with defaults."""
    outputs: Mapping[str, Mapping[str, Json]] | None = None
    """Requested outputs with ``transmissionMode`` and ``format``; None: all of them by value."""
    response: Literal["raw", "document"] = "raw"
    subscriber: Subscriber | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a process: an index entry over its folder."""

    id: UUID
    process_id: str
    process_version: str
    notebook_sha256: str
    status: JobStatus
    created: datetime
    updated: datetime
    started: datetime | None = None
    finished: datetime | None = None
    progress: int = 0
    """Percent, 0 to 100."""
    message: str = ""
    owner: str | None = None
    """Who asked (issuer and subject); None while sign-in is off."""
    attempt: int = 0
    """How often the job was claimed by a worker; fences late writers."""
    worker: str | None = None
    """Who claimed it last."""
    dismiss_requested: bool = False
    mode: Literal["sync", "async"] = "async"
    response: Literal["raw", "document"] = "raw"
    requested_outputs: Mapping[str, Mapping[str, Json]] | None = None
    subscriber: Subscriber | None = None
    concurrency: int | None = None
    """Jobs of this process that may run at once, as its front matter had it when the job was accepted."""
    trigger: str = "api"
    """What started it: ``api``, ``cli``, ``schedule``."""
    priority: Priority = Priority.BATCH
    not_before: datetime | None = None
    """When a job that waits for its next attempt may begin; None: at any time."""
    schedule_id: UUID | None = None
    """The schedule that started it, if one did; it may be gone by now."""
    fire_time: datetime | None = None
    """The moment its schedule meant it to start; relative values of its inputs were resolved for it."""
    estimated_completion: datetime | None = None
    """When it is thought to end; None: it does not run, or there is no ground for an estimate."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Query parameters of OGC's job list; times are aware, durations in seconds."""

    owner: str | None = None
    """None: everybody's jobs (sign-in off, or an administrator)."""
    process_ids: Sequence[str] = ()
    statuses: Sequence[JobStatus] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_duration: float | None = None
    """Seconds between start and finish (or now while the job runs)."""
    max_duration: float | None = None
    schedule_id: UUID | None = None
    """Only jobs of this schedule."""
