"""A source that is a local folder: geodata and CSV tables, each with metadata in JSON beside it.

::

    spatial-units/<id>.geojson | .gpkg | .parquet     areas with ID, NAME, validStartDate, validEndDate
    spatial-units/<id>.json                           SpatialUnitOverview (optional)
    georesources/<id>.geojson | .gpkg | .parquet      features
    georesources/<id>.json                            GeoresourceOverview (optional)
    indicators/<id>/<spatial unit id>.csv             ID, NAME, one column per ISO date; empty: no data
    indicators/<id>/metadata.json                     IndicatorOverview (optional)

What is written goes to another folder of the same layout, if there is one, and is seen first when reading: the source
itself is never changed. A table is replaced whole, under a file lock (`filelock`, which the system frees when a
process dies), so jobs that write the same indicator at once lose nothing, and a killed one leaves no half file.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from filelock import FileLock, Timeout

from nbprocessor.errors import DataError, DataUnavailable, InvalidData
from nbprocessor.kit import files, timeseries
from nbprocessor.kit.resources import Indicator, Overview
from nbprocessor.kit.source import Kind, Source

WGS84 = "EPSG:4326"
GEODATA = (".geojson", ".gpkg", ".parquet")
LOCK_TIMEOUT = 60
"""Seconds to wait for another job that writes the same table; writing one takes milliseconds."""

_FOLDERS: dict[Kind, str] = {
    "indicator": "indicators",
    "spatial unit": "spatial-units",
    "georesource": "georesources",
}
_SAFE = re.compile(r"[^/\\\0:]*[^/\\\0:.]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class FolderSource(Source):
    """The folder ``folder``, with ``writes`` laid over it."""

    def __init__(self, folder: Path, writes: Path | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.writes = writes or folder

    def __repr__(self) -> str:
        return f"FolderSource({str(self.folder)!r})"

    def read_indicator(self, indicator_id: str) -> Overview:
        """Return the metadata, with dates and spatial units as the tables have them."""
        overview = self._json(self._path("indicator", indicator_id, "metadata.json"))
        tables = self._tables(indicator_id)
        if overview is None and not tables:
            raise self.not_found("indicator", indicator_id)
        overview = overview or {"indicatorName": indicator_id}
        described = {entry["spatialUnitId"]: entry for entry in overview.get("applicableSpatialUnits", ())}
        return {
            **overview,
            "indicatorId": indicator_id,
            "applicableDates": sorted({date for path in tables.values() for date in _dates(path)}),
            "applicableSpatialUnits": [described.get(unit, {"spatialUnitId": unit}) for unit in tables],
        }

    def read_spatial_unit(self, unit_id: str) -> Overview:
        """Return the metadata; what there is without any, the id."""
        return self._overview("spatial unit", unit_id, "spatialUnitId", "spatialUnitLevel")

    def read_georesource(self, georesource_id: str) -> Overview:
        """Return the metadata; what there is without any, the id."""
        return self._overview("georesource", georesource_id, "georesourceId", "datasetName")

    def read_areas(self, unit_id: str) -> gpd.GeoDataFrame:
        """Return the areas of all times."""
        areas = self._geodata("spatial unit", unit_id)
        missing = [column for column in ("ID", "NAME") if column not in areas.columns]
        if missing:
            raise InvalidData(f"spatial unit {unit_id}", [f"the areas have no property {name}" for name in missing])
        return areas.astype({"ID": str})

    def read_features(self, georesource_id: str) -> gpd.GeoDataFrame:
        """Return the features of all times."""
        return self._geodata("georesource", georesource_id)

    def read_time_series(self, indicator_id: str, unit_id: str) -> pd.DataFrame:
        """Return the table of one spatial unit."""
        path = self._tables(indicator_id).get(unit_id)
        if path is None:
            raise self.not_found("indicator", f"{indicator_id} on spatial unit {unit_id}")
        return _read_table(path)

    def put(self, indicator: Indicator, unit_id: str, body: dict[str, Any]) -> str:
        """Merge values into the table and replace it; two jobs at once do so one after the other."""
        path = self.writes / _FOLDERS["indicator"] / _name(indicator.id) / f"{_name(unit_id)}.csv"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_TIMEOUT):
                old = self._tables(indicator.id).get(unit_id)
                new = timeseries.table(body)
                whole = new if old is None else timeseries.merged(_read_table(old), new)
                files.write(path, whole.to_csv(index_label="ID", lineterminator="\n").encode())
        except Timeout as error:
            raise DataUnavailable(str(path), f"another job has been writing it for {LOCK_TIMEOUT} seconds") from error
        except OSError as error:
            raise DataUnavailable(str(path), f"cannot be written: {error.strerror or error}") from error
        return self.address(indicator.id, unit_id)

    def address(self, indicator_id: str, unit_id: str) -> str:
        """Return the table's place inside the source."""
        return f"{_FOLDERS['indicator']}/{indicator_id}/{unit_id}.csv"

    def known(self, kind: Kind) -> Sequence[str]:
        """Return the ids there are files for."""
        folders = [place / _FOLDERS[kind] for place in self._places()]
        names = (entry for folder in folders if folder.is_dir() for entry in folder.iterdir())
        return sorted({entry.stem if entry.is_file() else entry.name for entry in names if entry.name[0] != "."})

    def _places(self) -> Iterator[Path]:
        """Yield where to look: first what was written, then the source."""
        yield self.writes
        if self.writes != self.folder:
            yield self.folder

    def _path(self, kind: Kind, *parts: str) -> Path | None:
        candidates = (place / _FOLDERS[kind] / Path(*map(_name, parts)) for place in self._places())
        return next((path for path in candidates if path.is_file()), None)

    def _tables(self, indicator_id: str) -> dict[str, Path]:
        """Return the indicator's tables by spatial unit; written ones hide those of the source."""
        tables: dict[str, Path] = {}
        for place in self._places():
            folder = place / _FOLDERS["indicator"] / _name(indicator_id)
            for path in sorted(folder.glob("[!.]*.csv")):
                tables.setdefault(path.stem, path)
        return tables

    def _overview(self, kind: Kind, wanted: str, id_key: str, name_key: str) -> Overview:
        overview = self._json(self._path(kind, f"{wanted}.json"))
        if overview is None and self._geodata_path(kind, wanted) is None:
            raise self.not_found(kind, wanted)
        return {name_key: wanted, **(overview or {}), id_key: wanted}

    def _geodata_path(self, kind: Kind, wanted: str) -> Path | None:
        found = (self._path(kind, f"{wanted}{extension}") for extension in GEODATA)
        return next((path for path in found if path is not None), None)

    def _geodata(self, kind: Kind, wanted: str) -> gpd.GeoDataFrame:
        path = self._geodata_path(kind, wanted)
        if path is None:
            raise self.not_found(kind, wanted)
        return _read_geodata(path)

    @staticmethod
    def _json(path: Path | None) -> dict[str, Any] | None:
        if path is None:
            return None
        try:
            content = json.loads(path.read_bytes())
        except ValueError as error:
            raise InvalidData(str(path), [f"is not JSON: {error}"]) from error
        if not isinstance(content, dict):
            raise InvalidData(str(path), ["is not a JSON object"])
        return content


def _read_geodata(path: Path) -> gpd.GeoDataFrame:
    try:
        frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    except ImportError as error:
        raise DataError(
            f"{path}: reading Parquet needs the package pyarrow; install it.", resource=str(path)
        ) from error
    except (OSError, ValueError, RuntimeError) as error:  # pyogrio's errors are RuntimeErrors
        raise InvalidData(str(path), [f"cannot be read as geodata: {error}"]) from error
    if frame.crs is None:
        frame = frame.set_crs(
            WGS84
        )  # as the processes have always taken it (kommonitor: EPSG:4326 unless said otherwise)
    return frame.to_crs(WGS84)


def _read_table(path: Path) -> pd.DataFrame:
    """Return a CSV table as numbers: index ``ID``, date columns ascending."""
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        raise InvalidData(str(path), [f"cannot be read as a table: {error}"]) from error
    if "ID" not in rows.columns:
        raise InvalidData(str(path), ['has no column "ID"'])
    if twice := sorted(set(rows.loc[rows["ID"].duplicated(), "ID"])):
        raise InvalidData(str(path), [f'the area "{area}" occurs twice' for area in twice[:5]])
    dates = sorted(column for column in rows.columns if _DATE.fullmatch(column))
    return timeseries.numbers(rows.set_index("ID")[dates], str(path))


def _dates(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig") as file:
        return [
            cell for cell in (part.strip(' "') for part in file.readline().strip().split(",")) if _DATE.fullmatch(cell)
        ]


def _name(part: str) -> str:
    """Return an id as a file name.

    Raises:
        DataError: it would lead out of its folder.
    """
    if not _SAFE.fullmatch(part) or part.startswith("."):
        raise DataError(f'"{part}" cannot be an id in a folder source: it cannot name a file.', resource=part)
    return part
