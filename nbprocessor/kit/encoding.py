"""Values as bytes with a media type: what an output's file holds.

======================================  ====================  ==============================================
value                                   media type            written as
======================================  ====================  ==============================================
``str``, ``date``, ``datetime``         text/plain            UTF-8; dates in ISO 8601
``dict``, ``list``, number, bool, None  application/json      NaN and infinity become null: JSON has neither
GeoDataFrame, shapely geometry          application/geo+json  RFC 7946: WGS84, right-handed rings, ISO dates
DataFrame, Series                       text/csv              or application/json: a list of records
matplotlib Figure                       image/png             or image/svg+xml, application/pdf
``bytes``                               as named              as they are
an object with ``to_output()``          of what it returns
======================================  ====================  ==============================================
"""

import dataclasses
import io
import json
import math
import mimetypes
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

TEXT = "text/plain"
JSON = "application/json"
GEOJSON = "application/geo+json"
CSV = "text/csv"
PNG = "image/png"
BYTES = "application/octet-stream"

Value = Any
"""Whatever an author hands over."""
Table = Any
"""A pandas DataFrame or Series; pandas is not imported for the sake of those who have none."""

_EXTENSIONS = {
    TEXT: "txt",
    JSON: "json",
    GEOJSON: "geojson",
    CSV: "csv",
    PNG: "png",
    BYTES: "bin",
    "text/html": "html",
    "text/markdown": "md",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/xml": "xml",
    "application/geopackage+sqlite3": "gpkg",
    "application/vnd.apache.parquet": "parquet",
}
"""Fixed here because `mimetypes` answers by what is installed on the machine."""

_FIGURE_FORMATS = {PNG: "png", "image/svg+xml": "svg", "application/pdf": "pdf", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value ready to be written."""

    content: bytes
    media_type: str


def encode(value: Value, media_type: str | None = None) -> Encoded:
    """Return ``value`` as bytes; ``media_type`` overrides the one that goes with its type.

    Raises:
        TypeError: the value is of a type that has no written form, or not in ``media_type``.
        ValueError: a GeoDataFrame without a coordinate reference system, or text that is not the JSON it
            claims to be.
    """
    if hasattr(value, "to_output"):
        value = value.to_output()
    if isinstance(value, bytes | bytearray | memoryview):
        return Encoded(bytes(value), media_type or BYTES)
    if isinstance(value, date):
        value = value.isoformat()
    if isinstance(value, str):
        return _encode_text(value, media_type or TEXT)
    if (
        _is(value, "geopandas", "GeoDataFrame")
        or _is(value, "geopandas", "GeoSeries")
        or _is(value, "shapely", "Geometry")
    ):
        from nbprocessor.kit import geojson  # noqa: PLC0415 - only who has geodata waits for geopandas

        _expect(media_type, {GEOJSON, JSON}, value)
        return Encoded(geojson.dump(value), media_type or GEOJSON)
    if _is(value, "pandas", "DataFrame", "Series"):
        return _encode_table(value, media_type or CSV)
    if _is(value, "matplotlib.figure", "Figure"):
        return _encode_figure(value, media_type or PNG)
    if media_type is not None and not _is_json(media_type):
        raise TypeError(f"a {type(value).__name__} has no form as {media_type}; hand over bytes or a file")
    return Encoded(dump_json(value), media_type or JSON)


def extension(media_type: str) -> str:
    """Return the file extension for ``media_type``, without a dot; ``bin`` when none is known."""
    plain = media_type.partition(";")[0].strip().lower()
    if plain in _EXTENSIONS:
        return _EXTENSIONS[plain]
    if plain.endswith("+json"):
        return "json"
    if plain.endswith("+xml"):
        return "xml"
    return (mimetypes.guess_extension(plain) or ".bin")[1:]


def media_type_of(path: PurePath) -> str:
    """Return the media type that goes with a file's name."""
    by_extension = {extension: media_type for media_type, extension in _EXTENSIONS.items()}
    known = by_extension.get(path.suffix[1:].lower())
    return known or mimetypes.guess_type(path.name)[0] or BYTES


def dump_json(value: Value) -> bytes:
    """Return ``value`` as JSON in UTF-8; NaN and infinity become null, dates ISO 8601 text."""
    try:  # Nearly every value passes as it is; walking through a large one in Python costs far more.
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain).encode()
    except (ValueError, TypeError):
        return json.dumps(plain(value), ensure_ascii=False, allow_nan=False).encode()


def plain(value: Value) -> Value:  # noqa: PLR0911 - one return per kind of value
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


def _plain_object(value: Value) -> Value:  # noqa: PLR0911 - one return per kind of value
    if hasattr(value, "to_output"):
        return plain(value.to_output())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if _is(value, "numpy", "generic", "ndarray"):
        return plain(value.tolist())
    if _is(value, "pandas", "DataFrame"):
        return plain(_records(value))
    if _is(value, "pandas", "Series"):
        return plain(value.to_dict())
    if value is getattr(sys.modules.get("pandas"), "NA", ...):
        return None
    if _is(value, "shapely", "Geometry") or _is(value, "geopandas", "GeoSeries"):
        return plain(value.__geo_interface__)
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | memoryview):
        return [plain(item) for item in value]
    raise TypeError(f"a {type(value).__name__} has no form in JSON: {value!r:.80}")


def _key(key: Value) -> str:
    return key if isinstance(key, str) else str(plain(key))


def _encode_text(value: str, media_type: str) -> Encoded:
    """Text is written as it is, whatever it is said to be; what is said to be JSON has to be JSON."""
    if _is_json(media_type):
        try:
            json.loads(value)
        except ValueError as error:
            raise ValueError(
                f"the text is not {media_type}: {error}; hand over the value itself, not its text"
            ) from error
    return Encoded(value.encode(), media_type)


def _encode_table(value: Table, media_type: str) -> Encoded:
    _expect(media_type, {CSV, JSON}, value)
    if media_type == JSON:
        return Encoded(dump_json(_records(value.to_frame() if value.ndim == 1 else value)), JSON)
    buffer = io.StringIO(newline="")
    value.to_csv(buffer, index=_has_meaning(value.index), lineterminator="\n")
    return Encoded(buffer.getvalue().encode(), CSV)


def _encode_figure(value: Value, media_type: str) -> Encoded:
    _expect(media_type, set(_FIGURE_FORMATS), value)
    buffer = io.BytesIO()
    value.savefig(buffer, format=_FIGURE_FORMATS[media_type], bbox_inches="tight", dpi=150)
    return Encoded(buffer.getvalue(), media_type)


def _records(frame: Table) -> list[dict[str, Any]]:
    """Return a table as a list of rows; an index that means something is their first column."""
    frame = frame.reset_index() if _has_meaning(frame.index) else frame
    records: list[dict[str, Any]] = frame.to_dict(orient="records")
    return records


def _has_meaning(index: Value) -> bool:
    return index.name is not None or index.nlevels > 1 or type(index).__name__ != "RangeIndex"


def _is_json(media_type: str) -> bool:
    plain_type = media_type.partition(";")[0].strip().lower()
    return plain_type == JSON or plain_type.endswith("+json")


def _expect(media_type: str | None, possible: set[str], value: Value) -> None:
    if media_type is not None and media_type not in possible:
        raise TypeError(
            f"a {type(value).__name__} has no form as {media_type}; possible: {', '.join(sorted(possible))}"
        )


def _is(value: Value, module: str, *names: str) -> bool:
    """Tell whether ``value`` is of a class of ``module``, without importing it: who has one, has it imported."""
    home = sys.modules.get(module)
    return home is not None and isinstance(value, tuple(getattr(home, name) for name in names))
