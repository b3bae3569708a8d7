"""The queue: how many jobs may wait, and which of them is next."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Update,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from nbprocessor.errors import QueueFull, UserQueueFull
from nbprocessor.model.job import JobStatus, Priority
from nbprocessor.store.tables import jobs, turns

AGEING = timedelta(minutes=10)
"""What has waited for longer counts as if somebody waited for it: nothing waits for ever."""
ANYBODY = ""
"""Stands in for the owner of jobs without one: together they count as one user, whom no limit of users meets."""


def check_room(connection: Connection, owner: str | None, *, queue: int | None, per_user: int) -> None:
    """Make sure that one more job may wait; called in the transaction that adds it.

    Args:
        connection: Of a transaction that runs alone.
        owner: Whose job it is.
        queue: Jobs that may wait; None: any number.
        per_user: Jobs of one owner that may wait; 0: any number.

    Raises:
        UserQueueFull: As many jobs of the owner wait already.
        QueueFull: As many jobs wait already.
    """
    if per_user and owner is not None:
        waiting = connection.scalar(_waiting(owned=True), {"owner": owner}) or 0
        if waiting >= per_user:
            raise UserQueueFull(per_user)
    if queue is not None and (connection.scalar(_waiting(owned=False)) or 0) >= queue:
        raise QueueFull(queue)


def next_waiting(
    connection: Connection, now: datetime, wanted: UUID | None, per_user: int
) -> Row[tuple[UUID, int, str]] | None:
    """Return the job to be run next (``id``, ``attempt``) and its user (``user``); None: nothing waits that may run.

    Users take turns: first comes whoever has the fewest jobs running, of these whoever was served the longest time
    ago, and of his jobs the oldest. Somebody who waits for an answer goes before all that.

    Args:
        connection: To the database.
        now: The present time.
        wanted: This job or none.
        per_user: Jobs of one owner that may run at once; 0: any number.
    """
    values: dict[str, Any] = {"now": now, "aged": now - AGEING}
    values |= {"wanted": wanted} if wanted is not None else {}
    values |= {"per_user": per_user} if per_user else {}
    asked = _next_waiting(one=wanted is not None, bounded=per_user > 0)
    return connection.execute(asked, values).first()


@cache
def _next_waiting(*, one: bool, bounded: bool) -> Select[tuple[UUID, int, str]]:
    """Write the question, once: it is asked at every turn of every worker."""
    user = func.coalesce(jobs.c.owner, ANYBODY)
    running = (
        select(func.coalesce(jobs.c.owner, ANYBODY).label("user"), func.count().label("number"))
        .where(jobs.c.status == JobStatus.RUNNING)
        .group_by(jobs.c.owner)
        .cte("running")
    )
    number = func.coalesce(running.c.number, 0)
    aged = jobs.c.created <= bindparam("aged", type_=jobs.c.created.type)
    urgency = case((aged, int(Priority.INTERACTIVE)), else_=jobs.c.priority)
    return (
        select(jobs.c.id, jobs.c.attempt, user.label("user"))
        .outerjoin(running, running.c.user == user)
        .outerjoin(turns, turns.c.owner == user)
        .where(
            jobs.c.status == JobStatus.ACCEPTED,
            or_(jobs.c.not_before.is_(None), jobs.c.not_before <= bindparam("now", type_=jobs.c.not_before.type)),
            _process_has_room(),
            or_(jobs.c.owner.is_(None), number < bindparam("per_user", type_=Integer)) if bounded else true(),
            jobs.c.id == bindparam("wanted", type_=jobs.c.id.type) if one else true(),
        )
        .order_by(urgency, number, turns.c.served.nulls_first(), jobs.c.created, jobs.c.id)
        .limit(1)
    )


def take_turn(connection: Connection, user: str, now: datetime) -> None:
    """Note that a user is served; called in the transaction that starts the job, which runs alone."""
    if not connection.execute(_served(), {"user": user, "served": now}).rowcount:
        connection.execute(insert(turns).values(owner=user, served=now))


@cache
def _served() -> Update:
    return update(turns).where(turns.c.owner == bindparam("user"))


@cache
def _waiting(*, owned: bool) -> Select[Any]:
    whose = jobs.c.owner == bindparam("owner") if owned else true()
    return select(func.count()).select_from(jobs).where(jobs.c.status == JobStatus.ACCEPTED, whose)


def _process_has_room() -> ColumnElement[bool]:
    others = jobs.alias()
    running = (
        select(func.count())
        .where(others.c.process_id == jobs.c.process_id, others.c.status == JobStatus.RUNNING)
        .scalar_subquery()
    )
    return or_(jobs.c.concurrency.is_(None), running < jobs.c.concurrency)
