"""Missed fires: which of the moments that have passed still run, and which are skipped, by the schedule's policy."""

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

from nbprocessor import timing
from nbprocessor.model.schedule import Fire, FireOutcome, MisfirePolicy, Schedule

LATE = timedelta(seconds=60)
"""A fire is missed when it is later than this: takeovers and a locked database take less."""
MOST = 10
"""Fires that run under the policy ``all``."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What becomes of the moments of a schedule that have passed."""

    run: tuple[datetime, ...]
    skipped: tuple[Fire, ...]
    """Everything else, so that each moment is accounted for."""
    next_fire: datetime | None


def passed(schedule: Schedule, now: datetime, grace: timedelta) -> Passed:
    """Share out the moments from a schedule's next fire until now.

    Args:
        schedule: Its next fire is not later than now.
        now: The present.
        grace: How late a missed fire may run under the policy ``once``.
    """
    first = schedule.next_fire
    assert first is not None
    moments = [first, *takewhile(lambda time: time <= now, timing.times(schedule.timing, first))]
    late = LATE + timedelta(seconds=schedule.timing.jitter)
    match schedule.misfire:
        case MisfirePolicy.SKIP:
            run = [time for time in moments if time >= now - late]
        case MisfirePolicy.ONCE:
            run = [time for time in moments[-1:] if time >= now - max(late, grace)]
        case MisfirePolicy.ALL:
            run = list(deque(moments, MOST))
    left = moments[: len(moments) - len(run)]
    reason = f"missed; {_WHY[schedule.misfire]}"
    skipped = [_skipped(schedule, left, reason, now)] if left else []
    return Passed(tuple(run), tuple(skipped), timing.next_time(schedule.timing, moments[-1]))


_WHY = {
    MisfirePolicy.SKIP: "what was missed is skipped",
    MisfirePolicy.ONCE: "of what was missed only the latest runs, if it is not too old",
    MisfirePolicy.ALL: f"of what was missed only the latest {MOST} run",
}


def _skipped(schedule: Schedule, left: list[datetime], reason: str, now: datetime) -> Fire:
    one = Fire(schedule.id, left[0], outcome=FireOutcome.SKIPPED, reason=reason, noted=now)
    return one if len(left) == 1 else replace(one, attempt=-1, through=left[-1])
