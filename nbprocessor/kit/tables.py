"""Tables: what a run works with, and what came out in figures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import geopandas as gpd
import pandas as pd
import shapely

from nbprocessor.kit import wording
from nbprocessor.kit.entries import Entry
from nbprocessor.kit.indicators import TargetDates
from nbprocessor.kit.layers import of_first_unit
from nbprocessor.kit.resources import Georesource, Indicator
from nbprocessor.kit.views import Picture, Sentence, Table

P = ParamSpec("P")

LONG = 6
"""More dates than this are written as first, last and number."""


def overview(target: Indicator, *inputs: Indicator | Georesource, dates: Sequence[str]) -> Table:
    """Show the datasets of a run and the points in time it computes.

    Args:
        target: the indicator to be computed.
        inputs: what it is computed from.
        dates: from `target_dates`.
    """
    columns = wording.choose("Datensatz|Rolle|Einheit|Zeitpunkte|Raumebenen", "Dataset|Role|Unit|Dates|Spatial units")
    rows = [_row(wording.choose("Ziel", "target"), target)]
    rows += [_row(wording.choose("Eingang", "input"), resource) for resource in inputs]
    return Table(columns.split("|"), rows, [_to_compute(dates), *_missing(dates, inputs)])


def describe(result: gpd.GeoDataFrame, digits: int | None = None) -> Table | Sentence:
    """Show the distribution of the values, a row per point in time, of the first spatial unit.

    Args:
        result: from `result_layer`.
        digits: decimals; None: as many as suit the values.
    """
    values = of_first_unit(result)
    if values.empty:
        return nothing()
    figures = pd.DataFrame(
        {
            "min": values.min(),
            "q25": values.quantile(0.25),
            "median": values.median(),
            "mean": values.mean(),
            "q75": values.quantile(0.75),
            "max": values.max(),
        }
    )
    if digits is None:
        digits = wording.fitting_digits(values.to_numpy().ravel().tolist())
    columns = wording.choose(
        "Zeitpunkt|Gebiete|ohne Wert|Minimum|unteres Viertel|Median|Mittel|oberes Viertel|Maximum",
        "Date|Areas|no value|Minimum|lower quarter|Median|Mean|upper quarter|Maximum",
    )
    rows = [
        [str(day), str(len(values)), str(int(values[day].isna().sum()))]
        + [wording.number(figure, digits) for figure in figures.loc[day]]
        for day in values.columns
    ]
    return Table(columns.split("|"), rows)


def job_summary(entries: Sequence[Entry]) -> Table:
    """Show what a run has written per spatial unit, and its notes: alike ones as one, with their number."""
    columns = wording.choose("Raumebene|Gebiete|Zeitpunkte|Hinweise", "Spatial unit|Areas|Dates|Notes")
    rows = [
        [
            entry.unit,
            wording.MISSING if entry.features is None else str(entry.features),
            _span(entry.dates) if entry.dates else wording.MISSING,
            str(len(entry.errors)),
        ]
        for entry in entries
    ]
    return Table(columns.split("|"), rows, [note for entry in entries for note in _notes(entry)])


def nothing() -> Sentence:
    """Say that there is no result to show."""
    return Sentence(
        wording.choose(
            "Es gibt keine Ergebnisse: kein Zeitpunkt ist zu berechnen, oder keine Raumebene ließ sich berechnen.",
            "There are no results: no date is to be computed, or no spatial unit could be.",
        )
    )


def harmless(draw: Callable[P, Picture | Sentence]) -> Callable[P, Picture | Sentence]:
    """Make a function that draws return a sentence where it cannot: no picture is worth the results of a run."""

    @wraps(draw)
    def drawn(*args: P.args, **named: P.kwargs) -> Picture | Sentence:
        try:
            return draw(*args, **named)
        except (ArithmeticError, RuntimeError, ValueError, shapely.errors.ShapelyError) as error:
            return Sentence(wording.choose(f"Das lässt sich nicht zeichnen: {error}", f"This cannot be drawn: {error}"))

    return drawn


def _notes(entry: Entry) -> Iterator[str]:
    """Yield a sentence per kind of error, with the areas and dates it is about."""
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for error in entry.errors:
        alike.setdefault(error["errorMessage"], []).append(error)
    for text, errors in alike.items():
        areas = dict.fromkeys(area for error in errors for area in error["affectedSpatialUnitFeatures"])
        days = dict.fromkeys(day for error in errors for day in error["affectedTimestamps"])
        about = "; ".join(_listed(list(names)) for names in (areas, days) if names)
        times = f"{len(errors)} × " if len(errors) > 1 else ""
        yield f"{entry.unit}: {times}{text}" + (f" ({about})" if about else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LONG]) + (" …" if len(names) > LONG else "")


def _row(role: str, resource: Indicator | Georesource) -> list[str]:
    if isinstance(resource, Georesource):
        return [resource.name, role, "", "", ""]
    return [resource.name, role, resource.unit, _span(resource.dates), str(len(resource.spatial_units))]


def _span(dates: Sequence[str]) -> str:
    if not dates:
        return wording.choose("noch keine", "none yet")
    if len(dates) == 1:
        return dates[0]
    return wording.choose(f"{len(dates)}: {dates[0]} bis {dates[-1]}", f"{len(dates)}: {dates[0]} to {dates[-1]}")


def _to_compute(dates: Sequence[str]) -> str:
    if not dates:
        return wording.choose("Es ist kein Zeitpunkt zu berechnen.", "There is no date to compute.")
    listed = ", ".join(dates) if len(dates) <= LONG else _span(dates)
    return wording.choose(f"Berechnet wird: {listed}.", f"To be computed: {listed}.")


def _missing(dates: Sequence[str], inputs: Sequence[Indicator | Georesource]) -> list[str]:
    missing = dates.missing if isinstance(dates, TargetDates) else {}
    lines = ((resource.name, missing[resource.id]) for resource in inputs if resource.id in missing)
    return [
        wording.choose(f"In „{name}“ fehlt: {', '.join(days)}.", f"Missing in “{name}”: {', '.join(days)}.")
        for name, days in lines
    ]
