"""Periods of validity: an area or a place exists from ``validStartDate`` to ``validEndDate``, both days included.

A start or end that is absent, null or empty is open: it has always been there, or has no end yet. So has one whose end
is a day like 9999-12-31, or PostgreSQL's ``infinity``. What cannot be read as a date is open, too, so that one faulty
feature costs no other its value; `unreadable` tells which these are.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

START, END = "validStartDate", "validEndDate"
SECONDS = "datetime64[s]"
"""Nanoseconds, the usual, end in the year 2262."""
_OPEN = ("", "infinity", "-infinity", "Infinity", "-Infinity")


def alive(features: gpd.GeoDataFrame, on: str) -> gpd.GeoDataFrame:
    """Return the features that exist on the day ``on`` (ISO date), in their order."""
    return features[alive_on(features, [on])[:, 0]]


def alive_on(features: gpd.GeoDataFrame, dates: Sequence[str]) -> np.ndarray:
    """Return which features exist on which days (ISO dates): bool, features × days, both in the order given."""
    days = np.array(list(dates), dtype=SECONDS)[None, :]
    start, end = (_days(features, column)[:, None] for column in (START, END))
    exist: np.ndarray = (np.isnat(start) | (start <= days)) & (np.isnat(end) | (end >= days))
    return exist


def effective_on(areas: gpd.GeoDataFrame, dates: Sequence[str]) -> np.ndarray:
    """Return what `alive_on` returns, with at most one row per ID and day: of several, the one that began last.

    Two shapes of one area on the same day are a fault in the data; counting in both would count twice. Of those that
    began on the same day, the last one counts.
    """
    exist = alive_on(areas, dates)
    if areas["ID"].is_unique or not len(dates):
        return exist
    newest_first = _from_oldest(areas)[::-1]
    frame = pd.DataFrame(exist[newest_first])
    ids = areas["ID"].to_numpy()[newest_first]
    effective = np.empty_like(exist)
    effective[newest_first] = exist[newest_first] & (frame.groupby(ids).cumsum() <= 1).to_numpy()
    return effective


def latest(features: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one feature per ID, the one that began last, in the order the IDs first occur."""
    order = _from_oldest(features)
    ids = features["ID"].to_numpy()[order]
    newest = order[~pd.Series(ids).duplicated(keep="last").to_numpy()]
    return features.iloc[np.sort(newest)]


def _from_oldest(features: gpd.GeoDataFrame) -> np.ndarray:
    """Return the rows in the order in which the features began; what has always been there is first."""
    start = _days(features, START)
    began = np.where(np.isnat(start), np.iinfo(np.int64).min, start.astype("int64"))
    return np.argsort(began, kind="stable")


def unreadable(features: gpd.GeoDataFrame) -> np.ndarray:
    """Return which features have a start or end that is no date, and is taken as open: bool, in their order."""
    wrong = np.zeros(len(features), dtype=bool)
    for column in (START, END):
        wrong |= np.isnat(_days(features, column)) & ~np.isin(_texts(features, column), _OPEN)
    return wrong


def _days(features: gpd.GeoDataFrame, column: str) -> np.ndarray:
    """Return a column of dates; NaT where it is open or cannot be read."""
    text = pd.Series(_texts(features, column), dtype=object)
    days = pd.to_datetime(text.where(~text.isin(_OPEN)), format="ISO8601", errors="coerce", utc=True)
    seconds: np.ndarray = days.dt.tz_localize(None).to_numpy(SECONDS)
    return seconds


def _texts(features: gpd.GeoDataFrame, column: str) -> np.ndarray:
    """Return a column as text without blanks around; empty where there is nothing."""
    if column not in features.columns:
        return np.full(len(features), "", dtype=object)
    given = features[column]
    texts: np.ndarray = given.astype(object).where(given.notna(), "").astype(str).str.strip().to_numpy(object)
    return texts
