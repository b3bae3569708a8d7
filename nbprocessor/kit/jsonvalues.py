"""Values as JSON knows them: dates as text, NaN as null, tables as lists of records."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

Value = Any
"""Whatever an author hands over."""
Table = Any
"""A pandas DataFrame or Series; pandas is not imported for the sake of those who have none."""


def dump_json(value: Value) -> bytes:
    """Return ``value`` as JSON in UTF-8; NaN and infinity become null, dates ISO 8601 text."""
    try:  # Nearly every value passes as it is; walking through a large one in Python costs far more.
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain).encode()
    except (ValueError, TypeError):
        return json.dumps(plain(value), ensure_ascii=False, allow_nan=False).encode()


def plain(value: Value) -> Value:
    """Return ``value`` built of nothing but what JSON knows.

    Raises:
        TypeError: there is something in it that JSON has no form for.
    """
    match value:
        case None | bool() | str() | int() if not isinstance(value, Enum):
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {_key(key): plain(item) for key, item in value.items()}
        case Enum():
            return plain(value.value)
        case date():
            return None if value != value else value.isoformat()  # noqa: PLR0124 - pandas' NaT is a date that is not itself
        case UUID() | PurePath():
            return str(value)
    return _plain_object(value)


def _plain_object(value: Value) -> Value:
    if hasattr(value, "to_output"):
        return plain(value.to_output())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if is_a(value, "numpy", "generic", "ndarray"):
        return plain(value.tolist())
    if is_a(value, "pandas", "DataFrame"):
        return plain(records(value))
    if is_a(value, "pandas", "Series"):
        return plain(value.to_dict())
    if value is getattr(sys.modules.get("pandas"), "NA", ...):
        return None
    if is_a(value, "shapely", "Geometry") or is_a(value, "geopandas", "GeoSeries"):
        return plain(value.__geo_interface__)
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | memoryview):
        return [plain(item) for item in value]
    raise TypeError(f"a {type(value).__name__} has no form in JSON: {value!r:.80}")


def _key(key: Value) -> str:
    return key if isinstance(key, str) else str(plain(key))


def records(frame: Table) -> list[dict[str, Any]]:
    """Return a table as a list of rows; an index that means something is their first column."""
    frame = frame.reset_index() if has_meaning(frame.index) else frame
    records: list[dict[str, Any]] = frame.to_dict(orient="records")
    return records


def has_meaning(index: Value) -> bool:
    """Tell whether a table's index is more than the numbers of its rows."""
    return index.name is not None or index.nlevels > 1 or type(index).__name__ != "RangeIndex"


def is_a(value: Value, module: str, *names: str) -> bool:
    """Tell whether ``value`` is of a class of ``module``, without importing it: who has one, has it imported."""
    home = sys.modules.get(module)
    return home is not None and isinstance(value, tuple(getattr(home, name) for name in names))
