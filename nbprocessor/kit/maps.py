"""Maps: areas coloured by their value, in classes with round limits, for readers with any colour vision."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from nbprocessor.kit import layers, tables, wording
from nbprocessor.kit.timeseries import LARGEST
from nbprocessor.kit.views import FAINT, INK, MISSING, Picture, Sentence, heading, plain

CLASSES = 5
NAMED = 25
"""Up to so many areas are written with their names."""
SEQUENTIAL, DIVERGING = "YlGnBu", "PuOr_r"
"""ColorBrewer's schemes for one direction, and for values on both sides of 0; both safe for colour-blind readers."""
NO_VALUE: Mapping[str, Any] = {"facecolor": MISSING, "edgecolor": "#b3bac3", "hatch": "////"}
"""Grey and hatched, so that it is not taken for a light colour."""
METRES_PER_DEGREE = 111_320
WIDTH = 8.0


@tables.harmless
def choropleth(
    result: gpd.GeoDataFrame, column: str | None = None, *, title: str = "", unit: str = ""
) -> Picture | Sentence:
    """Show a map of the first spatial unit, areas coloured by value; those without one are grey.

    Classes have round limits and equal width; with values on both sides of 0 the colours part there.

    Args:
        result: from `result_layer`.
        column: the date to show; None: the newest one that has values.
        title: heading; the date is put behind it.
        unit: unit of measurement, written at the legend.
    """
    areas, known = layers.first_unit(result), layers.of_first_unit(result)
    if column is None:
        days = list(known.columns)
        column = next((day for day in reversed(days) if known[day].notna().any()), days[-1] if days else None)
    if areas.empty or column is None or (areas.is_empty | areas.geometry.isna()).all():
        return tables.nothing()
    values = known[column]
    limits = class_limits(values)
    colours = _colours(limits)
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    axes = figure.subplots()
    _draw_areas(axes, areas, _fill(values, limits, colours))
    _draw_names(axes, areas)
    _draw_scale(axes, areas)
    _draw_legend(figure, values, limits, colours, unit)
    axes.set_title(
        heading(f"{title}, {column}".lstrip(", ")), loc="left", fontsize=12, fontweight="bold", color=INK, pad=10
    )
    return Picture(figure, _text(title, column, values, unit))


def class_limits(values: pd.Series, classes: int = CLASSES) -> list[float]:
    """Return the limits of up to ``classes`` + 1 classes of equal width with round limits, covering all values.

    Empty without values; a single pair when all values are the same.
    """
    known = values[values.abs() <= LARGEST]
    if known.empty:
        return []
    low, high = float(known.min()), float(known.max())
    if math.isclose(low, high):
        return [low, high]
    whole = bool((known == known.round()).all())
    classes += 2 if low < 0 < high else 0  # on either side of 0 there has to be something to tell apart
    locator = MaxNLocator(nbins=classes, steps=[1, 2, 2.5, 5, 10], integer=whole, min_n_ticks=4)
    ticks = [float(f"{tick:.12g}") for tick in locator.tick_values(low, high)]
    step = ticks[1] - ticks[0]
    ticks = [ticks[0] - step, *ticks, ticks[-1] + step]  # the locator lets values stick out a little
    first = max(place for place, tick in enumerate(ticks) if tick <= low)
    last = min(place for place, tick in enumerate(ticks) if tick >= high)
    return ticks[first : last + 1]


def _colours(limits: Sequence[float]) -> list[str]:
    """Return a colour per class."""
    count = max(len(limits) - 1, 1)
    if limits and limits[0] < 0 < limits[-1]:
        middles = [(low + high) / 2 for low, high in pairwise(limits)]
        reach = max(map(abs, middles))
        return [to_hex(mpl.colormaps[DIVERGING](0.5 + 0.45 * middle / reach)) for middle in middles]
    places = np.linspace(0.12, 0.86, count) if count > 1 else [0.6]
    shades = [to_hex(mpl.colormaps[SEQUENTIAL](place)) for place in places]
    return shades[::-1] if limits and limits[-1] <= 0 and limits[0] < 0 else shades


def _fill(values: pd.Series, limits: Sequence[float], colours: Sequence[str]) -> list[str]:
    classes = np.clip(np.searchsorted(limits, values.to_numpy(), side="right") - 1, 0, len(colours) - 1)
    return [MISSING if math.isnan(value) else colours[place] for value, place in zip(values, classes, strict=True)]


def _draw_areas(axes: Axes, areas: gpd.GeoDataFrame, fill: Sequence[str]) -> None:
    paths = [_path(geometry) for geometry in areas.geometry]
    width = 0.8 if len(areas) <= 200 else 0.3
    known = [place for place, colour in enumerate(fill) if colour != MISSING]
    unknown = [place for place, colour in enumerate(fill) if colour == MISSING]
    axes.add_collection(PathCollection([paths[place] for place in unknown], linewidths=0, **NO_VALUE))
    axes.add_collection(PathCollection([paths[place] for place in unknown], facecolors="none", edgecolors="white"))
    colours = [fill[place] for place in known]
    shapes = [paths[place] for place in known]
    axes.add_collection(PathCollection(shapes, facecolors=colours, edgecolors="white", linewidths=width))
    west, south, east, north = areas.total_bounds
    margin = max(east - west, north - south) * 0.02 or 0.01
    axes.set_xlim(west - margin, east + margin)
    axes.set_ylim(south - margin, north + margin)
    axes.set_aspect(1 / math.cos(math.radians((south + north) / 2)))
    axes.set_axis_off()


def _path(geometry: shapely.Geometry | None) -> Path:
    """Return a polygon with its holes, or several of them, as one path."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon)] if geometry else []
    rings = [ring for part in map(shapely.orient_polygons, parts) for ring in (part.exterior, *part.interiors)]
    if not rings:
        return Path(np.empty((0, 2)))
    return Path.make_compound_path(*(Path(shapely.get_coordinates(ring), closed=True) for ring in rings))


def _draw_names(axes: Axes, areas: gpd.GeoDataFrame) -> None:
    if len(areas) > NAMED:
        return
    halo = withStroke(linewidth=3, foreground="white", alpha=0.9)
    for geometry, name in zip(areas.geometry, areas["NAME"], strict=True):
        if geometry is None or geometry.is_empty:
            continue
        x, y = _middle(geometry)
        text = plain(str(name)).replace(" ", "\n")
        axes.text(x, y, text, ha="center", va="center", fontsize=8, color=INK, path_effects=[halo])


def _middle(geometry: shapely.Geometry) -> tuple[float, float]:
    """Return the middle of the widest part of an area: there a name has most room."""
    largest = max(shapely.get_parts(geometry), key=shapely.area)
    radius = shapely.maximum_inscribed_circle(largest, tolerance=math.sqrt(largest.area) / 50)
    x, y = shapely.get_coordinates(radius)[0]
    return float(x), float(y)


def _draw_scale(axes: Axes, areas: gpd.GeoDataFrame) -> None:
    """Draw a scale bar of a round length, about a fifth of the map's width."""
    west, south, east, north = areas.total_bounds
    metres = METRES_PER_DEGREE * math.cos(math.radians((south + north) / 2))
    fifth = (east - west) * metres / 5
    if fifth <= 0:
        return
    power = 10 ** math.floor(math.log10(fifth))
    length = max(step * power for step in (1, 2, 5) if step * power <= fifth)
    y = south - (north - south) * 0.045
    axes.plot([west, west + length / metres], [y, y], color=FAINT, linewidth=2.5, solid_capstyle="butt")
    label = f"{wording.number(length / 1000)} km" if length >= 1000 else f"{wording.number(length)} m"
    end = (west + length / metres, y)
    axes.annotate(label, end, xytext=(5, 0), textcoords="offset points", va="center", fontsize=8, color=FAINT)
    axes.set_ylim(south - (north - south) * 0.08, axes.get_ylim()[1])


def _draw_legend(figure: Figure, values: pd.Series, limits: Sequence[float], colours: Sequence[str], unit: str) -> None:
    # One value alone is written with its leading figures; limits of classes are round.
    digits = _digits_between(limits) if len(limits) > 2 else wording.fitting_digits(limits)
    handles = [
        Patch(facecolor=colour, edgecolor="none", label=_class(low, high, digits))
        for colour, (low, high) in reversed(list(zip(colours, pairwise(limits), strict=False)))
    ]
    if values.isna().any():
        handles.append(Patch(linewidth=0, label=wording.choose("kein Wert", "no value"), **NO_VALUE))
    legend = figure.legend(
        handles=handles, title=plain(unit) or None, loc="outside right upper", frameon=False,
        alignment="left", fontsize=9, title_fontsize=9, labelcolor=INK, handlelength=1.6, handleheight=1.2,
    )  # fmt: skip
    legend.get_title().set_color(FAINT)


def _digits_between(limits: Sequence[float]) -> int:
    """Return how many decimals write the limits exactly, at most 8."""
    digits = 0
    while digits < 8 and not np.allclose(limits, np.round(limits, digits), rtol=1e-9, atol=1e-12):
        digits += 1
    return digits


def _class(low: float, high: float, digits: int) -> str:
    if math.isclose(low, high):
        return wording.number(low, digits)
    return wording.choose(
        f"{wording.number(low, digits)} bis {wording.number(high, digits)}",
        f"{wording.number(low, digits)} to {wording.number(high, digits)}",
    )


def _text(title: str, column: str, values: pd.Series, unit: str) -> str:
    known, missing = values.dropna(), int(values.isna().sum())
    low, high = wording.span(known.min(), known.max()) if len(known) else (wording.MISSING,) * 2
    return wording.choose(
        f"Karte {title}, {column}: {len(values)} Gebiete, {missing} ohne Wert, {low} bis {high} {unit}".rstrip(),
        f"Map of {title}, {column}: {len(values)} areas, {missing} without a value, {low} to {high} {unit}".rstrip(),
    )
