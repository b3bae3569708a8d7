"""The schedules: what is to run when; a definition that was changed meanwhile is never fired by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, delete, func, insert, select, true, update

from nbprocessor.errors import NoSuchSchedule
from nbprocessor.model.schedule import MisfirePolicy, OverlapPolicy, Schedule, ScheduleFilter, Timing
from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import fires, schedules
from nbprocessor.timing import delay

_COLUMNS = [column for column in schedules.c if column is not schedules.c.due]
_TIMING = [field.name for field in fields(Timing)]


class ScheduleStore:
    """Schedules in the database; may be used by several threads, processes and machines at once.

    Every method raises StoreUnavailable when the database cannot do its work; then nothing was changed.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, schedule: Schedule) -> None:
        """Store a new schedule; its id must be new."""
        with writing(self.engine) as connection:
            connection.execute(insert(schedules).values(_values(schedule)))

    def get(self, schedule_id: UUID, *, owner: str | None = None) -> Schedule:
        """Return a schedule as it is now.

        Args:
            schedule_id: Its id.
            owner: Who asks; None: somebody who may see every schedule.

        Raises:
            NoSuchSchedule: There is none, or it belongs to somebody else.
        """
        mine = true() if owner is None else schedules.c.owner == owner
        found = self._all(select(*_COLUMNS).where(schedules.c.id == schedule_id, mine))
        if not found:
            raise NoSuchSchedule(schedule_id)
        return found[0]

    def list(self, filter: ScheduleFilter, *, limit: int | None = None, offset: int = 0) -> Sequence[Schedule]:
        """Return schedules, newest first."""
        newest = select(*_COLUMNS).order_by(schedules.c.created.desc(), schedules.c.id.desc())
        return self._all(newest.where(*_conditions(filter)).limit(limit).offset(offset))

    def replace(self, schedule: Schedule) -> Schedule | None:
        """Store a changed definition.

        Args:
            schedule: With the revision it was read with.

        Returns:
            The schedule with its new revision; None when it was changed or removed meanwhile.
        """
        values = _values(schedule) | {"revision": schedule.revision + 1}
        del values["failing"]  # it is what runs say, perhaps since it was read
        mine = (schedules.c.id == schedule.id, schedules.c.revision == schedule.revision)
        with writing(self.engine) as connection:
            changed = update(schedules).where(*mine).values(values).returning(*_COLUMNS)
            row = connection.execute(changed).mappings().one_or_none()
            return None if row is None else _schedule(row)

    def delete(self, schedule_id: UUID) -> None:
        """Forget a schedule and what became of its fires; its jobs are kept."""
        with writing(self.engine) as connection:
            connection.execute(delete(fires).where(fires.c.schedule_id == schedule_id))
            connection.execute(delete(schedules).where(schedules.c.id == schedule_id))

    def due(self, now: datetime, limit: int) -> Sequence[Schedule]:
        """Return the schedules whose next fire is due, the longest overdue first."""
        query = select(*_COLUMNS).where(schedules.c.due <= now).order_by(schedules.c.due, schedules.c.id)
        return self._all(query.limit(limit))

    def next_due(self) -> datetime | None:
        """Return when the next fire of all schedules is due; None when there is none to come."""
        with reading(self.engine) as connection:
            found: datetime | None = connection.scalar(select(func.min(schedules.c.due)))
            return found

    def count(self) -> Mapping[bool, int]:
        """Return how many schedules are active and how many are not."""
        query = select(schedules.c.active, func.count()).group_by(schedules.c.active)
        with reading(self.engine) as connection:
            return {True: 0, False: 0} | {bool(active): number for active, number in connection.execute(query)}

    def _all(self, query: Select[Any]) -> Sequence[Schedule]:
        with reading(self.engine) as connection:
            return [_schedule(row) for row in connection.execute(query).mappings()]


def advance(connection: Connection, before: Schedule, after: Schedule) -> bool:
    """Move a schedule on within somebody else's transaction.

    Args:
        connection: Of the transaction.
        before: As it was read; when it has another definition or next fire by now, nothing is changed.
        after: With what a fire changes: next fire, active, message, refusals, failing.

    Returns:
        Whether it was still as it was read.
    """
    values = {name: getattr(after, name) for name in ("next_fire", "active", "message", "refusals", "failing")}
    same = (
        schedules.c.id == before.id,
        schedules.c.revision == before.revision,
        schedules.c.next_fire.is_not_distinct_from(before.next_fire),
        schedules.c.active == before.active,
        schedules.c.failing == before.failing,
    )
    return connection.execute(update(schedules).where(*same).values(due=_due(after), **values)).rowcount == 1


def from_row(row: RowMapping, prefix: str = "") -> Schedule:
    """Read a schedule from a row of a join, whose columns are labelled with a prefix."""
    return _schedule({column.name: row[f"{prefix}{column.name}"] for column in _COLUMNS})


def labelled(prefix: str) -> list[ColumnElement[Any]]:
    """Return the columns :func:`from_row` reads."""
    return [column.label(f"{prefix}{column.name}") for column in _COLUMNS]


def _conditions(wanted: ScheduleFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.owner is not None:
        yield schedules.c.owner == wanted.owner
    if wanted.process_ids:
        yield schedules.c.process_id.in_(wanted.process_ids)
    if wanted.active is not None:
        yield schedules.c.active == wanted.active
    if wanted.sources:
        yield schedules.c.source.in_(wanted.sources)


def _due(schedule: Schedule) -> datetime | None:
    fire = schedule.next_fire
    return None if fire is None else fire + delay(schedule.id, fire, schedule.timing.jitter)


def _values(schedule: Schedule) -> dict[str, Any]:
    values = {field.name: getattr(schedule, field.name) for field in fields(Schedule) if field.name != "timing"}
    return values | {name: getattr(schedule.timing, name) for name in _TIMING} | {"due": _due(schedule)}


def _schedule(row: Mapping[str, Any] | RowMapping) -> Schedule:
    values: dict[str, Any] = {**row}
    timing = Timing(**{name: values.pop(name) for name in _TIMING})
    values["notify"] = tuple(values["notify"])
    values["misfire"] = MisfirePolicy(values["misfire"])
    values["overlap"] = OverlapPolicy(values["overlap"])
    return Schedule(timing=timing, **values)
