"""Callbacks to be sent: stored in the transaction that changes the job, kept until delivered or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, exists, insert, select, update

from nbprocessor.model import Job, JobStatus, Subscriber
from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import callbacks

Event = Literal["success", "in-progress", "failed"]
State = Literal["pending", "delivered", "given-up"]


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


class CallbackQueue:
    """The callbacks that are due; several senders may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, limit: int, lease: timedelta) -> Sequence[Callback]:
        """Take callbacks that are due, oldest first; nobody else gets them before the lease is over.

        Those of one job are handed out in their order, each after the earlier one was delivered or given up.
        """
        now = datetime.now(UTC)
        if not self._any_due(now):
            return []
        earlier = callbacks.alias()
        waits = exists().where(
            earlier.c.job_id == callbacks.c.job_id,
            earlier.c.id < callbacks.c.id,
            earlier.c.state == "pending",
        )
        due = (
            select(callbacks.c.id)
            .where(callbacks.c.state == "pending", callbacks.c.next_attempt <= now, ~waits)
            .order_by(callbacks.c.next_attempt, callbacks.c.id)
            .limit(limit)
        )
        with writing(self._engine, alone=True) as connection:
            ids = connection.scalars(due).all()
            taken = update(callbacks).where(callbacks.c.id.in_(ids)).values(next_attempt=now + lease)
            if not ids:
                return []
            found = connection.execute(taken.returning(*callbacks.c)).mappings()
            return sorted((Callback(**row) for row in found), key=lambda callback: callback.id)

    def delivered(self, callback: Callback) -> None:
        """Note that a claimed callback arrived."""
        self._end_attempt(callback, state="delivered", last_error="")

    def failed(self, callback: Callback, error: str, retry: timedelta | None) -> None:
        """Note that a claimed callback did not arrive; it is due again after ``retry``, or given up."""
        if retry is None:
            self._end_attempt(callback, state="given-up", last_error=error)
        else:
            self._end_attempt(callback, next_attempt=datetime.now(UTC) + retry, last_error=error)

    def of_job(self, job_id: UUID) -> Sequence[Callback]:
        """Return the callbacks of a job, in their order."""
        query = select(callbacks).where(callbacks.c.job_id == job_id).order_by(callbacks.c.id)
        with reading(self._engine) as connection:
            return [Callback(**row) for row in connection.execute(query).mappings()]

    def _any_due(self, now: datetime) -> bool:
        """Look without a lock, because most of the time nothing is due."""
        query = select(callbacks.c.id).where(callbacks.c.state == "pending", callbacks.c.next_attempt <= now).limit(1)
        with reading(self._engine) as connection:
            return connection.scalar(query) is not None

    def _end_attempt(self, callback: Callback, **values: str | datetime) -> None:
        # Whoever overslept its lease changes nothing: somebody else sends the callback now.
        mine = (callbacks.c.id == callback.id, callbacks.c.next_attempt == callback.next_attempt)
        with writing(self._engine) as connection:
            connection.execute(update(callbacks).where(*mine).values(attempts=callback.attempts + 1, **values))


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
