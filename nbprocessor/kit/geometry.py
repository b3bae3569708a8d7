"""Georesources in areas: one spatial join per spatial unit, for all dates; lengths on the ellipsoid.

Areas and features may change with time. All of them are joined once; which pairs hold on a date is then a matter of
their periods of validity, so a further date costs no further geometry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Geod

from nbprocessor.kit import indicators, lifespans
from nbprocessor.kit.filters import Condition
from nbprocessor.kit.resources import Georesource
from nbprocessor.kit.source import Source

ELLIPSOID = Geod(ellps="WGS84")
Array = np.ndarray


@dataclass(frozen=True)
class Within:
    """Which features of a georesource lie in which areas, and when."""

    features: gpd.GeoDataFrame
    """The features of all times, with their own properties."""
    existing: pd.DataFrame
    """Which areas exist when: bool, rows are area IDs, columns ISO dates."""
    area: Array
    """Of each pair, the row of its area in ``existing``."""
    feature: Array
    """Of each pair, the row of its feature in ``features``."""
    together: Array
    """Which pairs hold when, because area and feature both exist: bool, pairs × dates."""
    kilometres: Array | None = None
    """Of each pair, the length of the line's part inside the area; None for points. A line of parts has a pair each."""

    @property
    def at_least_one(self) -> pd.DataFrame:
        """Where an area has a feature: bool, areas × dates."""
        return count(self) > 0


def points_within(source: Source, unit: str, georesource: Georesource, dates: Sequence[str]) -> Within:
    """Find the points that lie within the areas of a spatial unit, alive on each date.

    A point on the boundary of an area lies in none of the areas it separates. Shapes that are invalid are mended.

    Args:
        source: where the areas come from.
        unit: id of the spatial unit.
        georesource: the points.
        dates: ISO dates.

    Raises:
        DataError: areas or features cannot be read.
    """
    areas, features = source.areas_of_all_times(unit), source.features_of_all_times(georesource.id)
    tree = shapely.STRtree(mended(features))
    row, feature = tree.query(mended(areas), predicate="contains")
    return _within(source, unit, dates, areas, features, row, feature)


def lines_within(source: Source, unit: str, georesource: Georesource, dates: Sequence[str]) -> Within:
    """Find the parts of lines that lie in the areas of a spatial unit, alive on each date, and how long they are.

    Args and errors are those of `points_within`. Lengths are geodesic, on WGS84 (see `geodesic_kilometres`). A line
    along the boundary of two areas counts in both; one that runs there and back counts every pass.
    """
    areas, features = source.areas_of_all_times(unit), source.features_of_all_times(georesource.id)
    shapes = mended(areas)
    lines, feature = shapely.get_parts(mended(features), return_index=True)
    tree = shapely.STRtree(lines)
    row, line = tree.query(shapes, predicate="intersects")
    covered_row, covered_line = tree.query(shapes, predicate="covers")
    cut = ~np.isin(row * len(lines) + line, covered_row * len(lines) + covered_line)
    kilometres = geodesic_kilometres(lines)[line]  # most lines lie in one area as a whole: only others need to be cut
    kilometres[cut] = _kilometres_inside(lines[line[cut]], shapes[row[cut]])
    return _within(source, unit, dates, areas, features, row, feature[line], kilometres)


def matching(within: Within, condition: Condition) -> Within:
    """Return only the features that satisfy a condition; see `filters`."""
    kept = condition.holds(within.features)[within.feature]
    lengths = None if within.kilometres is None else within.kilometres[kept]
    return replace(
        within, area=within.area[kept], feature=within.feature[kept], together=within.together[kept], kilometres=lengths
    )


def count(within: Within) -> pd.DataFrame:
    """Return how many features each area has: float64, areas × dates; 0 without any, NaN where no area exists."""
    return _sums(within, np.ones(len(within.area)))


def length(within: Within) -> pd.DataFrame:
    """Return how many kilometres of line each area has: float64, areas × dates; 0 without any, NaN without an area.

    Raises:
        ValueError: ``within`` is not from `lines_within`.
    """
    if within.kilometres is None:
        raise ValueError("points have no length; find lines with kit.lines_within")
    return _sums(within, within.kilometres)


def geodesic_kilometres(shapes: Sequence[shapely.Geometry] | Array) -> Array:
    """Return the length of each line in kilometres: geodesics on the WGS84 ellipsoid (Karney 2013, by pyproj).

    Coordinates are longitude and latitude. Of what is no line, as points left over from an intersection, 0.
    """
    members, shape = shapely.get_parts(shapes, return_index=True)
    parts, member = shapely.get_parts(members, return_index=True)  # a collection may hold lines of several parts
    is_line = np.isin(shapely.get_type_id(parts), (1, 2))
    lines, owner = parts[is_line], shape[member[is_line]]
    coordinates, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    start, end = coordinates[:-1][same], coordinates[1:][same]
    _, _, metres = ELLIPSOID.inv(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
    return np.bincount(owner[line[1:][same]], weights=metres, minlength=len(shapes)) / 1000


def _kilometres_inside(lines: Array, shapes: Array) -> Array:
    """Return the length of each line's part inside the shape beside it.

    A line that meets itself is cut segment by segment, as intersections keep only one of several passes.
    """
    meets_itself = (shapely.get_type_id(lines) == 1) & ~shapely.is_simple(lines)
    single, several = ~meets_itself, np.flatnonzero(meets_itself)
    kilometres = np.zeros(len(lines))
    kilometres[single] = geodesic_kilometres(shapely.intersection(lines[single], shapes[single]))
    coordinates, line = shapely.get_coordinates(lines[several], return_index=True)
    same = line[1:] == line[:-1]
    segments = shapely.linestrings(np.stack([coordinates[:-1][same], coordinates[1:][same]], axis=1))
    owner = several[line[1:][same]]
    shapely.prepare(shapes[several])
    touching = shapely.intersects(shapes[owner], segments)
    segments, owner = segments[touching], owner[touching]
    cut = ~shapely.covers(shapes[owner], segments)
    segments[cut] = shapely.intersection(segments[cut], shapes[owner[cut]])
    inside = geodesic_kilometres(segments)
    return kilometres + np.bincount(owner, weights=inside, minlength=len(lines))


def mended(features: gpd.GeoDataFrame) -> Array:
    """Return the features' shapes, invalid ones (as a ring that crosses itself) made valid."""
    shapes = features.geometry.to_numpy().copy()
    invalid = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    shapes[invalid] = shapely.make_valid(shapes[invalid])
    return np.asarray(shapes)


def _within(
    source: Source, unit: str, dates: Sequence[str], areas: gpd.GeoDataFrame, features: gpd.GeoDataFrame,
    row: Array, feature: Array, kilometres: Array | None = None,
) -> Within:  # fmt: skip
    existing = indicators.existing(source, unit, dates)
    position = existing.index.get_indexer(areas["ID"])[row]
    together = lifespans.effective_on(areas, dates)[row] & lifespans.alive_on(features, dates)[feature]
    known = position >= 0  # an area that exists on none of the dates has no row
    lengths = None if kilometres is None else kilometres[known]
    return Within(features, existing, position[known], feature[known], together[known], lengths)


def _sums(within: Within, weights: Array) -> pd.DataFrame:
    size = len(within.existing)
    columns = [np.bincount(within.area[pairs], weights=weights[pairs], minlength=size) for pairs in within.together.T]
    values = np.column_stack(columns) if columns else np.empty((size, 0))
    return pd.DataFrame(values, within.existing.index, within.existing.columns).where(within.existing)
