"""Statistics: of properties within areas, and of values over time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nbprocessor.kit import timespans
from nbprocessor.kit.filters import numbers_of
from nbprocessor.kit.geometry import Within
from nbprocessor.kit.resources import Indicator

METHODS: Mapping[str, str] = {
    "MIN": "min", "MAX": "max", "MEAN": "mean", "MEDIAN": "median", "SUM": "sum", "STANDARD_DEVIATION": "std",
}  # fmt: skip
"""KomMonitor's names; the standard deviation is that of a sample (n − 1)."""


def statistic(within: Within, prop: str, method: str | Mapping[str, Any] | None) -> pd.DataFrame:
    """Return a statistic of a numeric property of the features in each area: float64, areas × dates.

    Values that are missing or no finite number are left out; 0 counts. NaN without values; the standard deviation of a
    single value is NaN, too.

    Args:
        within: from `geometry.points_within`.
        prop: the property.
        method: one of `METHODS`, or ``{"apiName": …}``; None: the minimum.

    Raises:
        ValueError: the method is unknown.
    """
    chosen = timespans.name(method, "MIN")
    if chosen not in METHODS:
        raise ValueError(f'the statistic "{chosen}" is unknown; it is one of {", ".join(METHODS)}')
    features = within.features
    absent = prop not in features.columns
    values = np.full(len(features), np.nan) if absent else numbers_of(features[prop])
    pair, day = np.nonzero(within.together)
    rows = pd.DataFrame({"area": within.area[pair], "day": day, "value": values[within.feature[pair]]}).dropna()
    figures = rows.groupby(["area", "day"])["value"].agg(METHODS[chosen]).unstack("day")
    areas, days = within.existing.index, within.existing.columns
    figures = figures.reindex(index=range(len(areas)), columns=range(len(days)))
    return figures.set_axis(areas, axis=0).set_axis(days, axis=1).astype("float64")


def trend(windows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the trend in per cent: 100 · b / first value, ``b`` being the slope of the least-squares line.

    NaN where a value of the window is missing, or the first is 0. A flat series has the trend 0.

    Args:
        windows: from `window`, at least two; time counts 1, 2, 3, …
    """
    values, time = _stacked(windows)
    slope = np.tensordot(time, values, axes=1) / (time**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(values[0] == 0, np.nan, 100 * slope / values[0])
    return pd.DataFrame(result, windows[0].index, windows[0].columns)


def continuity(windows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return Pearson's correlation of values and time: 1 rising steadily, −1 falling.

    NaN where a value of the window is missing, or all are the same.

    Args:
        windows: from `window`, at least two; time counts 1, 2, 3, …
    """
    values, time = _stacked(windows)
    constant = (values == values[0]).all(axis=0)
    centred = values - values.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.tensordot(time, centred, axes=1) / np.sqrt((time**2).sum() * (centred**2).sum(axis=0))
    return pd.DataFrame(np.where(constant, np.nan, np.clip(r, -1, 1)), windows[0].index, windows[0].columns)


def window(
    indicator: Indicator, unit: str, dates: Sequence[str], count: int, temporal_type: str | Mapping[str, Any] | None
) -> list[pd.DataFrame]:
    """Return an indicator's values on each date and on the ``count`` dates before it.

    ``count`` + 1 frames, oldest first; each has areas as rows and ``dates`` as columns, and holds the values of the
    date that lies so many years, months or days before. A date whose window has dates the indicator does not have is
    NaN in all of them; when that is so for every date, two frames of NaN stand for the window.

    Raises:
        ValueError: ``count`` is less than 1, or the kind of step unknown.
        DataError: the values cannot be read.
    """
    known = set(indicator.dates)
    complete = [
        day for day in dates if all(before in known for before in timespans.steps_before(day, count, temporal_type))
    ]
    steps = [[timespans.before(day, step, temporal_type) for day in complete] for step in range(count, -1, -1)]
    if not complete:
        steps = [[], []]
    frames = [indicator.values(unit, step).set_axis(pd.Index(complete, dtype=str), axis=1) for step in steps]
    return [frame.reindex(columns=pd.Index(list(dates), dtype=str)) for frame in frames]


def _stacked(windows: Sequence[pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    """Return values as steps × areas × dates, and time centred on its mean."""
    values = np.stack([frame.to_numpy("float64") for frame in windows])
    time = np.arange(len(windows), dtype="float64")
    return values, time - time.mean()
