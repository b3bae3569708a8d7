"""Outboxes: what is to be sent, in a table of its own, kept until it is delivered or given up."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, Protocol, TypeVar

from sqlalchemy import ColumnElement, Engine, Table, and_, exists, select, update

from nbprocessor.store.database import reading, writing

State = Literal["pending", "delivered", "given-up"]


class Letter(Protocol):
    """A row of an outbox."""

    @property
    def id(self) -> int:
        """Rises with every row."""

    @property
    def attempts(self) -> int:
        """Attempts that ended; one that was cut off by a crash does not count."""

    @property
    def next_attempt(self) -> datetime:
        """When it is due; while it is being sent: when its sender is taken for dead."""


Item = TypeVar("Item", bound=Letter)


class Outbox(Generic[Item]):
    """What is due of one table; several senders may share it."""

    def __init__(self, engine: Engine, table: Table, item: Callable[..., Item], line: Sequence[str]) -> None:
        """Take the table.

        Args:
            engine: The database.
            table: Has ``id``, ``state``, ``attempts``, ``next_attempt`` and ``last_error``.
            item: Makes an item of a row's columns.
            line: Columns; rows that are the same in them are handed out one after the other.
        """
        self._engine = engine
        self._table = table
        self._item = item
        self._line = line

    def claim(self, limit: int, lease: timedelta) -> Sequence[Item]:
        """Take what is due, oldest first; nobody else gets it before the lease is over.

        What stands in one line is handed out in its order, each after the earlier one was delivered or given up.
        """
        now, table = datetime.now(UTC), self._table
        if not self._any_due(now):
            return []
        earlier = table.alias()
        same_line = and_(*(earlier.c[name] == table.c[name] for name in self._line))
        waits = exists().where(same_line, earlier.c.id < table.c.id, earlier.c.state == "pending")
        due = select(table.c.id).where(*self._due(now), ~waits).order_by(table.c.next_attempt, table.c.id).limit(limit)
        with writing(self._engine, alone=True) as connection:
            ids = connection.scalars(due).all()
            if not ids:
                return []
            taken = update(table).where(table.c.id.in_(ids)).values(next_attempt=now + lease)
            found = connection.execute(taken.returning(*table.c)).mappings()
            return sorted((self._item(**row) for row in found), key=lambda item: item.id)

    def delivered(self, item: Item) -> None:
        """Note that a claimed item arrived."""
        self._end_attempt(item, state="delivered", last_error="")

    def failed(self, item: Item, error: str, retry: timedelta | None) -> None:
        """Note that a claimed item did not arrive; it is due again after ``retry``, or given up."""
        if retry is None:
            self._end_attempt(item, state="given-up", last_error=error)
        else:
            self._end_attempt(item, next_attempt=datetime.now(UTC) + retry, last_error=error)

    def where(self, *conditions: ColumnElement[bool]) -> Sequence[Item]:
        """Return what meets conditions, in its order."""
        query = select(self._table).where(*conditions).order_by(self._table.c.id)
        with reading(self._engine) as connection:
            return [self._item(**row) for row in connection.execute(query).mappings()]

    def _due(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return self._table.c.state == "pending", self._table.c.next_attempt <= now

    def _any_due(self, now: datetime) -> bool:
        """Look without a lock, because most of the time nothing is due."""
        query = select(self._table.c.id).where(*self._due(now)).limit(1)
        with reading(self._engine) as connection:
            return connection.scalar(query) is not None

    def _end_attempt(self, item: Item, **values: str | datetime) -> None:
        # Whoever overslept its lease changes nothing: somebody else sends it now.
        mine = (self._table.c.id == item.id, self._table.c.next_attempt == item.next_attempt)
        with writing(self._engine) as connection:
            connection.execute(update(self._table).where(*mine).values(attempts=item.attempts + 1, **values))
