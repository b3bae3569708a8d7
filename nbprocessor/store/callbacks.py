"""Callbacks to be sent: stored in the transaction that changes the job, kept until delivered or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, insert

from nbprocessor.model.job import Job, JobStatus, Subscriber
from nbprocessor.store.outbox import Outbox, State
from nbprocessor.store.tables import callbacks

Event = Literal["success", "in-progress", "failed"]


@dataclass(frozen=True, slots=True)
class Callback:
    """One thing to tell one subscriber."""

    id: int
    job_id: UUID
    event: Event
    url: str
    state: State
    attempts: int
    """Attempts that ended; one that was cut off by a crash does not count."""
    next_attempt: datetime
    """When it is due; while it is being sent: when its sender is taken for dead."""
    last_error: str


def enqueue(connection: Connection, job: Job) -> None:
    """Store what the subscriber of a job wants to know of its new status, if anything.

    A dismissed job goes to ``failedUri``: OGC 18-062r2 has no address of its own for it, and a subscriber has
    to learn that no results will come. The body tells which of both it is. ``inProgressUri`` is told of the
    first attempt only.
    """
    event, url = _wanted(job)
    if url:
        values = {"job_id": job.id, "event": event, "url": url, "next_attempt": job.updated}
        connection.execute(insert(callbacks).values(state="pending", attempts=0, last_error="", **values))


class CallbackQueue(Outbox[Callback]):
    """The callbacks that are due; those of one job are sent in their order."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, callbacks, Callback, ["job_id"])

    def of_job(self, job_id: UUID) -> Sequence[Callback]:
        """Return the callbacks of a job, in their order."""
        return self.where(callbacks.c.job_id == job_id)


def _wanted(job: Job) -> tuple[Event, str | None]:
    told = job.subscriber or Subscriber()
    match job.status:
        case JobStatus.SUCCESSFUL:
            return "success", told.success_uri
        case JobStatus.FAILED | JobStatus.DISMISSED:
            return "failed", told.failed_uri
        case JobStatus.RUNNING if job.attempt == 1:
            return "in-progress", told.in_progress_uri
        case _:
            return "in-progress", None
