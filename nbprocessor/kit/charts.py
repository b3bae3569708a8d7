"""Charts: values over time, or areas ranked when there is one point in time."""

from datetime import date

import geopandas as gpd
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nbprocessor.kit import layers, tables, wording
from nbprocessor.kit.views import FAINT, INK, MISSING, Picture, Sentence, heading, plain

FEW = 12
"""Up to so many areas have a line of their own."""
RANKED = 25
"""Up to so many areas have a bar of their own; more are shown as a distribution."""
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]
"""Okabe and Ito's palette, told apart with any colour vision (jfly.uni-koeln.de/color)."""
DASHES = ["solid", (0, (4, 1.5))]


@tables.harmless
def chart(result: gpd.GeoDataFrame, *, title: str = "", unit: str = "") -> Picture | Sentence:
    """Show the values of the first spatial unit: over time; ranked, when there is one point in time.

    Args:
        result: from `result_layer`.
        title: heading.
        unit: unit of measurement, written at the axis.
    """
    values = layers.of_first_unit(result).dropna(how="all").dropna(axis=1, how="all")
    if values.empty:
        return tables.nothing()
    names = layers.first_unit(result).loc[values.index, "NAME"].astype(str).map(plain)
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    axes = figure.subplots()
    if len(values.columns) > 1:
        _draw_course(axes, values, names)
        axes.set_ylabel(plain(unit), color=FAINT)
    elif len(values) <= RANKED:
        figure.set_size_inches(8.0, 1.2 + 0.26 * len(values))
        _draw_ranking(axes, values.iloc[:, 0].set_axis(names))
        axes.set_xlabel(plain(unit), color=FAINT)
    else:
        axes.hist(values.iloc[:, 0].dropna(), bins="auto", color=COLOURS[0], edgecolor="white")
        axes.set_ylabel(wording.choose("Gebiete", "areas"), color=FAINT)
        axes.set_xlabel(plain(unit), color=FAINT)
    days = list(values.columns)
    text = f"{title}, {days[0]}" if len(days) == 1 else title
    axes.set_title(heading(text.lstrip(", ")), loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    _calm(axes)
    return Picture(figure, _text(title, values, unit))


def _draw_course(axes: Axes, values: pd.DataFrame, names: pd.Series) -> None:
    days = [date.fromisoformat(day) for day in values.columns]
    if len(values) <= FEW:
        for place, (area, row) in enumerate(values.sort_values(values.columns[-1], ascending=False).iterrows()):
            axes.plot(
                days, row, color=COLOURS[place % len(COLOURS)], linestyle=DASHES[place // len(COLOURS)], linewidth=1.8,
                marker="o", markersize=3.5, label=names[area],
            )  # fmt: skip
        axes.figure.legend(loc="outside right upper", frameon=False, fontsize=9, labelcolor=INK)
    else:
        band = values.quantile([0.1, 0.5, 0.9])
        axes.fill_between(
            days, band.loc[0.1], band.loc[0.9], color=COLOURS[4], alpha=0.3, linewidth=0,
            label=wording.choose("mittlere 80 % der Gebiete", "middle 80 % of the areas"),
        )  # fmt: skip
        axes.plot(days, band.loc[0.5], color=COLOURS[0], linewidth=2.2, marker="o", markersize=4, label="Median")
        axes.legend(loc="best", frameon=False, fontsize=9, labelcolor=INK)
    shown = days if len(days) <= 8 else days[:: len(days) // 6]
    axes.set_xticks(shown, _day_labels(shown))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.number(value, _decimals(axes))))


def _day_labels(days: list[date]) -> list[str]:
    """Return years alone where all dates are the same day of a year."""
    yearly = len({(day.month, day.day) for day in days}) == 1
    return [str(day.year) if yearly else day.isoformat() for day in days]


def _draw_ranking(axes: Axes, values: pd.Series) -> None:
    ranked = values.dropna().sort_values()
    axes.barh(
        range(len(ranked)), ranked, color=[COLOURS[0] if value >= 0 else COLOURS[1] for value in ranked], height=0.7
    )
    axes.set_yticks(range(len(ranked)), ranked.index)
    axes.margins(y=0.01)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.number(value, _decimals(axes, "x"))))


def _decimals(axes: Axes, which: str = "y") -> int:
    """Return how many decimals tell the axis's ticks apart."""
    ticks = axes.get_yticks() if which == "y" else axes.get_xticks()
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1
    return next((digits for digits in range(9) if abs(round(step, digits) - step) < step * 1e-6), 3)


def _calm(axes: Axes) -> None:
    """Leave nothing but what carries meaning."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MISSING)
    axes.grid(axis="y" if len(axes.get_lines()) else "x", color=MISSING, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=9, length=0)


def _text(title: str, values: pd.DataFrame, unit: str) -> str:
    first, last = values.columns[0], values.columns[-1]
    span = first if first == last else wording.choose(f"{first} bis {last}", f"{first} to {last}")
    low, high = wording.span(values.min().min(), values.max().max())
    return wording.choose(
        f"Diagramm {title}: {len(values)} Gebiete, {span}, Werte von {low} bis {high} {unit}".rstrip(),
        f"Chart of {title}: {len(values)} areas, {span}, values from {low} to {high} {unit}".rstrip(),
    )
