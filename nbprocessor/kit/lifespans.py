"""Periods of validity: an area or a place exists from ``validStartDate`` to ``validEndDate``, both days included."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

START, END = "validStartDate", "validEndDate"


def alive(features: gpd.GeoDataFrame, on: str) -> gpd.GeoDataFrame:
    """Return the features that exist on the day ``on`` (ISO date), in their order.

    A start or end that is absent, null or empty is open: it has always been there, or has no end yet.
    """
    day = pd.Timestamp(on)
    start, end = _days(features, START), _days(features, END)
    return features[(start.isna() | (start <= day)) & (end.isna() | (end >= day))]


def alive_on(features: gpd.GeoDataFrame, dates: Sequence[str]) -> np.ndarray:
    """Return which features exist on which days (ISO dates): bool, features × days, both in the order given."""
    days = pd.to_datetime(pd.Series(list(dates), dtype=object), format="ISO8601").to_numpy("datetime64[ns]")[None, :]
    start, end = (_days(features, column).to_numpy("datetime64[ns]")[:, None] for column in (START, END))
    alive: np.ndarray = (np.isnat(start) | (start <= days)) & (np.isnat(end) | (end >= days))
    return alive


def latest(features: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one feature per ID, the one that began last, in the order the IDs first occur."""
    order = _days(features, START).sort_values(kind="stable", na_position="first").index
    newest = features.loc[order].drop_duplicates("ID", keep="last")
    return newest.loc[newest.index.sort_values()]


def _days(features: gpd.GeoDataFrame, column: str) -> pd.Series:
    if column not in features.columns:
        return pd.Series(pd.NaT, index=features.index, dtype="datetime64[ns]")
    return pd.to_datetime(features[column].replace("", None), format="ISO8601").dt.tz_localize(None)
