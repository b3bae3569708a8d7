"""Writes the invented city as a folder source: ``python -m nbprocessor.kit.demo_city.generate``.

One seed, one random stream: the same city every time. What is odd in it is meant, because real data is odd: a district
that nobody lives in at first (S09), a district that one indicator has no row for (S07), gaps, an indicator that begins
a year later, a quarter whose border moved (Q17), kitas that opened or closed, one without places.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.random import Generator

from nbprocessor.kit import files, geojson
from nbprocessor.kit.demo_city import FOLDER, shapes

SEED = 20
YEARS = range(2020, 2025)
DATES = [f"{year}-12-31" for year in YEARS]
UNITS = {"stadtteile": "Stadtteile", "quartiere": "Quartiere"}
OWNER = {"permissions": ["demo-redaktion"], "isPublic": True, "ownerId": "demo-stadt-erlenfurt"}

DISTRICT_NAMES = [
    "Innenstadt", "Westend", "Seeviertel", "Galgenheide", "Ostmark", "Birkenfeld", "Mühlengrund", "Nordhang",
    "Neuhafen",
]  # fmt: skip
"""The centre, then around it, beginning in the south-west and running against the clock."""
QUARTER_NAMES = [
    "Altmarkt", "Domhof", "Gerberviertel", "Rathausplatz", "Stadtwall", "Am Anger", "Apfelhof", "Bahnhofsviertel",
    "Bergmannsruh", "Brunnenfeld", "Distelkamp", "Eichenhain", "Eulenburg", "Färberwiese", "Finkenschlag", "Försterei",
    "Gartenstadt", "Ginsterweg", "Hasenwinkel", "Heidekrug", "Holunderhang", "Im Bruch", "Kaiserhöhe", "Kappesland",
    "Kiefernheide", "Kleeblatt", "Kirschallee", "Lerchenau", "Margarethenhof", "Marschwiese", "Obere Mühle",
    "Rabenstein", "Rosenhügel", "Schilfufer", "Seeblick", "Sonnenplan", "Speicherstadt", "Tannenbusch",
    "Unter den Linden", "Ziegelei",
]  # fmt: skip
"""From the centre outwards."""
NEW_DISTRICT = 8
"""Neuhafen: a former harbour; its first flats were let in 2022."""


def main(folder: Path = FOLDER) -> None:
    """Write the whole city into ``folder``."""
    random = np.random.default_rng(SEED)
    border, water = shapes.outline(random), shapes.lake(random)
    metres = shapes.quarters(random, border, water)
    district = shapes.districts(metres)
    names = np.array(QUARTER_NAMES)[np.argsort(shapes.from_centre(metres))]
    _write_areas(folder, metres, district, names)
    counts = _counts(random, metres, district)
    _write_indicators(folder, counts, district, names)
    _write_points(folder, random, metres)
    _write_lines(folder, random, metres)


def _write_areas(folder: Path, metres: gpd.GeoSeries, district: np.ndarray, names: np.ndarray) -> None:
    quarters = gpd.GeoDataFrame(
        {"ID": _quarter_ids(), "NAME": names, "STADTTEIL": _district_ids()[district]},
        geometry=shapes.degrees(metres).to_numpy(), crs="EPSG:4326",
    )  # fmt: skip
    dissolved = quarters.dissolve("STADTTEIL")
    districts = gpd.GeoDataFrame(
        {"ID": dissolved.index, "NAME": DISTRICT_NAMES},
        geometry=dissolved.geometry.to_numpy(),
        crs="EPSG:4326",
    )
    levels = {"nextUpperHierarchyLevel": None, "nextLowerHierarchyLevel": "Quartiere"}
    _write_unit(folder, "stadtteile", _valid(districts), levels)
    levels = {"nextUpperHierarchyLevel": "Stadtteile", "nextLowerHierarchyLevel": None}
    _write_unit(folder, "quartiere", _with_moved_border(_valid(quarters)), levels)


def _with_moved_border(quarters: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give quarter Q17 two lifespans: until the end of 2021 a strip of its neighbour belonged to it."""
    number = quarters.index[quarters["ID"] == "Q17"][0]
    before = quarters.loc[[number]].copy()
    own = before.geometry.iloc[0]
    same_district = quarters["STADTTEIL"] == before["STADTTEIL"].iloc[0]
    neighbour = quarters[quarters.touches(own) & same_district].geometry.iloc[0]
    larger = own.union(own.buffer(0.0012).intersection(neighbour))
    before.geometry = shapes.degrees(gpd.GeoSeries([larger], index=before.index, crs=quarters.crs))
    before["validEndDate"] = "2021-12-31"
    quarters.loc[number, "validStartDate"] = "2022-01-01"
    return pd.concat([quarters.iloc[:number], before, quarters.iloc[number:]], ignore_index=True)


def _counts(random: Generator, metres: gpd.GeoSeries, district: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return four indicators per quarter and date: whole numbers, plausible beside one another."""
    density = np.sqrt(metres.area.median() / metres.area.to_numpy())
    people = np.round(random.uniform(2_200, 6_500, len(metres)) * density)
    growth = 1 + np.cumsum(random.normal(0.004, 0.012, (len(metres), len(DATES))), axis=1)
    inhabitants = np.round(people[:, None] * growth)
    new = district == NEW_DISTRICT
    inhabitants[new] = np.round(np.array([0, 0, 0.05, 0.14, 0.22]) * people[new, None])

    def part(low: float, high: float) -> np.ndarray:
        """Return a share of the inhabitants that differs between quarters and wavers a little over the years."""
        level, wavering = (
            random.uniform(low, high, (len(metres), 1)),
            random.normal(1, 0.02, inhabitants.shape),
        )
        people: np.ndarray = np.round(inhabitants * level * wavering)
        return people

    values = {
        "einwohner": inhabitants,
        "einwohner-unter-18": part(0.11, 0.22),
        "einwohner-ab-65": part(0.14, 0.30),
        "arbeitslose": part(0.02, 0.09),
    }
    return {name: pd.DataFrame(array, index=_quarter_ids(), columns=DATES) for name, array in values.items()}


def _write_indicators(
    folder: Path, counts: Mapping[str, pd.DataFrame], district: np.ndarray, names: np.ndarray
) -> None:
    described = {
        "einwohner": (
            "Einwohnerinnen und Einwohner",
            "Anzahl",
            "Bevölkerung mit Hauptwohnsitz am 31. Dezember",
        ),
        "einwohner-unter-18": ("Unter 18-Jährige", "Anzahl", "Bevölkerung unter 18 Jahren am 31. Dezember"),
        "einwohner-ab-65": ("Ab 65-Jährige", "Anzahl", "Bevölkerung ab 65 Jahren am 31. Dezember"),
        "arbeitslose": ("Arbeitslose", "Anzahl", "Gemeldete Arbeitslose am 31. Dezember; erhoben seit 2021"),
    }
    for name, (title, unit, text) in described.items():
        quarters = counts[name]
        districts = quarters.groupby(_district_ids()[district]).sum()
        quarters, districts = _with_gaps(name, quarters, districts)
        _write_series(folder, name, "quartiere", quarters, pd.Series(names, index=_quarter_ids()))
        _write_series(folder, name, "stadtteile", districts, pd.Series(DISTRICT_NAMES, index=_district_ids()))
        _write_metadata(folder, name, title, unit, text, "INSERTION", list(UNITS))
    _write_targets(folder)


def _with_gaps(name: str, quarters: pd.DataFrame, districts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    if name == "arbeitslose":
        return quarters[DATES[1:]], districts[DATES[1:]]
    if name == "einwohner-unter-18":
        quarters.loc["Q23", "2021-12-31"] = np.nan
        districts.loc["S04", "2021-12-31"] = np.nan
        return quarters.drop(index="Q31"), districts.drop(index="S07")
    if name == "einwohner-ab-65":
        quarters.loc[["Q05", "Q12"], "2020-12-31"] = np.nan
    return quarters, districts


def _write_targets(folder: Path) -> None:
    """Write what is there to be computed: indicators with metadata and no values yet."""
    share = "Anteil an allen Einwohnerinnen und Einwohnern"
    targets = {
        "anteil-unter-18": ("Anteil der unter 18-Jährigen", "Anteil", share),
        "anteil-ab-65": ("Anteil der ab 65-Jährigen", "%", share),
        "arbeitslosendichte": ("Arbeitslose je 1000 Einwohner", "‰", "Arbeitslose im Verhältnis zur Bevölkerung"),
        "einwohner-mittleren-alters": ("18- bis 64-Jährige", "Anzahl", "Bevölkerung von 18 bis 64 Jahren"),
        "einwohner-veraenderung": ("Bevölkerungsveränderung", "%", "Veränderung gegenüber einem früheren Zeitpunkt"),
        "einwohner-zuwachs": ("Bevölkerungszuwachs", "Anzahl", "Zuwachs gegenüber einem früheren Zeitpunkt"),
        "einwohner-trend": ("Bevölkerungstrend", "% je Jahr", "Steigung der Ausgleichsgeraden"),
        "einwohner-kontinuitaet": ("Stetigkeit der Bevölkerungsentwicklung", "r", "Korrelation mit der Zeit"),
        "jung-und-alt": ("Unter 18- und ab 65-Jährige", "Anzahl", "Bevölkerung außerhalb des Erwerbsalters"),
        "paare-jung-alt": ("Mögliche Paare aus Jung und Alt", "Paare", "Unter 18-Jährige mal ab 65-Jährige"),
        "anzahl-kitas": ("Kindertagesstätten", "Anzahl", "Kindertagesstätten im Gebiet"),
        "anteil-staedtische-kitas": ("Städtische Kindertagesstätten", "%", "Anteil an allen Kindertagesstätten"),
        "kita-plaetze": ("Plätze in Kindertagesstätten", "Plätze", "Plätze in Kindertagesstätten im Gebiet"),
        "laenge-radwege": ("Länge der Radwege", "km", "Summierte Länge der Radwege im Gebiet"),
    }  # fmt: skip
    for name, (title, unit, text) in targets.items():
        _write_metadata(folder, name, title, unit, text, "COMPUTATION", [])


def _write_points(folder: Path, random: Generator, metres: gpd.GeoSeries) -> None:
    count = 120
    kitas = gpd.GeoDataFrame(geometry=shapes.degrees(shapes.points(random, metres, count)))
    places = random.integers(2, 15, count) * 10.0
    places[[4, 60]] = np.nan, 0
    names = random.choice(["Pusteblume", "Regenbogen", "Sonnenkäfer", "Wirbelwind", "Kastanie", "Zwergenland"], count)
    kitas.insert(0, "ID", [f"K{number:03}" for number in range(1, count + 1)])
    kitas.insert(1, "NAME", [f"Kita {name} {number}" for number, name in enumerate(names, start=1)])
    kitas.insert(2, "traeger", random.choice(["städtisch", "kirchlich", "frei"], count, p=[0.45, 0.3, 0.25]))
    kitas.insert(3, "plaetze", places)
    kitas = _valid(kitas)
    kitas.loc[kitas.index % 11 == 3, "validStartDate"] = "2022-08-01"
    kitas.loc[kitas.index % 17 == 5, "validEndDate"] = "2021-07-31"
    _write_georesource(folder, "kitas", "Kindertagesstätten", kitas, "isPOI")

    stops = gpd.GeoDataFrame(geometry=shapes.degrees(shapes.points(random, metres, 160)))
    stops.insert(0, "ID", [f"H{number:03}" for number in range(1, 161)])
    stops.insert(1, "NAME", [f"Haltestelle {number}" for number in range(1, 161)])
    stops.insert(2, "linien", random.integers(1, 7, 160))
    _write_georesource(folder, "haltestellen", "Haltestellen", _valid(stops), "isPOI")


def _write_lines(folder: Path, random: Generator, metres: gpd.GeoSeries) -> None:
    lines = gpd.GeoDataFrame(geometry=shapes.degrees(shapes.paths(random, metres, 60)))
    lines.insert(0, "ID", [f"R{number:02}" for number in range(1, 61)])
    lines.insert(1, "NAME", [f"Radweg {number}" for number in range(1, 61)])
    lines.insert(2, "belag", random.choice(["Asphalt", "Pflaster", "wassergebunden"], 60, p=[0.6, 0.15, 0.25]))
    lines = _valid(lines)
    lines.loc[lines.index >= 48, "validStartDate"] = "2023-04-01"
    _write_georesource(folder, "radwege", "Radwege", lines, "isLOI")


def _valid(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add the lifespan columns: since 2000, open end."""
    frame = frame.copy()
    frame.insert(len(frame.columns) - 1, "validStartDate", "2000-01-01")
    frame.insert(len(frame.columns) - 1, "validEndDate", pd.Series([None] * len(frame), dtype=object))
    return frame


def _write_unit(folder: Path, unit: str, frame: gpd.GeoDataFrame, levels: Mapping[str, str | None]) -> None:
    overview = {"spatialUnitId": unit, "spatialUnitLevel": UNITS[unit], **levels, **OWNER}
    _write_json(folder / "spatial-units" / f"{unit}.json", overview)
    _write(folder / "spatial-units" / f"{unit}.geojson", geojson.dump(frame))


def _write_georesource(folder: Path, name: str, title: str, frame: gpd.GeoDataFrame, kind: str) -> None:
    kinds = {"isPOI": False, "isLOI": False, "isAOI": False} | {kind: True}
    lifespans = frame[["validStartDate", "validEndDate"]].drop_duplicates().sort_values("validStartDate")
    periods = [{"startDate": start, "endDate": None if pd.isna(end) else end} for start, end in lifespans.to_numpy()]
    overview = {
        "georesourceId": name,
        "datasetName": title,
        **kinds,
        "availablePeriodsOfValidity": periods,
        **OWNER,
    }
    _write_json(folder / "georesources" / f"{name}.json", overview)
    _write(folder / "georesources" / f"{name}.geojson", geojson.dump(frame))


def _write_metadata(folder: Path, name: str, title: str, unit: str, text: str, creation: str, units: list[str]) -> None:
    """Write an indicator's metadata as Data Management has it; its dates are those of its tables."""
    joined = [{"spatialUnitId": key, "spatialUnitName": UNITS[key], **OWNER} for key in units]
    overview: dict[str, Any] = {
        "indicatorId": name, "indicatorName": title, "unit": unit, "creationType": creation,
        "indicatorType": "STATUS_ABSOLUTE" if unit in ("Anzahl", "km") else "STATUS_RELATIVE",
        "applicableSpatialUnits": joined, **OWNER,
        "metadata": {"description": text, "datasource": "Stadt Erlenfurt (erfunden)", "updateInterval": "YEARLY"},
    }  # fmt: skip
    _write_json(folder / "indicators" / name / "metadata.json", overview)


def _write_series(folder: Path, name: str, unit: str, values: pd.DataFrame, names: pd.Series) -> None:
    table = values.copy()
    table.insert(0, "NAME", names[table.index])
    text = table.to_csv(index_label="ID", float_format="%.0f", lineterminator="\n")
    _write(folder / "indicators" / name / f"{unit}.csv", text.encode())


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    _write(path, json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, content)


def _quarter_ids() -> np.ndarray:
    return np.array([f"Q{number:02}" for number in range(1, shapes.QUARTERS + 1)])


def _district_ids() -> np.ndarray:
    return np.array([f"S{number:02}" for number in range(1, shapes.DISTRICTS + 1)])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
