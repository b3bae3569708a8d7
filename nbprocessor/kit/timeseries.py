"""Tables of values as Data Management exchanges them: PUT bodies, and rows with ``DATE_…`` columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nbprocessor.errors import InvalidData

LARGEST = float(np.finfo(np.float32).max)
"""Data Management stores 32-bit numbers."""


def time_series(
    frame: pd.DataFrame,
    spatial_unit_name: str = "",
    access: Mapping[str, Any] | None = None,
    existing: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Return the PUT body for a table of values; also what the output ``resultData`` is a list of.

    Args:
        frame: rows are area IDs, columns ISO dates; NaN becomes null, "no data".
        spatial_unit_name: the unit's name (not its id), as Data Management wants it.
        access: who may see the values, see `Indicator.access`.
        existing: which pairs of area and date there are (bool); the others, and areas without any, are left out. None:
            all of them.

    Raises:
        InvalidData: an ID occurs twice, a column is no date, or a value is infinite: an error in the computation.
    """
    _check(frame)
    if existing is None:
        existing = pd.DataFrame(data=True, index=frame.index, columns=frame.columns)
    dates = [str(column) for column in frame.columns]
    values = frame.astype(object).where(frame.notna(), None).to_numpy()
    pairs = existing.reindex(index=frame.index, columns=frame.columns, fill_value=False).to_numpy(dtype=bool)
    return {
        "applicableSpatialUnit": spatial_unit_name,
        **(access or {}),
        "indicatorValues": [
            {
                "spatialReferenceKey": str(area),
                "valueMapping": [
                    {"indicatorValue": value, "timestamp": date}
                    for value, date, exists in zip(row, dates, known, strict=True)
                    if exists
                ],
            }
            for area, row, known in zip(frame.index, values, pairs, strict=True)
            if known.any() or not dates
        ],
    }


def table(body: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table of values of a PUT body: the inverse of `time_series`; NaN for pairs it does not have, too."""
    rows = {
        entry["spatialReferenceKey"]: {pair["timestamp"]: pair["indicatorValue"] for pair in entry["valueMapping"]}
        for entry in body["indicatorValues"]
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", dtype="float64")
    return frame.rename_axis(index="ID").sort_index(axis="columns")


def merged(old: pd.DataFrame, body: Mapping[str, Any]) -> pd.DataFrame:
    """Return ``old`` with the values of a PUT body put in, null included; pairs the body does not have are kept."""
    new = table(body)
    rows = old.index.append(new.index.difference(old.index, sort=False))
    columns = old.columns.union(new.columns)
    result = old.reindex(index=rows, columns=columns)
    pairs = {
        entry["spatialReferenceKey"]: {pair["timestamp"]: 1 for pair in entry["valueMapping"]}
        for entry in body["indicatorValues"]
    }
    sent = pd.DataFrame.from_dict(pairs, orient="index").reindex(index=new.index, columns=new.columns).notna()
    result.loc[new.index, new.columns] = new.where(sent, result.loc[new.index, new.columns]).to_numpy()
    return result.rename_axis(index="ID")


def numbers(rows: pd.DataFrame, resource: str) -> pd.DataFrame:
    """Return rows of text as float64; empty text and null are NaN, and infinite values stay what they are.

    Raises:
        InvalidData: there is text that is no number; the sentence names up to five places.
    """
    text = rows.astype(object).where(rows.notna(), "").astype(str).apply(lambda column: column.str.strip())
    values = text.apply(pd.to_numeric, errors="coerce").astype("float64")
    wrong = values.isna() & ~text.isin(["", "NaN", "nan", "null"])
    if wrong.any(axis=None):
        places = [f'{area}, {date}: "{text.at[area, date]}" is not a number' for area, date in _places(wrong)]
        raise InvalidData(resource, places)
    return values


def _places(wrong: pd.DataFrame) -> list[tuple[str, str]]:
    stacked = wrong.stack()
    return list(stacked[stacked].index[:5])


def _check(frame: pd.DataFrame) -> None:
    problems = [f'the area "{area}" occurs twice' for area in frame.index[frame.index.duplicated()].unique()[:5]]
    days = pd.to_datetime(pd.Series(frame.columns, dtype=object), format="%Y-%m-%d", errors="coerce")
    problems += [f'the column "{column}" is no date' for column in frame.columns[days.isna().to_numpy()][:5]]
    if not problems and np.isinf(frame.to_numpy(dtype="float64")).any():
        problems.append("a value is infinite: something was divided by zero")
    if problems:
        raise InvalidData("computed values", problems)
