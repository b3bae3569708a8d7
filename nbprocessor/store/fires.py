"""Fires: what became of each moment a schedule was to run at; stored in the transaction that makes its job.

The key of the table is schedule, fire time and attempt: whatever is killed, asked twice or wakes up too late, there is
one job for each.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, Select, exists, func, insert, select, tuple_, update

from nbprocessor.model.job import Job, JobStatus
from nbprocessor.model.schedule import Fire, FireOutcome, Schedule
from nbprocessor.store import jobrows, leases
from nbprocessor.store import notices as notice_store
from nbprocessor.store import schedules as schedule_store
from nbprocessor.store.database import reading, writing
from nbprocessor.store.notices import NewNotice
from nbprocessor.store.tables import fires, jobs, schedules

LEASE = "schedules"
"""Whoever holds this lease fires."""
_UNFINISHED = [status for status in JobStatus if not status.ended]
_SCHEDULE = "of_"


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be stored of one schedule at once: all of it, or nothing."""

    before: Schedule
    after: Schedule
    """With the next fire, and whatever else changes."""
    new: Sequence[Fire] = ()
    jobs: Sequence[Job] = ()
    """Those that ``new`` and ``changed`` name."""
    changed: Sequence[tuple[Fire, Fire]] = ()
    """Fires as they were read, and as they become; when one is no longer as it was, nothing of the step is stored."""
    notices: Sequence[NewNotice] = ()
    """What is to be told of it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored."""

    steps: Sequence[Step] = ()
    jobs: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """A fire whose job has ended, and what became of it."""

    fire: Fire
    schedule: Schedule
    job: Job | None
    """None: its record was removed."""


class FireStore:
    """Fires in the database. Every method raises StoreUnavailable when the database cannot do its work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def store(self, steps: Sequence[Step], holder: str | None) -> Stored:
        """Store what is to happen, in one transaction.

        A step whose schedule was changed meanwhile is left out; so is a fire that there was before, with its job.

        Args:
            steps: Of different schedules.
            holder: Who has to hold the lease; None: somebody who asks for runs by hand.

        Returns:
            The steps that were stored, and the ids of the jobs that were made.
        """
        made: list[Job] = []
        done: list[Step] = []
        with writing(self._engine, alone=True) as connection:
            if holder is not None and not leases.held(connection, LEASE, holder):
                return Stored()
            there = _there(connection, [_key(fire) for step in steps for fire in step.new])
            for step in steps:
                if step.before is not step.after and not schedule_store.advance(connection, step.before, step.after):
                    continue
                if not all(_change(connection, before, after) for before, after in step.changed):
                    continue
                new = [fire for fire in step.new if _key(fire) not in there]
                if new:
                    connection.execute(insert(fires), [asdict(fire) for fire in new])
                stored = {fire.job_id for fire in (*new, *(after for _, after in step.changed))}
                notice_store.enqueue(connection, step.notices)
                made += [job for job in step.jobs if job.id in stored]
                done.append(step)
            jobrows.enter(connection, made)
        return Stored(done, frozenset(job.id for job in made))

    def waiting(self, now: datetime, limit: int) -> Sequence[tuple[Fire, Schedule]]:
        """Return the fires that are due and have no job yet, the longest overdue first."""
        query = (
            _with_schedule()
            .where(fires.c.outcome == FireOutcome.WAITING, fires.c.due <= now)
            .order_by(fires.c.due, fires.c.schedule_id, fires.c.fire_time, fires.c.attempt)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(_fire(row), schedule_store.from_row(row, _SCHEDULE)) for row in _rows(connection, query)]

    def ended(self, limit: int) -> Sequence[Settled]:
        """Return the fires whose job has ended, or is gone, which was not yet noted."""
        unfinished = exists().where(jobs.c.id == fires.c.job_id, jobs.c.status.in_(_UNFINISHED))
        query = (
            _with_schedule()
            .where(fires.c.outcome == FireOutcome.QUEUED, ~unfinished)
            .order_by(fires.c.fire_time, fires.c.attempt)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = list(_rows(connection, query))
            found = jobrows.by_id(connection, [row["job_id"] for row in rows])
        return [Settled(_fire(row), schedule_store.from_row(row, _SCHEDULE), found.get(row["job_id"])) for row in rows]

    def give_up_waiting(self, schedule_id: UUID, reason: str, now: datetime) -> None:
        """Skip the fires of a schedule that have no job yet."""
        waits = (fires.c.schedule_id == schedule_id, fires.c.outcome == FireOutcome.WAITING)
        skipped = {"outcome": FireOutcome.SKIPPED, "reason": reason, "due": None, "noted": now}
        with writing(self._engine) as connection:
            connection.execute(update(fires).where(*waits).values(skipped))

    def busy(self, schedule_ids: Collection[UUID]) -> Mapping[UUID, Fire]:
        """Return the schedules with a run that waits or has not ended, and the earliest of these."""
        unfinished = exists().where(jobs.c.id == fires.c.job_id, jobs.c.status.in_(_UNFINISHED))
        waits = fires.c.outcome == FireOutcome.WAITING
        query = (
            select(fires)
            .where(fires.c.outcome.in_([FireOutcome.WAITING, FireOutcome.QUEUED]))
            .where(fires.c.schedule_id.in_(schedule_ids), waits | unfinished)
            .order_by(fires.c.fire_time.desc(), fires.c.attempt.desc())
        )
        with reading(self._engine) as connection:
            return {row["schedule_id"]: _fire(row) for row in _rows(connection, query)}

    def running(self, schedule_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return the schedules with a job that has not ended."""
        query = select(jobs.c.schedule_id).where(jobs.c.schedule_id.in_(schedule_ids), jobs.c.status.in_(_UNFINISHED))
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(query.distinct()))

    def of(self, schedule_id: UUID, limit: int | None = None) -> Sequence[Fire]:
        """Return what became of a schedule's fires, newest first."""
        newest = (fires.c.fire_time.desc(), fires.c.attempt.desc())
        query = select(fires).where(fires.c.schedule_id == schedule_id).order_by(*newest).limit(limit)
        with reading(self._engine) as connection:
            return [_fire(row) for row in _rows(connection, query)]

    def latest(self, schedule_ids: Collection[UUID]) -> Mapping[UUID, Fire]:
        """Return each schedule's newest fire, a retry before what it repeats."""
        place = (
            func.row_number()
            .over(partition_by=fires.c.schedule_id, order_by=[fires.c.fire_time.desc(), fires.c.attempt.desc()])
            .label("place")
        )
        ranked = select(fires, place).where(fires.c.schedule_id.in_(schedule_ids)).subquery()
        with reading(self._engine) as connection:
            return {
                row["schedule_id"]: _fire(row) for row in _rows(connection, select(ranked).where(ranked.c.place == 1))
            }

    def job_ids(self, schedule_ids: Collection[UUID], each: int) -> Mapping[UUID, Sequence[UUID]]:
        """Return the ids of each schedule's newest jobs."""
        place = (
            func.row_number()
            .over(partition_by=jobs.c.schedule_id, order_by=[jobs.c.created.desc(), jobs.c.id.desc()])
            .label("place")
        )
        ranked = select(jobs.c.schedule_id, jobs.c.id, place).where(jobs.c.schedule_id.in_(schedule_ids)).subquery()
        query = select(ranked).where(ranked.c.place <= each).order_by(ranked.c.place)
        found: dict[UUID, list[UUID]] = {schedule_id: [] for schedule_id in schedule_ids}
        with reading(self._engine) as connection:
            for row in _rows(connection, query):
                found[row["schedule_id"]].append(row["id"])
        return found


def _there(connection: Connection, keys: Sequence[tuple[UUID, datetime, int]]) -> frozenset[tuple[Any, ...]]:
    columns = (fires.c.schedule_id, fires.c.fire_time, fires.c.attempt)
    query = select(*columns).where(tuple_(*columns).in_(keys))
    return frozenset(tuple(row) for row in connection.execute(query)) if keys else frozenset()


def _change(connection: Connection, before: Fire, after: Fire) -> bool:
    same = tuple_(fires.c.schedule_id, fires.c.fire_time, fires.c.attempt) == _key(before)
    changed = update(fires).where(same, fires.c.outcome == before.outcome).values(asdict(after))
    return connection.execute(changed).rowcount == 1


def _key(fire: Fire) -> tuple[UUID, datetime, int]:
    return fire.schedule_id, fire.fire_time, fire.attempt


def _with_schedule() -> Select[Any]:
    found: Select[Any] = select(*fires.c, *schedule_store.labelled(_SCHEDULE))
    return found.join(schedules, schedules.c.id == fires.c.schedule_id)


def _rows(connection: Connection, query: Select[Any]) -> Iterator[RowMapping]:
    yield from connection.execute(query).mappings()


def _fire(row: RowMapping) -> Fire:
    values = {name: row[name] for name in fires.c.keys()}  # noqa: SIM118  # a collection of columns is no mapping
    return Fire(**values | {"outcome": FireOutcome(values["outcome"])})
