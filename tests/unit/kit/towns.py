"""Small towns as folder sources: squares side by side, so that every expected value can be worked out by hand.

The square of the area ``A`` begins at the origin, ``B`` one step east of it, and so on; a step is 0.01 degrees. Places
are given in steps, too: ``[0.5, 0.5]`` is the middle of ``A``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STEP = 0.01
WEST, SOUTH = 7.0, 51.45
NAMES = "ABCDEFGHIJ"
OWNER = {"permissions": ["p-1"], "isPublic": False, "ownerId": "org-1"}


def build(
    folder: Path,
    *,
    areas: Mapping[str, Sequence[Mapping[str, Any] | str]],
    indicators: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float | str | None]]]] | None = None,
    georesources: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    targets: Sequence[str] = (),
) -> Path:
    """Write a town into ``folder`` and return it.

    Args:
        folder: becomes a folder source.
        areas: by spatial unit; an area is its ID, or a map with ``ID``, properties, and ``ring`` or ``square``.
        indicators: by id, spatial unit, area and date.
        georesources: by id; a feature is a map of its properties with ``at`` (a point) or ``along`` (a line) in steps.
        targets: ids of indicators without values.
    """
    for unit, listed in areas.items():
        _write(folder / "spatial-units" / f"{unit}.geojson", _collection([area_feature(area) for area in listed]))
        overview = {"spatialUnitId": unit, "spatialUnitLevel": unit.capitalize(), **OWNER}
        _write(folder / "spatial-units" / f"{unit}.json", overview)
    for indicator, units in (indicators or {}).items():
        _describe(folder, indicator)
        for unit, rows in units.items():
            (folder / "indicators" / indicator / f"{unit}.csv").write_text(_table(rows), encoding="utf-8")
    for target in targets:
        _describe(folder, target)
    for georesource, features in (georesources or {}).items():
        _write(
            folder / "georesources" / f"{georesource}.geojson",
            _collection([georesource_feature(one) for one in features]),
        )
        starts = sorted({str(one["validStartDate"]) for one in features if one.get("validStartDate")})
        overview = {
            "georesourceId": georesource,
            "datasetName": georesource.capitalize(),
            "availablePeriodsOfValidity": [{"startDate": start, "endDate": None} for start in starts],
            **OWNER,
        }
        _write(folder / "georesources" / f"{georesource}.json", overview)
    return folder


def place(x: float, y: float) -> list[float]:
    """Return longitude and latitude of a place given in steps."""
    return [WEST + x * STEP, SOUTH + y * STEP]


def square(x: float, y: float, width: float = 1, height: float = 1) -> list[list[float]]:
    """Return the closed ring of a rectangle, its corner in the south-west given in steps."""
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    return [place(*corner) for corner in corners]


def area_feature(area: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return an area of a town as GeoJSON."""
    given = {"ID": area} if isinstance(area, str) else dict(area)
    corner = given.pop("square", None) or [NAMES.find(str(given["ID"])[0]), 0]
    ring = [place(*point) for point in given.pop("ring", [])] or square(*corner)
    holes = [square(*hole) for hole in given.pop("holes", [])]
    return {
        "type": "Feature",
        "properties": {"NAME": f"Gebiet {given['ID']}", **given},
        "geometry": {"type": "Polygon", "coordinates": [ring, *holes]},
    }


def georesource_feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Return a feature of a georesource as GeoJSON."""
    given = dict(feature)
    if "at" in given:
        geometry = {"type": "Point", "coordinates": place(*given.pop("at"))}
    elif "parts" in given:
        parts = [[place(*point) for point in part] for part in given.pop("parts")]
        geometry = {"type": "MultiLineString", "coordinates": parts}
    else:
        geometry = {"type": "LineString", "coordinates": [place(*point) for point in given.pop("along")]}
    return {"type": "Feature", "properties": given, "geometry": geometry}


def _describe(folder: Path, indicator: str) -> None:
    overview = {"indicatorId": indicator, "indicatorName": indicator.capitalize(), "unit": "Anzahl", **OWNER}
    _write(folder / "indicators" / indicator / "metadata.json", overview)


def _table(rows: Mapping[str, Mapping[str, float | str | None]]) -> str:
    dates = sorted({str(day) for row in rows.values() for day in row})
    lines = [",".join(["ID", "NAME", *dates])]
    for area, row in rows.items():
        values = {str(day): value for day, value in row.items()}
        cells = ["" if values.get(day) is None else str(values[day]) for day in dates]
        lines.append(",".join([area, f"Gebiet {area}", *cells]))
    return "\n".join(lines) + "\n"


def _collection(features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
