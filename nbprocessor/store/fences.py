"""Fences: what a job has to be like for being changed, so that a late writer never wins."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, case, update
from sqlalchemy.sql.dml import ReturningUpdate

from nbprocessor.model.job import Job, JobStatus
from nbprocessor.store import jobrows
from nbprocessor.store.tables import jobs

Fence = Mapping[str, Any]
"""What a job has to be like for being changed, by column; None: it has no value there."""
Form = frozenset[tuple[str, bool]]
"""The columns of a fence, and whether they have to be without a value."""


def running(job: Job) -> Fence:
    """Return the fence: the job still runs, in the attempt the caller knows, and is still his."""
    return {"id": job.id, "attempt": job.attempt, "status": JobStatus.RUNNING, "worker": job.worker}


def change(connection: Connection, fence: Fence, **values: Any) -> Job | None:
    """Change the one job that is inside the fence; None when it is not."""
    row = connection.execute(_update(_form(fence)), _asked(fence) | values).mappings().one_or_none()
    return None if row is None else jobrows.from_row(row)


def change_further(connection: Connection, fence: Fence, percent: int, **values: Any) -> bool:
    """Change likewise, and let the progress be so many percent, if it was not more before.

    Returns:
        False when no job is inside the fence.
    """
    asked = _asked(fence) | values | {"percent": percent}
    return connection.execute(_further(_form(fence)), asked).first() is not None


def _form(fence: Fence) -> Form:
    return frozenset((name, value is None) for name, value in fence.items())


def _asked(fence: Fence) -> dict[str, Any]:
    return {f"its_{name}": value for name, value in fence.items() if value is not None}


# Statements are written once: for most of them that takes longer than the database does.


@cache
def _update(form: Form) -> ReturningUpdate[Any]:
    """Change what is inside a fence of this form, in the columns that are named by the values that come with it."""
    conditions = (
        jobs.c[name].is_(None) if empty else jobs.c[name] == bindparam(f"its_{name}") for name, empty in sorted(form)
    )
    return update(jobs).where(*conditions).returning(*jobrows.COLUMNS)


@cache
def _further(form: Form) -> ReturningUpdate[Any]:
    """As :func:`_update`, and let the progress be ``percent``, if it was not more before."""
    percent = bindparam("percent", type_=Integer)
    return _update(form).values(progress=case((jobs.c.progress > percent, jobs.c.progress), else_=percent))
