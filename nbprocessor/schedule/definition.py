"""The definition of a schedule: an execute request with the member ``schedule`` beside it; read and written.

Source of ``inputs.execution_interval.cron``: KomMonitor's processes; clients have always sent the cron text there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nbprocessor import config
from nbprocessor.errors import InvalidRequest, Problem
from nbprocessor.model import Json
from nbprocessor.model.process import Process
from nbprocessor.model.schedule import MisfirePolicy, OverlapPolicy, Timing
from nbprocessor.notebook import validation
from nbprocessor.schedule import placeholders, recipients
from nbprocessor.schedule.recipients import Recipients
from nbprocessor.timing import EXAMPLE, cron_problems, moment, next_time, zone_problems

INTERVAL = "execution_interval"
"""Input that has the cron text; where the process does not declare it, it is taken out."""
_TEXT = {"type": "string", "maxLength": 200}
MEMBERS: Mapping[str, Json] = {
    "name": _TEXT,
    "cron": _TEXT,
    "timezone": _TEXT,
    "jitter": {"type": "integer", "minimum": 0, "maximum": 86_400},
    "start": {"type": "string", "maxLength": 40, "nullable": True},
    "end": {"type": "string", "maxLength": 40, "nullable": True},
    "active": {"type": "boolean"},
    "misfirePolicy": {"enum": [*MisfirePolicy]},
    "overlapPolicy": {"enum": [*OverlapPolicy]},
    "retries": {"type": "integer", "minimum": 0, "maximum": 10},
    "retryDelay": {"type": "integer", "minimum": 1, "maximum": 86_400},
    "notify": recipients.SCHEMA,
}
"""JSON Schema of each part of the member ``schedule``."""
REQUEST = ("inputs", "outputs", "response", "subscriber")
"""Members of an execute request; what else a client sends there is ignored, as in an execution."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What somebody wants to be run when, not yet checked against the process."""

    request: Mapping[str, Json]
    timing: Timing
    name: str = ""
    active: bool = True
    misfire: MisfirePolicy = MisfirePolicy.ONCE
    overlap: OverlapPolicy = OverlapPolicy.FORBID
    retries: int = 0
    retry_delay: int = 60
    notify: Sequence[Mapping[str, Json]] = ()


def read(process: Process, body: Json, settings: config.Schedule, allowed: Recipients, now: datetime) -> Definition:
    """Read a definition.

    Args:
        process: Which is to be run.
        body: An execute request with ``schedule``.
        settings: The server's time zone, and how often may be fired.
        allowed: Who may be told of it.
        now: The schedule has to fire at some time after it.

    Raises:
        InvalidRequest: Names every fault of cron text, time zone, dates, policies, recipients and relative values.
    """
    if not isinstance(body, Mapping):
        raise InvalidRequest([Problem("", "The body has to be an object.")])
    inputs = body.get("inputs")
    given = body.get("schedule", {})
    found = list(validation.problems_of({"type": "object"}, given, "/schedule"))
    given = given if isinstance(given, Mapping) else {}
    found += _member_problems(given)
    notify = given.get("notify", ())
    if not validation.problems_of(recipients.SCHEMA, notify, ""):
        found += allowed.problems(notify, "/schedule/notify")
    cron, place = _cron(given, inputs)
    wanted = request(process, body)
    found += placeholders.problems(wanted, "")
    timezone = str(given.get("timezone", settings.timezone))
    found += cron_problems(cron, place, settings.min_interval) if cron is not None else [_no_cron(given, place)]
    found += zone_problems(timezone, "/schedule/timezone")
    if found:
        raise InvalidRequest(list(dict.fromkeys(found)))
    return Definition(
        request=wanted,
        timing=_timing(str(cron), timezone, given, now),
        name=given.get("name", ""),
        active=given.get("active", True),
        misfire=MisfirePolicy(given.get("misfirePolicy", MisfirePolicy.ONCE)),
        overlap=OverlapPolicy(given.get("overlapPolicy", OverlapPolicy.FORBID)),
        retries=given.get("retries", 0),
        retry_delay=given.get("retryDelay", 60),
        notify=tuple(notify),
    )


def request(process: Process, body: Mapping[str, Json]) -> dict[str, Json]:
    """Return the execute request of a definition, without what only says when."""
    found = {name: body[name] for name in REQUEST if name in body}
    inputs = found.get("inputs")
    if isinstance(inputs, Mapping) and INTERVAL in inputs and INTERVAL not in process.inputs:
        found["inputs"] = {name: value for name, value in inputs.items() if name != INTERVAL}
    return found


def resolved(request: Mapping[str, Json], fire_time: datetime, timezone: str) -> dict[str, Any]:
    """Return the execute request for one fire, its relative values resolved."""
    return {name: placeholders.resolved(value, fire_time, timezone) for name, value in request.items()}


def document(definition: Any) -> dict[str, Json]:
    """Write the definition of a schedule so that :func:`read` reads the same.

    Args:
        definition: A :class:`Definition`, or a schedule.
    """
    timing: Timing = definition.timing
    written: dict[str, Json] = {
        "name": definition.name or None,
        "cron": timing.cron,
        "timezone": timing.timezone,
        "jitter": timing.jitter or None,
        "start": _local(timing.start, timing.timezone),
        "end": _local(timing.end, timing.timezone),
        "active": definition.active,
        "misfirePolicy": str(definition.misfire),
        "overlapPolicy": str(definition.overlap),
        "retries": definition.retries,
        "retryDelay": definition.retry_delay,
        "notify": [dict(entry) for entry in definition.notify] or None,
    }
    return {**definition.request, "schedule": {name: value for name, value in written.items() if value is not None}}


def _cron(given: Mapping[str, Json], inputs: Json) -> tuple[str | None, str]:
    """Return the cron text and where it stands; the member ``schedule`` counts before the input."""
    if "cron" in given:
        return (given["cron"] if isinstance(given["cron"], str) else None), "/schedule/cron"
    interval = inputs.get(INTERVAL) if isinstance(inputs, Mapping) else None
    if isinstance(interval, Mapping) and isinstance(interval.get("value"), Mapping):
        interval = interval["value"]  # OGC 18-062r2, qualifiedInputValue.yaml
    if isinstance(interval, Mapping) and "cron" in interval:
        cron = interval["cron"]
        return (cron if isinstance(cron, str) else None), f"/inputs/{INTERVAL}/cron"
    return None, "/schedule/cron"


def _no_cron(given: Mapping[str, Json], place: str) -> Problem:
    if "cron" in given or place != "/schedule/cron":
        return Problem(place, "The cron text has to be a text.", f'Such as "{EXAMPLE}".')
    mend = f'Send "schedule": {{"cron": "{EXAMPLE}"}}, or "inputs": {{"{INTERVAL}": {{"cron": "{EXAMPLE}"}}}}.'
    return Problem(place, "There is no cron text that says when to run.", mend)


def _member_problems(given: Mapping[str, Json]) -> list[Problem]:
    found = []
    for name, value in given.items():
        pointer = f"/schedule/{validation.escaped(name)}"
        if name not in MEMBERS:
            known = f"Known: {', '.join(MEMBERS)}."
            found.append(Problem(pointer, f"A schedule has no member {validation.shown(name)}.", known))
        else:
            found += validation.problems_of(MEMBERS[name], value, pointer)
    return found


def _timing(cron: str, timezone: str, given: Mapping[str, Json], now: datetime) -> Timing:
    """Read the dates, and see that there is a fire to come.

    Raises:
        InvalidRequest: A date cannot be read, or there is none to come.
    """
    found, dates = [], {}
    for name in ("start", "end"):
        if given.get(name) is None:
            continue
        try:
            dates[name] = moment(given[name], timezone, end_of_day=name == "end")
        except ValueError:
            sentence = f'"{given[name]}" is neither a date nor a time.'
            found.append(Problem(f"/schedule/{name}", sentence, "Such as 2026-01-31 or 2026-01-31T12:00:00+01:00."))
    timing = Timing(cron, timezone, given.get("jitter", 0), dates.get("start"), dates.get("end"))
    if not found and next_time(timing, now) is None:
        place = "/schedule/end" if timing.end else "/schedule/cron"
        sentence = "There is no fire to come between start and end."
        found.append(Problem(place, sentence, "Let it end later, or leave the end out."))
    if found:
        raise InvalidRequest(found)
    return timing


def _local(time: datetime | None, timezone: str) -> str | None:
    return None if time is None else time.astimezone(ZoneInfo(timezone)).isoformat()
