"""A schedule and its fires as pages show them: state with its symbol, times in words, what became of each fire."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nbprocessor.model import Json
from nbprocessor.model.schedule import FireOutcome
from nbprocessor.web import formats

STATUS_OF = {FireOutcome.WAITING: "accepted", FireOutcome.QUEUED: "running", FireOutcome.SKIPPED: "dismissed"}
"""The status of a job whose symbol and colour an outcome has, where it is not called the same."""


@dataclass(frozen=True, slots=True)
class FireInfo:
    """What pages show of a fire."""

    time: str
    outcome: str
    status: str
    message: str
    job: str


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """What pages show of a schedule."""

    id: str
    name: str
    process: str
    cron: str
    timezone: str
    active: bool
    message: str
    next_runs: tuple[str, ...]
    last: FireInfo | None


def schedule_info(data: Mapping[str, Json], language: str) -> ScheduleInfo:
    """Read an entry of the list of schedules."""
    last = data.get("lastRun")
    return ScheduleInfo(
        id=str(data.get("scheduleID") or ""),
        name=str(data.get("name") or ""),
        process=str(data.get("processID") or ""),
        cron=str(data.get("scheduleCron") or ""),
        timezone=str(data.get("timezone") or ""),
        active=data.get("scheduleActive") is True,
        message=str(data.get("message") or ""),
        next_runs=tuple(time for text in data.get("nextRuns") or () if (time := _local(text, language))),
        last=fire_info(last, language) if isinstance(last, Mapping) else None,
    )


def fire_info(data: Mapping[str, Json], language: str) -> FireInfo:
    """Read what became of a fire."""
    time = formats.instant(data.get("fireTime"))
    outcome = FireOutcome(str(data.get("outcome")))
    return FireInfo(
        time=formats.moment(time, language) if time else "",
        outcome=str(outcome),
        status=STATUS_OF.get(outcome, str(outcome)),
        message=str(data.get("message") or ""),
        job=str(data.get("jobID") or ""),
    )


def _local(text: object, language: str) -> str:
    """Write a fire to come in the schedule's own zone, which is the one its cron text means."""
    time: datetime | None = formats.instant(text)
    return "" if time is None else time.strftime("%d.%m.%Y, %H:%M" if language == "de" else "%Y-%m-%d %H:%M")
