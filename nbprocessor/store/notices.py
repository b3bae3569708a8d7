"""Notices to be sent: stored in the transaction of what they tell of, kept until delivered or given up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, insert

from nbprocessor.model import Json
from nbprocessor.store.outbox import Outbox, State
from nbprocessor.store.tables import notices

Event = Literal["failure", "recovery", "pause"]
Kind = Literal["email", "webhook"]


@dataclass(frozen=True, slots=True)
class NewNotice:
    """One thing to tell one recipient."""

    key: UUID
    """Told with it: whoever gets it twice knows by it."""
    schedule_id: UUID
    event: Event
    kind: Kind
    address: str
    language: str
    facts: Mapping[str, Json]
    """``processID``, ``name``, ``fireTime``, ``jobID`` and ``time``: no results, inputs or messages of jobs."""
    next_attempt: datetime
    """When it is due; while it is being sent: when its sender is taken for dead."""


@dataclass(frozen=True, slots=True)
class Notice(NewNotice):
    """A notice in the outbox."""

    id: int
    state: State
    attempts: int
    """Attempts that ended; one that was cut off by a crash does not count."""
    last_error: str


def enqueue(connection: Connection, new: Sequence[NewNotice]) -> None:
    """Store notices within somebody else's transaction."""
    if new:
        state = {"state": "pending", "attempts": 0, "last_error": ""}
        connection.execute(insert(notices), [asdict(notice) | state for notice in new])


class NoticeQueue(Outbox[Notice]):
    """The notices that are due; what one recipient is told of one schedule is sent in its order."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, notices, Notice, ["schedule_id", "address"])

    def of_schedule(self, schedule_id: UUID) -> Sequence[Notice]:
        """Return the notices of a schedule, in their order."""
        return self.where(notices.c.schedule_id == schedule_id)
