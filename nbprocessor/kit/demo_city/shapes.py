"""The shapes of the invented city: an outline, a lake, 40 quarters in 9 districts, kitas, stops and cycle paths.

Everything is drawn in metres (EPSG:25832) from one random stream and handed out in WGS84 degrees.
"""

import math

import geopandas as gpd
import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString, MultiPoint, Point, Polygon
from shapely.ops import linemerge, polygonize, unary_union

METRES = "EPSG:25832"
CENTRE = (361_500.0, 5_707_500.0)
"""About 51.5° N, 7.0° E."""
RADIUS = 6_200.0
QUARTERS = 40
DISTRICTS = 9


def outline(random: Generator) -> Polygon:
    """Return the city's border: a circle bent by a few waves."""
    angles = np.linspace(0, 2 * math.pi, 360, endpoint=False)
    radii = np.full_like(angles, RADIUS)
    for wave in range(2, 14):
        radii += RADIUS * 0.16 / wave**0.9 * random.normal() * np.cos(wave * angles + random.uniform(0, 2 * math.pi))
    points = np.column_stack([radii * np.cos(angles) * 1.15, radii * np.sin(angles) * 0.9]) + CENTRE
    return Polygon(points)


def lake(random: Generator) -> Polygon:
    """Return a lake in the south; no quarter has water in it."""
    angles = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    radii = 1 + 0.18 * np.cos(2 * angles + 1) + 0.10 * np.cos(3 * angles) + 0.02 * random.normal(size=angles.size)
    points = np.column_stack([1_500 * radii * np.cos(angles), 480 * radii * np.sin(angles)])
    return Polygon(points + np.array([CENTRE[0] + 900, CENTRE[1] - 3_300]))


def quarters(random: Generator, border: Polygon, water: Polygon) -> gpd.GeoSeries:
    """Return 40 quarters that fill the border but for the water, smaller towards the centre, with winding borders."""
    seeds = _seeds(random, border)
    cells = shapely.voronoi_polygons(MultiPoint(seeds), extend_to=border.buffer(5_000))
    edges = unary_union([cell.intersection(border).boundary for cell in cells.geoms])
    merged = linemerge(edges)
    winding = [_wind(line, random) if not _on(line, border) else line for line in merged.geoms]
    faces = [face for face in polygonize(unary_union(winding)) if face.area > 1_000]
    tree = shapely.STRtree(faces)
    chosen = [faces[tree.nearest(Point(seed))] for seed in seeds]
    return gpd.GeoSeries([face.difference(water) for face in chosen], crs=METRES)


def districts(areas: gpd.GeoSeries) -> np.ndarray:
    """Return the district number 0…8 of each quarter: the centre, and eight sectors around it."""
    outer = from_centre(areas)[5:]
    numbers = np.zeros(len(areas), dtype=int)
    centres = areas.centroid.iloc[outer]
    angles = np.arctan2(centres.y - CENTRE[1], centres.x - CENTRE[0]).to_numpy()
    by_angle = outer[np.argsort(angles)]
    for number, members in enumerate(np.array_split(by_angle, DISTRICTS - 1), start=1):
        numbers[members] = number
    return numbers


def from_centre(areas: gpd.GeoSeries) -> np.ndarray:
    """Return the positions of the areas, the most central one first."""
    centres = areas.centroid
    distance = np.hypot((centres.x - CENTRE[0]) / 1.15, (centres.y - CENTRE[1]) / 0.9)
    return np.argsort(distance.to_numpy())


def points(random: Generator, areas: gpd.GeoSeries, count: int) -> gpd.GeoSeries:
    """Return ``count`` points inside the areas, more of them in small (dense) ones."""
    weights = 1 / np.sqrt(areas.area.to_numpy())
    chosen = random.choice(len(areas), size=count, p=weights / weights.sum())
    found = []
    for number in chosen:
        west, south, east, north = areas.iloc[number].bounds
        while not areas.iloc[number].contains(point := Point(random.uniform(west, east), random.uniform(south, north))):
            pass
        found.append(point)
    return gpd.GeoSeries(found, crs=METRES)


def paths(random: Generator, areas: gpd.GeoSeries, count: int) -> gpd.GeoSeries:
    """Return ``count`` winding lines between neighbouring quarters' centres; most of them cross a border."""
    centres = areas.representative_point()
    lines = []
    for number in range(count):
        start = centres.iloc[number % len(centres)]
        nearest = centres.distance(start).argsort().iloc[1:5]
        end = centres.iloc[int(random.choice(nearest))]
        lines.append(_wind(LineString([start, end]), random, depth=3))
    return gpd.GeoSeries(lines, crs=METRES)


def degrees(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return shapes in WGS84, rounded to 10 cm alike for neighbours, so that shared borders stay shared."""
    wgs84 = shapes.to_crs("EPSG:4326")
    return gpd.GeoSeries(
        shapely.transform(wgs84.to_numpy(), lambda xy: xy.round(6)), crs="EPSG:4326", index=shapes.index
    )


def _seeds(random: Generator, border: Polygon) -> np.ndarray:
    """Return the quarters' centres: random, then moved apart three times (Lloyd), then drawn to the centre."""
    west, south, east, north = border.bounds
    seeds: list[tuple[float, float]] = []
    while len(seeds) < QUARTERS:
        x, y = random.uniform(west, east), random.uniform(south, north)
        if border.contains(Point(x, y)):
            seeds.append((x, y))
    for _ in range(4):
        cells = shapely.voronoi_polygons(MultiPoint(seeds), extend_to=border)
        seeds = [(c.x, c.y) for c in (cell.intersection(border).centroid for cell in cells.geoms)]
    moved = np.array(seeds) - CENTRE
    distance = np.hypot(moved[:, 0], moved[:, 1])[:, None] / RADIUS
    moved = moved * np.clip(0.62 + 0.38 * distance, None, 1.0)
    return moved + CENTRE


def _wind(line: LineString, random: Generator, depth: int = 4, amount: float = 0.09) -> LineString:
    """Return the line bent by repeated midpoint displacement; its ends stay where they are."""
    coordinates = np.asarray(line.coords)
    for _ in range(depth):
        steps = np.diff(coordinates, axis=0)
        normals = np.column_stack([-steps[:, 1], steps[:, 0]])
        middles = coordinates[:-1] + steps / 2 + normals * random.normal(scale=amount, size=(len(steps), 1))
        bent = np.empty((2 * len(coordinates) - 1, 2))
        bent[0::2], bent[1::2] = coordinates, middles
        coordinates = bent
    return LineString(coordinates)


def _on(line: LineString, border: Polygon) -> bool:
    return bool(border.exterior.distance(line.interpolate(0.5, normalized=True)) < 1)
