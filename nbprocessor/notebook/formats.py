"""Formats of values that JSON Schema names but does not check: dates, addresses, bounding boxes, GeoJSON."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from jsonschema import FormatChecker

from nbprocessor.model import Json

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?")
_CRS = re.compile(
    r"https?://www\.opengis\.net/def/crs/(OGC/[0-9.]+/CRS(84h?|83|27)|EPSG/[0-9.]+/[0-9]{4,6})"
    r"|urn:ogc:def:crs:(OGC:[0-9.]*:CRS84h?|EPSG:[0-9.]*:[0-9]{4,6})"
    r"|\[?(EPSG:[0-9]{4,6}|OGC:CRS84h?)\]?"
)
_DEPTHS: Mapping[str, int] = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3
}  # fmt: skip
"""How many lists lie around the positions of a geometry."""


MAX_CHECKED = 10_000
"""Characters a text may have to be checked by the library; its checks were not written for long ones."""
_LIBRARY = (
    "email", "uri", "uri-reference", "uuid", "ipv4", "ipv6", "hostname", "duration"
)  # fmt: skip
"""What the library checks in no time; others (``iri`` above all) take seconds for a kilobyte, and stay unchecked."""


def checker() -> FormatChecker:
    """Return a checker of the formats that are checked; other formats are remarks."""
    formats = FormatChecker(())
    for name in _LIBRARY:
        if name in FormatChecker.checkers:
            formats.checks(name)(_short(FormatChecker.checkers[name][0]))
    for name, check in _CHECKS.items():
        formats.checks(name)(check)
    return formats


def _short(check: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def checked(value: Any) -> bool:
        if isinstance(value, str) and len(value) > MAX_CHECKED:
            return False
        # The library's checks raise what Python's parsers raise.
        try:
            return bool(check(value))
        except (ValueError, TypeError):
            return False

    return checked


def is_date(value: Any) -> bool:
    """Tell whether a text is a calendar date, ``2020-01-31``; what is no text is for the type to refuse."""
    if not isinstance(value, str):
        return True
    try:
        return bool(_DATE.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def is_moment(value: Any) -> bool:
    """Tell whether a text is a date with time (RFC 3339); the offset may be missing, as in a notebook's own times."""
    if not isinstance(value, str):
        return True
    try:
        return bool(_MOMENT.fullmatch(value)) and bool(datetime.fromisoformat(value.upper()))
    except ValueError:
        return False


def is_time(value: Any) -> bool:
    """Tell whether a text is a time of day (RFC 3339, full-time); the offset may be missing."""
    if not isinstance(value, str):
        return True
    try:
        return bool(_TIME.fullmatch(value)) and time.fromisoformat(value.upper()) is not None
    except ValueError:
        return False


def bbox_problems(value: Json) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a bounding box (OGC 18-062r2, bbox.yaml): pointer within it, and sentence."""
    if not isinstance(value, Mapping) or "bbox" not in value:
        yield (
            "",
            'A bounding box is {"bbox": [west, south, east, north]}, with "crs" if not in longitude and latitude.',
        )
        return
    for key in value:
        if key not in {"bbox", "crs"}:
            yield f"/{key}", f'A bounding box has "bbox" and "crs", no "{key}".'
    corners = value["bbox"]
    if not isinstance(corners, list) or len(corners) not in {4, 6} or not all(_is_number(number) for number in corners):
        yield "/bbox", "A bounding box has 4 or 6 finite numbers: west, south, (lowest,) east, north(, highest)."
        return
    half = len(corners) // 2
    # The first axis may run backwards: across the antimeridian.
    for axis, name in ((1, "south of its south"), (2, "below its lowest"))[: half - 1]:
        if corners[axis] > corners[axis + half]:
            yield (
                f"/bbox/{axis + half}",
                f"The bounding box ends {name}: {corners[axis + half]} is less than {corners[axis]}.",
            )
    crs = value.get("crs")
    if "crs" in value and not (isinstance(crs, str) and _CRS.fullmatch(crs)):
        yield (
            "/crs",
            "The coordinate system has to be an OGC or EPSG one, such as EPSG:25832 or "
            "http://www.opengis.net/def/crs/OGC/1.3/CRS84.",
        )


def _is_bbox(value: Any) -> bool:
    return not any(bbox_problems(value))


def _is_geometry(value: Any) -> bool:
    """Tell whether a value is a GeoJSON geometry (RFC 7946, section 3.1)."""
    if not isinstance(value, Mapping):
        return False
    kind = value.get("type")
    if kind == "GeometryCollection":
        parts = value.get("geometries")
        return isinstance(parts, list) and all(_is_geometry(part) for part in parts)
    depth = _DEPTHS.get(kind) if isinstance(kind, str) else None
    if depth is None or "coordinates" not in value:
        return False
    coordinates = value["coordinates"]
    if kind in {"Polygon", "MultiPolygon"} and not _rings(coordinates, depth):
        return False
    return _positions(coordinates, depth)


def _rings(coordinates: Json, depth: int) -> bool:
    """Tell whether every ring is closed and has at least four positions."""
    if not isinstance(coordinates, list):
        return False
    if depth > 2:
        return all(_rings(part, depth - 1) for part in coordinates)
    return all(isinstance(ring, list) and len(ring) >= 4 and ring[0] == ring[-1] for ring in coordinates)


def _positions(coordinates: Json, depth: int) -> bool:
    if not isinstance(coordinates, list):
        return False
    if depth:
        return all(_positions(part, depth - 1) for part in coordinates)
    return len(coordinates) >= 2 and all(_is_number(number) for number in coordinates)


def _is_feature(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.get("type") != "Feature":
        return False
    geometry, properties = value.get("geometry"), value.get("properties")
    return (geometry is None or _is_geometry(geometry)) and (properties is None or isinstance(properties, Mapping))


def _is_collection(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.get("type") != "FeatureCollection":
        return False
    features = value.get("features")
    return isinstance(features, list) and all(_is_feature(feature) for feature in features)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "date": is_date,
    "date-time": is_moment,
    "time": is_time,
    "ogc-bbox": _is_bbox,
    "geojson-geometry": _is_geometry,
    "geojson-feature": _is_feature,
    "geojson-feature-collection": _is_collection,
}
