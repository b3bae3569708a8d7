"""Jobs as rows of their table: stored, found and read, within somebody's transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    insert,
    select,
    true,
    type_coerce,
)

from nbprocessor.errors import NoSuchJob
from nbprocessor.model.job import Job, JobFilter, JobStatus, Priority, Subscriber
from nbprocessor.store.tables import jobs, microseconds

COLUMNS = [jobs.c[field.name] for field in fields(Job)]
"""What :func:`from_row` reads."""


def enter(connection: Connection, new: Sequence[Job]) -> None:
    """Store new jobs; their ids must be new."""
    if new:
        connection.execute(insert(jobs), [values(job) for job in new])


def by_id(connection: Connection, job_ids: Collection[UUID]) -> Mapping[UUID, Job]:
    """Return those jobs of the ids that there are."""
    found = connection.execute(_several(), {"ids": list(job_ids)}).mappings()
    return {row["id"]: from_row(row) for row in found}


def get(connection: Connection, job_id: UUID, owner: str | None) -> Job:
    """Return a job as it is now.

    Args:
        connection: To the database.
        job_id: Its id.
        owner: Who asks; None: somebody who may see every job.

    Raises:
        NoSuchJob: There is none, or it belongs to somebody else.
    """
    asked = {"id": job_id} if owner is None else {"id": job_id, "owner": owner}
    row = connection.execute(_one(owned=owner is not None), asked).mappings().one_or_none()
    if row is None:
        raise NoSuchJob(job_id)
    return from_row(row)


def values(job: Job) -> dict[str, Any]:
    """Return the row of a job, by column."""
    row = {field.name: getattr(job, field.name) for field in fields(Job)}
    row["subscriber"] = asdict(job.subscriber) if job.subscriber else None
    return row


def from_row(row: RowMapping) -> Job:
    """Read a job from a row that has all of :data:`COLUMNS`."""
    values: dict[str, Any] = {**row}
    values["status"] = JobStatus(values["status"])
    values["priority"] = Priority(values["priority"])
    values["subscriber"] = Subscriber(**values["subscriber"]) if values["subscriber"] else None
    return Job(**values)


# Statements are written once: for most of them that takes longer than the database does.


@cache
def _one(*, owned: bool) -> Select[Any]:
    mine = jobs.c.owner == bindparam("owner") if owned else true()
    return select(*COLUMNS).where(jobs.c.id == bindparam("id"), mine)


@cache
def _several() -> Select[Any]:
    return select(*COLUMNS).where(jobs.c.id.in_(bindparam("ids", expanding=True)))


@cache
def running_of_worker() -> Select[Any]:
    """Find the running jobs of ``worker``, oldest first."""
    return oldest_first().where(jobs.c.status == JobStatus.RUNNING, jobs.c.worker == bindparam("worker"))


def oldest_first() -> Select[Any]:
    """Find all jobs, oldest first."""
    return select(*COLUMNS).order_by(jobs.c.created, jobs.c.id)


def newest(wanted: JobFilter) -> Select[Any]:
    """Find the jobs of a filter, newest first."""
    return select(*COLUMNS).order_by(jobs.c.created.desc(), jobs.c.id.desc()).where(*_conditions(wanted))


def _conditions(wanted: JobFilter) -> Iterator[ColumnElement[bool]]:
    """Write the filter in SQL; an absent part filters nothing."""
    ended = func.coalesce(type_coerce(jobs.c.finished, BigInteger), microseconds(datetime.now(UTC)))
    duration = ended - type_coerce(jobs.c.started, BigInteger)
    if wanted.owner is not None:
        yield jobs.c.owner == wanted.owner
    if wanted.process_ids:
        yield jobs.c.process_id.in_(wanted.process_ids)
    if wanted.statuses:
        yield jobs.c.status.in_(wanted.statuses)
    if wanted.schedule_id is not None:
        yield jobs.c.schedule_id == wanted.schedule_id
    if wanted.created_from is not None:
        yield jobs.c.created >= wanted.created_from
    if wanted.created_to is not None:
        yield jobs.c.created <= wanted.created_to
    if wanted.min_duration is not None:
        yield duration >= timedelta(seconds=wanted.min_duration) // timedelta(microseconds=1)
    if wanted.max_duration is not None:
        yield duration <= timedelta(seconds=wanted.max_duration) // timedelta(microseconds=1)
