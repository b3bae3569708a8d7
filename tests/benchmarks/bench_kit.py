"""The arithmetic: points and lines in areas beside the obvious loop, a division on many areas, and their memory."""

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from nbprocessor.kit import geometry
from nbprocessor.kit.folder import FolderSource
from nbprocessor.kit.source import Source
from nbprocessor.kit.summary import Summary
from tests.benchmarks.measurement import Measurement

DATES = [f"{year}-12-31" for year in range(2019, 2024)]
SAMPLE = 10
"""Polygons the loop is measured on; its time for all of them is extrapolated."""


def measure() -> Iterator[Measurement]:
    """Yield the rows."""
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        yield from _shapes(Path(folder, "points"), 5_000, _points(random, 100_000), 1 / 100)
        yield from _shapes(Path(folder, "lines"), 2_000, _lines(random, 20_000), 1 / 10)
        yield _division(Path(folder, "division"), random)
    yield Measurement(
        "memory of all this", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, "MB", at_most=1000
    )


def _shapes(folder: Path, polygons: int, features: gpd.GeoDataFrame, at_most: float) -> Iterator[Measurement]:
    source, grid = _source(folder, polygons, features)
    lines = features.geom_type.iloc[0] == "LineString"

    def all_at_once() -> object:
        within = (geometry.lines_within if lines else geometry.points_within)(source, "grid", resource_, DATES)
        return geometry.length(within) if lines else geometry.count(within)

    resource_ = source.georesource("features")
    all_at_once()  # read once, as in a job
    taken, loop = _seconds(all_at_once), _seconds(lambda: _loop(grid.iloc[:SAMPLE], features, lines=lines))
    what = (
        f"{'lengths of ' if lines else ''}{len(features):,} {'lines' if lines else 'points'} in {polygons:,} polygons"
    )
    yield Measurement(
        f"{what}, {len(DATES)} dates", taken, "s", "a loop over polygons and dates (extrapolated)",
        loop * polygons / SAMPLE, at_most,
    )  # fmt: skip


def _source(folder: Path, polygons: int, features: gpd.GeoDataFrame) -> tuple[Source, gpd.GeoDataFrame]:
    side = int(np.ceil(np.sqrt(polygons)))
    x, y = (axis.ravel()[:polygons] for axis in np.meshgrid(np.arange(side), np.arange(side)))
    boxes = shapely.box(7 + x / side / 2, 51 + y / side / 2, 7 + (x + 1) / side / 2, 51 + (y + 1) / side / 2)
    names = [f"P{number}" for number in range(polygons)]
    grid = gpd.GeoDataFrame({"ID": names, "NAME": names}, geometry=boxes, crs="EPSG:4326")
    for kind, frame in (("spatial-units/grid", grid), ("georesources/features", features)):
        (folder / kind).parent.mkdir(parents=True)
        frame.to_file(folder / f"{kind}.geojson", driver="GeoJSON")
    return FolderSource(folder), grid


def _points(random: np.random.Generator, number: int) -> gpd.GeoDataFrame:
    places = shapely.points(7 + random.random(number) / 2, 51 + random.random(number) / 2)
    return gpd.GeoDataFrame({"ID": [str(one) for one in range(number)]}, geometry=places, crs="EPSG:4326")


def _lines(random: np.random.Generator, number: int) -> gpd.GeoDataFrame:
    begin = np.column_stack([7 + random.random(number) / 2, 51 + random.random(number) / 2])
    end = begin + random.normal(scale=0.01, size=(number, 2))
    shapes = shapely.linestrings(np.stack([begin, end], axis=1))
    return gpd.GeoDataFrame({"ID": [str(one) for one in range(number)]}, geometry=shapes, crs="EPSG:4326")


def _loop(polygons: gpd.GeoDataFrame, features: gpd.GeoDataFrame, *, lines: bool) -> None:
    """Do what is written first: for each polygon and date all features."""
    for polygon in polygons.geometry:
        for _ in DATES:
            if lines:
                geometry.geodesic_kilometres(features.geometry.intersection(polygon).to_numpy()).sum()
            else:
                features.geometry.within(polygon).sum()


def _division(folder: Path, random: np.random.Generator) -> Measurement:
    """Divide as the notebook does: inputs checked, zeros noted, the result filed by area and date."""
    days = [f"{year}-12-31" for year in range(1994, 2024)]
    source, grid = _source(folder, 20_000, _points(random, 1))
    for name in ("above", "below", "quotient"):
        values = pd.DataFrame(random.integers(0, 30, (20_000, 30)), index=grid["ID"], columns=days)
        (folder / "indicators" / name).mkdir(parents=True)
        (values if name != "quotient" else values.iloc[:0, :0]).to_csv(folder / "indicators" / name / "grid.csv")
    above, below = source.indicator("above"), source.indicator("below")
    for indicator in (above, below):
        indicator.values("grid", days)  # read once, as in a job

    def compute() -> None:
        summary = Summary(source, days)
        for unit in summary.units(["grid"], [above, below]):
            i_1, i_2 = above.values(unit, days), below.values(unit, days)
            summary.note_zero_division(unit, below, i_2)
            summary.computed(unit, i_1 / i_2.where(i_2 != 0))

    return Measurement("division on 20,000 areas × 30 dates", _seconds(compute), "s", at_most=1)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
