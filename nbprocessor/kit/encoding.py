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

import io
import json
import mimetypes
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

from nbprocessor.kit.jsonvalues import Table, Value, dump_json, has_meaning, is_a, records

TEXT = "text/plain"
JSON = "application/json"
GEOJSON = "application/geo+json"
CSV = "text/csv"
PNG = "image/png"
BYTES = "application/octet-stream"

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
        is_a(value, "geopandas", "GeoDataFrame")
        or is_a(value, "geopandas", "GeoSeries")
        or is_a(value, "shapely", "Geometry")
    ):
        from nbprocessor.kit import geojson  # noqa: PLC0415 - only who has geodata waits for geopandas

        _expect(media_type, {GEOJSON, JSON}, value)
        return Encoded(geojson.dump(value), media_type or GEOJSON)
    if is_a(value, "pandas", "DataFrame", "Series"):
        return _encode_table(value, media_type or CSV)
    if is_a(value, "matplotlib.figure", "Figure"):
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
        return Encoded(dump_json(records(value.to_frame() if value.ndim == 1 else value)), JSON)
    buffer = io.StringIO(newline="")
    value.to_csv(buffer, index=has_meaning(value.index), lineterminator="\n")
    return Encoded(buffer.getvalue().encode(), CSV)


def _encode_figure(value: Value, media_type: str) -> Encoded:
    _expect(media_type, set(_FIGURE_FORMATS), value)
    buffer = io.BytesIO()
    value.savefig(buffer, format=_FIGURE_FORMATS[media_type], bbox_inches="tight", dpi=150)
    return Encoded(buffer.getvalue(), media_type)


def _is_json(media_type: str) -> bool:
    plain_type = media_type.partition(";")[0].strip().lower()
    return plain_type == JSON or plain_type.endswith("+json")


def _expect(media_type: str | None, possible: set[str], value: Value) -> None:
    if media_type is not None and media_type not in possible:
        raise TypeError(
            f"a {type(value).__name__} has no form as {media_type}; possible: {', '.join(sorted(possible))}"
        )
