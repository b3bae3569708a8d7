"""Relative values in a schedule's inputs, such as ``{{ last_month_end }}``: resolved for each fire, then recorded.

Dates are those of the schedule's time zone. A placeholder may stand alone or within a text; it becomes text in both.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nbprocessor.errors import Problem
from nbprocessor.model import Json
from nbprocessor.notebook.validation import escaped

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")


def _month_start(day: date, months: int) -> date:
    """Return the first day of the month that is so many months later."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _quarter_start(day: date, quarters: int) -> date:
    return _month_start(date(day.year, (day.month - 1) // 3 * 3 + 1, 1), 3 * quarters)


_BEFORE = timedelta(days=1)
PLACEHOLDERS: Mapping[str, Callable[[date], date]] = {
    "today": lambda day: day,
    "yesterday": lambda day: day - _BEFORE,
    "this_month_start": lambda day: _month_start(day, 0),
    "this_month_end": lambda day: _month_start(day, 1) - _BEFORE,
    "last_month_start": lambda day: _month_start(day, -1),
    "last_month_end": lambda day: _month_start(day, 0) - _BEFORE,
    "this_quarter_start": lambda day: _quarter_start(day, 0),
    "this_quarter_end": lambda day: _quarter_start(day, 1) - _BEFORE,
    "last_quarter_start": lambda day: _quarter_start(day, -1),
    "last_quarter_end": lambda day: _quarter_start(day, 0) - _BEFORE,
    "this_year_start": lambda day: date(day.year, 1, 1),
    "this_year_end": lambda day: date(day.year, 12, 31),
    "last_year_start": lambda day: date(day.year - 1, 1, 1),
    "last_year_end": lambda day: date(day.year - 1, 12, 31),
}
"""The dates there are, each from the local date of the fire."""
FIRE_TIME = "fire_time"
"""The moment of the fire itself, as RFC 3339 has it, with the offset of the time zone."""


def resolved(value: Json, fire_time: datetime, timezone: str) -> Any:
    """Return a value with concrete dates in the place of all placeholders.

    Args:
        value: JSON in which :func:`problems` finds nothing.
        fire_time: The moment they are relative to.
        timezone: Whose days count.
    """
    local = fire_time.astimezone(ZoneInfo(timezone))

    def replace(found: re.Match[str]) -> str:
        name = found[1].strip()
        return local.isoformat() if name == FIRE_TIME else PLACEHOLDERS[name](local.date()).isoformat()

    return _mapped(value, lambda text: _PLACEHOLDER.sub(replace, text))


def problems(value: Json, pointer: str) -> Iterator[Problem]:
    """Yield a problem for every placeholder that there is not."""
    if isinstance(value, str):
        for name in (found.strip() for found in _PLACEHOLDER.findall(value)):
            if name != FIRE_TIME and name not in PLACEHOLDERS:
                known = [*PLACEHOLDERS, FIRE_TIME]
                near = difflib.get_close_matches(name, known, n=1)
                mend = f"Did you mean {{{{ {near[0]} }}}}?" if near else f"Known: {', '.join(known)}."
                yield Problem(pointer, f"There is no relative value {{{{ {name} }}}}.", mend)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from problems(item, f"{pointer}/{escaped(key)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(item, f"{pointer}/{index}")


def _mapped(value: Json, change: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value
