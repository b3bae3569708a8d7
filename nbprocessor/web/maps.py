"""A GeoJSON FeatureCollection as a map: shapes in one picture, coloured by a number; drawn on the server as SVG.

The table beside it says the same in words. No background map: that would be another host's.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbprocessor.model import Json
from nbprocessor.web import formats
from nbprocessor.web.schemas import shown
from nbprocessor.web.texts import translate

WIDTH = 640
MAX_HEIGHT = 640
MARGIN = 8
MAX_FEATURES = 5_000
MAX_POSITIONS = 200_000
"""Corners of all shapes; a larger collection is shown as a table only."""
CLASSES = 5

Position = tuple[float, float]
Part = tuple[str, Sequence[Position]]
"""``area``, ``line`` or ``point`` and its positions."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One feature, ready for the template."""

    path: str
    points: Sequence[Position]
    is_line: bool
    level: str
    """Class of its value, 0 to CLASSES - 1; ``none`` without one."""
    label: str


@dataclass(frozen=True, slots=True)
class Map:
    """A picture of shapes with its legend."""

    height: int
    shapes: Sequence[Shape]
    shows: str
    """Name of the property the colours stand for; empty when there is no number."""
    legend: Sequence[tuple[str, str]]
    """Level and its range, the greatest first."""
    width: int = WIDTH


def map_of(features: Sequence[Mapping[str, Json]], language: str) -> Map | None:
    """Draw features; None when there is nothing to draw, too much, or what is there is no GeoJSON."""
    if len(features) > MAX_FEATURES:
        return None
    try:
        parts = [list(_parts(feature.get("geometry"))) for feature in features]
        every = [position for shape in parts for _, positions in shape for position in positions]
        if not every or len(every) > MAX_POSITIONS or not all(map(math.isfinite, (v for p in every for v in p))):
            return None
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError, OverflowError):
        return None
    height, place = _projection(every)
    properties = [_mapping(feature.get("properties")) for feature in features]
    column = _number_column(properties)
    values = [_number(row.get(column)) if column else None for row in properties]
    breaks = _breaks([value for value in values if value is not None])
    shapes = []
    for shape, row, value in zip(parts, properties, values, strict=True):
        level = "none" if value is None else str(bisect_right(breaks, value))
        label = _label(row, value, language)
        shapes.append(_shape(shape, place, level, label))
    legend = _legend(breaks, [value for value in values if value is not None], language)
    if column and None in values:
        legend.append(("none", translate(language)("no-value")))
    return Map(height, shapes, column, legend)


def _parts(geometry: Json) -> Iterator[Part]:
    if geometry is None:
        return
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    match kind:
        case "Point":
            yield "point", [_position(coordinates)]
        case "MultiPoint":
            yield "point", list(map(_position, coordinates))
        case "LineString":
            yield "line", list(map(_position, coordinates))
        case "MultiLineString":
            yield from (("line", list(map(_position, line))) for line in coordinates)
        case "Polygon":
            yield from (("area", list(map(_position, ring))) for ring in coordinates)
        case "MultiPolygon":
            yield from (("area", list(map(_position, ring))) for polygon in coordinates for ring in polygon)
        case "GeometryCollection":
            for part in geometry["geometries"]:
                yield from _parts(part)


def _position(coordinates: Sequence[float]) -> Position:
    return float(coordinates[0]), float(coordinates[1])


class _Place:
    """Puts positions into the picture; degrees become as wide as they are high in the middle of the map."""

    def __init__(self, west: float, north: float, narrowing: float, scale: float) -> None:
        self._west, self._north, self._narrowing, self._scale = west, north, narrowing, scale

    def __call__(self, position: Position) -> Position:
        x = MARGIN + (position[0] - self._west) * self._narrowing * self._scale
        y = MARGIN + (self._north - position[1]) * self._scale
        return round(x, 1), round(y, 1)


def _projection(every: Sequence[Position]) -> tuple[int, _Place]:
    """Return the picture's height and where positions are in it."""
    west, east = min(x for x, _ in every), max(x for x, _ in every)
    south, north = min(y for _, y in every), max(y for _, y in every)
    in_degrees = west >= -180 and east <= 180 and south >= -90 and north <= 90
    narrowing = max(0.05, math.cos(math.radians((south + north) / 2))) if in_degrees else 1.0
    width, height = (east - west) * narrowing, north - south
    inner = WIDTH - 2 * MARGIN
    scale = min(inner / width if width else math.inf, (MAX_HEIGHT - 2 * MARGIN) / height if height else math.inf)
    scale = scale if math.isfinite(scale) else 1.0
    # A map narrower than the picture stands in its middle.
    shift = (inner / scale - width) / 2 / narrowing
    return math.ceil(height * scale) + 2 * MARGIN, _Place(west - shift, north, narrowing, scale)


def _shape(parts: Sequence[Part], place: _Place, level: str, label: str) -> Shape:
    path, points = [], []
    for kind, positions in parts:
        placed = [place(position) for position in positions]
        if kind == "point":
            points += placed
            continue
        corners = [corner for index, corner in enumerate(placed) if index == 0 or corner != placed[index - 1]]
        path.append("M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + ("Z" if kind == "area" else ""))
    return Shape("".join(path), points, any(kind == "line" for kind, _ in parts), level, label)


def _number_column(rows: Sequence[Mapping[str, Json]]) -> str:
    """Return the last property that is a number wherever it is given: of a time series the newest."""
    columns = dict.fromkeys(name for row in rows for name in row)
    for name in reversed(columns):
        values = [row[name] for row in rows if row.get(name) is not None]
        if values and all(_number(value) is not None for value in values):
            return str(name)
    return ""


def _breaks(values: Sequence[float]) -> Sequence[float]:
    """Return the lower bounds of all classes but the first; as many values in each as may be."""
    ordered = sorted(values)
    bounds = (ordered[len(ordered) * part // CLASSES] for part in range(1, CLASSES)) if ordered else ()
    return sorted({bound for bound in bounds if bound > ordered[0]})


def _legend(breaks: Sequence[float], values: Sequence[float], language: str) -> list[tuple[str, str]]:
    legend = []
    for level in range(len(breaks) + 1):
        inside = [value for value in values if bisect_right(breaks, value) == level]
        if inside:
            ends = dict.fromkeys(formats.number(end, language) for end in (min(inside), max(inside)))
            legend.append((str(level), " – ".join(ends)))
    return legend[::-1]


def _label(row: Mapping[str, Json], value: float | None, language: str) -> str:
    names = [key for key in row if str(key).lower() in {"name", "title", "id"}]
    names.sort(key=lambda key: ("name", "title", "id").index(str(key).lower()))
    name = shown(row[names[0]]) if names else ""
    number = "–" if value is None else formats.number(value, language)
    return f"{name[:100]}: {number}" if name else number


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
