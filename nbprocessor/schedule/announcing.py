"""Announcing: what is to be told of a step, once for each change of state.

A schedule is failing from the first run that failed, with all its retries, or could not be started, until one
succeeds. Messages of jobs are left out of what is told: they may have values of inputs and results.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from nbprocessor.model import Json
from nbprocessor.model.schedule import Fire, FireOutcome, Schedule
from nbprocessor.schedule.recipients import EVENTS
from nbprocessor.store.fires import Step
from nbprocessor.store.notices import Event, NewNotice

_ENDED = {FireOutcome.FAILED: True, FireOutcome.SUCCESSFUL: False}


def announced(step: Step, recipients: Sequence[Mapping[str, Json]], language: str) -> Step:
    """Return a step with what is to be told of it.

    Args:
        step: What is to be stored.
        recipients: Who is told, as the member ``notify`` has it.
        language: Of those who have none of their own.
    """
    telling = [fire for fire in _fires(step) if fire.outcome in _ENDED and not _repeated(fire, step)]
    if not telling:
        return step
    failing = _ENDED[telling[-1].outcome]
    changes: list[Event] = []
    if step.before.active and not step.after.active:
        changes.append("pause")
    if failing != step.before.failing:
        step = replace(step, after=replace(step.after, failing=failing))
        changes.append("failure" if failing else "recovery")
    notices = [notice for entry in recipients for notice in _notices(step.after, telling[-1], entry, changes, language)]
    return replace(step, notices=notices)


def _fires(step: Step) -> list[Fire]:
    return [*(after for _, after in step.changed), *step.new]


def _repeated(fire: Fire, step: Step) -> bool:
    """Tell whether the same step lets a failed fire be tried again."""
    following = (fire.fire_time, fire.attempt + 1)
    return any((other.fire_time, other.attempt) == following for other in step.new)


def _notices(
    schedule: Schedule, fire: Fire, entry: Mapping[str, Json], changes: Sequence[Event], language: str
) -> Iterator[NewNotice]:
    """Yield the notice for one recipient; a pause says that runs fail, and stands for both."""
    wanted = next((change for change in changes if change in entry.get("on", EVENTS)), None)
    if wanted is None:
        return
    now = datetime.now(UTC)
    facts = {
        "processID": schedule.process_id,
        "name": schedule.name,
        "timezone": schedule.timing.timezone,
        "fireTime": fire.fire_time.isoformat(),
        "jobID": None if fire.job_id is None else str(fire.job_id),
        "time": (fire.noted or now).isoformat(),
    }
    yield NewNotice(
        key=uuid4(),
        schedule_id=schedule.id,
        event=wanted,
        kind="email" if "email" in entry else "webhook",
        address=entry.get("email") or entry["webhook"],
        language=entry.get("language", language),
        facts=facts,
        next_attempt=now,
    )
