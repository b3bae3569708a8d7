"""Which points in time a run computes, and which areas exist then."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, overload

import pandas as pd

from nbprocessor.kit import lifespans
from nbprocessor.kit.resources import Georesource, Indicator
from nbprocessor.kit.source import Source

MODES = ("MISSING", "ALL", "DATES")
_ISO = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class TargetDates(Sequence[str]):
    """The points in time to compute: a sequence of ISO dates, ascending."""

    dates: Sequence[str]
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Dates that are wanted, by the id of the input that does not have them; ascending."""

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self.dates[place]

    def __len__(self) -> int:
        return len(self.dates)

    def __iter__(self) -> Iterator[str]:
        return iter(self.dates)


def target_dates(
    target_time: Mapping[str, Any] | None, target: Indicator, inputs: Sequence[Indicator | Georesource]
) -> TargetDates:
    """Return the points in time a run computes.

    Of indicators, what all of them have (``I``: dates of every input, ``T``: dates of the target)::

        ALL      I − excludeDates
        DATES    I ∩ includeDates
        MISSING  I − T − excludeDates

    A georesource has no dates of its own. Candidates are ``includeDates``, and where these are empty, ``T`` and the
    days on which the georesource's periods of validity begin; ALL and MISSING take away as above, DATES is
    ``includeDates``.

    Args:
        target_time: ``{"mode": …, "includeDates": […], "excludeDates": […]}``; the lists may be left out, the mode is
            MISSING then.
        target: the indicator to be computed.
        inputs: what it is computed from; at least one.

    Raises:
        ValueError: the mode or a date cannot be read, or there are no inputs.
    """
    mode, include, exclude = _read(target_time or {})
    if not inputs:
        raise ValueError("there is nothing to compute from: no input indicator or georesource")
    indicators = [resource for resource in inputs if isinstance(resource, Indicator)]
    if not indicators:
        return TargetDates(_of_georesources(mode, include, exclude, target, inputs))
    own = [set(indicator.dates) for indicator in indicators]
    common, union = set.intersection(*own), set.union(*own)
    done = set(target.dates) if mode == "MISSING" else set()
    wanted = include if mode == "DATES" else union - done - exclude
    missing = {indicator.id: sorted(wanted - set(indicator.dates)) for indicator in indicators}
    return TargetDates(sorted(common & wanted), {key: dates for key, dates in missing.items() if dates})


def existing(source: Source, unit: str, dates: Sequence[str]) -> pd.DataFrame:
    """Return which areas of a spatial unit exist when: bool, rows are area IDs, columns the dates.

    Areas that exist on none of the dates are left out. An ID with several periods of validity has one row.

    Raises:
        DataError: the areas cannot be read.
    """
    areas = source.areas_of_all_times(unit)
    alive = pd.DataFrame(lifespans.alive_on(areas, dates), index=areas["ID"], columns=pd.Index(list(dates), dtype=str))
    if alive.index.has_duplicates:
        alive = alive.groupby(level=0, sort=False).any()
    return alive[alive.any(axis=1)] if len(dates) else alive


def _of_georesources(
    mode: str, include: set[str], exclude: set[str], target: Indicator, inputs: Sequence[Indicator | Georesource]
) -> list[str]:
    if mode == "DATES":
        return sorted(include)
    periods = (period for resource in inputs for period in resource.overview.get("availablePeriodsOfValidity") or ())
    starts = (str(period.get("startDate") or "")[:10] for period in periods)
    candidates = include or {*target.dates, *(start for start in starts if _ISO.fullmatch(start))}
    return sorted(candidates - exclude - (set(target.dates) if mode == "MISSING" else set()))


def _read(target_time: Mapping[str, Any]) -> tuple[str, set[str], set[str]]:
    mode = target_time.get("mode") or MODES[0]
    if mode not in MODES:
        raise ValueError(f'target_time has the mode "{mode}"; it is one of {", ".join(MODES)}')
    include, exclude = (
        {_iso(key, day) for day in target_time.get(key) or ()} for key in ("includeDates", "excludeDates")
    )
    return mode, include, exclude


def _iso(key: str, day: object) -> str:
    try:
        return date.fromisoformat(str(day).strip()).isoformat()
    except ValueError as error:
        raise ValueError(f'target_time, {key}: "{day}" is no date; write it as 2024-12-31') from error
