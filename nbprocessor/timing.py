"""When a schedule fires: a cron text in a time zone, from a start to an end.

The cron text has the five fields of crontab(5) and is read by cronsim, which follows Debian's cron: what is set for an
hour that the clock leaves out runs right after it, what is set for an hour that comes twice runs once, and what runs
every hour or minute runs through both nights evenly. APScheduler's own cron trigger counts weekdays from Monday, wants
both day fields to hold where crontab wants one of them, and fires twice in the hour that comes twice.
"""

import difflib
import random
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from nbprocessor.errors import Problem
from nbprocessor.model.schedule import Timing

EXAMPLE = "0 3 * * *"
"""Every night at three."""
_FIELDS = {
    "minute": ("0", "Minutes are 0 to 59"),
    "hour": ("3", "Hours are 0 to 23"),
    "day-of-month": ("1", "Days are 1 to 31, L is the last one, and the month has to have them"),
    "month": ("1", "Months are 1 to 12 or JAN to DEC"),
    "day-of-week": ("1", "Weekdays are 0 (Sunday) to 7 or SUN to SAT"),
}
"""By field: a value that is right, and what is right."""
_GAPS = 300
"""Fires whose distances are looked at: more than a day's, at the shortest distance that may be allowed."""
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def cron_problems(cron: str, pointer: str, min_interval: float = 0.0) -> list[Problem]:
    """Return what is wrong with a cron text; the mend has the nearest one that is right.

    Args:
        cron: As it was written.
        pointer: Where it was written.
        min_interval: Seconds that have to lie between two fires.
    """
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        counted = f'"{cron}" has {len(fields)} fields; five are needed: minute, hour, day of month, month, weekday.'
        mend = f'Such as "{EXAMPLE}"; seconds and words like @daily are not read.'
        return [Problem(pointer, counted, mend)]
    try:
        found = list(islice(_cron(cron, _SOME_DAY), _GAPS))
    except CronSimError as error:
        return [_field_problem(fields, str(error).removeprefix("Bad "), pointer)]
    if not found:
        return [Problem(pointer, f'"{cron}" never comes.', f'Such as "{EXAMPLE}".')]
    least = min((later - earlier for earlier, later in pairwise(found)), default=timedelta.max)
    if least < timedelta(seconds=min_interval):
        minutes = -(-int(min_interval) // 60)
        sentence = f'"{cron}" fires every {least.total_seconds() / 60:g} min, and {minutes} min have to lie in between.'
        rarer = " ".join([f"*/{minutes}" if minutes < 60 else "0", *fields[1:]])
        example = rarer if not cron_problems(rarer, "") and minutes in {5, 10, 15, 20, 30} else EXAMPLE
        return [Problem(pointer, sentence, f'Such as "{example}".')]
    return []


def zone_problems(name: str, pointer: str) -> list[Problem]:
    """Return what is wrong with the name of a time zone."""
    try:
        ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, sorted(zoneinfo.available_timezones()), n=1)
        mend = f'Did you mean "{near[0]}"?' if near else 'Such as "Europe/Berlin" or "UTC".'
        return [Problem(pointer, f'"{name}" is no time zone of the IANA database.', mend)]
    return []


def moment(text: str, timezone: str, *, end_of_day: bool = False) -> datetime:
    """Read a date or a time; one without an offset is local in the time zone.

    Args:
        text: As in RFC 3339, or a date alone.
        timezone: Name of a time zone.
        end_of_day: A date alone means its last second, not its first.

    Raises:
        ValueError: It is neither.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        found = datetime.fromisoformat(text.strip().upper())
    else:
        found = datetime.combine(day, time(23, 59, 59) if end_of_day else time())
    try:
        return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is too far away") from None


def times(timing: Timing, after: datetime) -> Iterator[datetime]:
    """Yield the fire times after a moment, in UTC, in their order."""
    begin = after if timing.start is None else max(after, timing.start - timedelta(microseconds=1))
    for local in _cron(timing.cron, begin.astimezone(ZoneInfo(timing.timezone))):
        found = local.astimezone(UTC)
        if timing.end is not None and found > timing.end:
            return
        # In the hour that comes twice a text of fixed hours is looked for by the wall clock alone.
        if found > begin:
            yield found


def next_time(timing: Timing, after: datetime) -> datetime | None:
    """Return the first fire time after a moment; None when there is none."""
    return next(times(timing, after), None)


def delay(schedule_id: UUID, fire_time: datetime, jitter: int) -> timedelta:
    """Return how long a fire is put off: up to ``jitter`` seconds, for one fire always the same."""
    if not jitter:
        return timedelta()
    drawn = random.Random(f"{schedule_id} {fire_time.timestamp()}")  # noqa: S311  # spreads load, guards nothing
    return timedelta(seconds=drawn.uniform(0, jitter))


def _cron(cron: str, begin: datetime) -> Iterator[datetime]:
    """Yield what the text says after a moment, for fifty years without a match at most.

    Raises:
        CronSimError: Names the field that is wrong.
    """
    return CronSim(cron, begin)


def _field_problem(fields: list[str], name: str, pointer: str) -> Problem:
    value, rule = _FIELDS.get(name, ("", "It is not as in crontab(5)"))
    place = list(_FIELDS).index(name) if name in _FIELDS else 0
    written = fields[place]
    for tried in (value, "28"):
        mended = [*fields[:place], tried, *fields[place + 1 :]]
        if name == "day-of-month" and fields[3] != "*" and tried != "28":
            continue
        if not cron_problems(" ".join(mended), ""):
            example = " ".join(mended)
            break
    else:
        example = EXAMPLE
    return Problem(pointer, f'The field {name} of "{" ".join(fields)}" is "{written}".', f'{rule}: "{example}".')
