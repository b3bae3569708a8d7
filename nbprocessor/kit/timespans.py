"""Dates so many years, months or days ago, by the calendar."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
from dateutil.relativedelta import relativedelta

from nbprocessor.kit.resources import Indicator

STEPS = ("YEARS", "MONTHS", "DAYS")
NEVER = ""
"""The date before the beginning of the calendar; no dataset has it."""


def before(day: str, count: int, temporal_type: str | Mapping[str, Any] | None) -> str:
    """Return the ISO date ``count`` years, months or days before ``day``.

    A day the month does not have becomes its last one: a month before 31 March is 28 or 29 February.

    Args:
        day: ISO date.
        count: how many; 0 is the day itself.
        temporal_type: one of `STEPS`, or ``{"apiName": …}``; None: years.

    Raises:
        ValueError: the kind of step is unknown, or ``day`` no date.
    """
    start = date.fromisoformat(day)
    try:
        match name(temporal_type, STEPS[0]):
            case "YEARS":
                return (start - relativedelta(years=count)).isoformat()
            case "MONTHS":
                return (start - relativedelta(months=count)).isoformat()
            case "DAYS":
                return (start - timedelta(days=count)).isoformat()
    except (OverflowError, ValueError):  # before the year 1
        return NEVER
    raise ValueError(f'the span "{name(temporal_type, STEPS[0])}" is unknown; it is one of {", ".join(STEPS)}')


def steps_before(day: str, count: int, temporal_type: str | Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the dates 1, 2, … ``count`` steps before ``day``.

    Raises:
        ValueError: ``count`` is less than 1.
    """
    if count < 1:
        raise ValueError(f"the number of steps back is {count}; it has to be at least 1")
    for step in range(1, count + 1):
        yield before(day, step, temporal_type)


def earlier_values(
    indicator: Indicator, unit: str, dates: Sequence[str], count: int, temporal_type: str | Mapping[str, Any] | None
) -> pd.DataFrame:
    """Return the values ``count`` steps before each date: areas × ``dates``; NaN where the indicator has none.

    Raises:
        ValueError: the kind of step is unknown.
        DataError: the values cannot be read.
    """
    earlier = [before(day, count, temporal_type) for day in dates]
    return indicator.values(unit, earlier).set_axis(pd.Index(list(dates), dtype=str), axis=1)


def reference_values(indicator: Indicator, unit: str, dates: Sequence[str], reference_date: str) -> pd.DataFrame:
    """Return the values on one fixed date beside each later date: areas × ``dates``.

    NaN where a date is not later than ``reference_date``, or the indicator has no value on that.

    Raises:
        DataError: the values cannot be read.
    """
    reference = indicator.values(unit, [reference_date])[reference_date]
    missing = pd.Series(float("nan"), index=reference.index)
    columns = [reference if day > reference_date else missing for day in dates]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=reference.index, dtype="float64")
    return frame.set_axis(pd.Index(list(dates), dtype=str), axis=1)


def name(chosen: str | Mapping[str, Any] | None, default: str) -> str:
    """Return the name of a choice, which clients send as text, as ``{"apiName": …, "displayName": …}``, or not."""
    if chosen is None:
        return default
    return str(chosen.get("apiName", "")) if isinstance(chosen, Mapping) else str(chosen)
