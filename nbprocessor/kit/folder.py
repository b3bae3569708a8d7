"""A source that is a local folder: geodata and CSV tables, each with metadata in JSON beside it.

::

    spatial-units/<id>.geojson | .gpkg | .parquet     areas with ID, NAME, validStartDate, validEndDate
    spatial-units/<id>.json                           SpatialUnitOverview (optional)
    georesources/<id>.geojson | .gpkg | .parquet      features
    georesources/<id>.json                            GeoresourceOverview (optional)
    indicators/<id>/<spatial unit id>.csv             ID, NAME (optional), one column per ISO date; empty: no data
    indicators/<id>/metadata.json                     IndicatorOverview (optional)

What is written goes to another folder of the same layout, if there is one, and is seen first when reading: the source
itself is never changed. A table is replaced whole, under a file lock (`filelock`, which the system frees when a
process dies), so jobs that write the same indicator at once lose nothing, and a killed one leaves no half file.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from filelock import FileLock, Timeout

from nbprocessor.errors import DataError, DataUnavailable, InvalidData
from nbprocessor.kit import files, geodata, lifespans, timeseries
from nbprocessor.kit.resources import Indicator, Overview
from nbprocessor.kit.source import Kind, Source

LOCK_TIMEOUT = 60
"""Seconds to wait for another job that writes the same table; writing one takes milliseconds."""
LONGEST_NAME = 200
"""Bytes of an id, so that a file system takes it with what is put around it."""

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
        path = self._path("indicator", indicator_id, "metadata.json")
        tables = self._tables(indicator_id)
        if path is None and not tables:
            raise self.not_found("indicator", indicator_id)
        overview = self._json(path) or {"indicatorName": indicator_id}
        entries = overview.get("applicableSpatialUnits") or []
        if not isinstance(entries, list) or not all(
            isinstance(one, dict) and "spatialUnitId" in one for one in entries
        ):
            raise InvalidData(
                f"indicator {indicator_id}", ["applicableSpatialUnits is no list of units with their ids"]
            )
        described = {entry["spatialUnitId"]: entry for entry in entries}
        return {
            **overview,
            "indicatorId": indicator_id,
            "applicableDates": sorted({date for path in tables.values() for date in self._dates(path)}),
            "applicableSpatialUnits": [described.get(unit, {"spatialUnitId": unit}) for unit in tables],
        }

    def read_spatial_unit(self, unit_id: str) -> Overview:
        """Return the metadata; what there is without any, the id."""
        return self._overview("spatial unit", unit_id, "spatialUnitId", "spatialUnitLevel")

    def read_georesource(self, georesource_id: str) -> Overview:
        """Return the metadata; without any, the id and the periods of validity of its features."""
        overview = self._overview("georesource", georesource_id, "georesourceId", "datasetName")
        if "availablePeriodsOfValidity" in overview:
            return overview
        return {**overview, "availablePeriodsOfValidity": _periods(self.features(georesource_id))}

    def read_areas(self, unit_id: str) -> gpd.GeoDataFrame:
        """Return the areas of all times."""
        return geodata.areas(self._geodata("spatial unit", unit_id), f"spatial unit {unit_id}")

    def read_features(self, georesource_id: str) -> gpd.GeoDataFrame:
        """Return the features of all times."""
        return self._geodata("georesource", georesource_id)

    def read_time_series(self, indicator_id: str, unit_id: str) -> pd.DataFrame:
        """Return the table of one spatial unit."""
        path = self._tables(indicator_id).get(unit_id)
        if path is None:
            raise self.not_found("indicator", f"{indicator_id} on spatial unit {unit_id}")
        return self._values(self._rows(path), path)

    def put(self, indicator: Indicator, unit_id: str, body: dict[str, Any]) -> str:
        """Merge values into the table and replace it; two jobs at once do so one after the other."""
        address = self.address(indicator.id, unit_id)
        areas = [entry["spatialReferenceKey"] for entry in body["indicatorValues"]]
        if self._geodata_path("spatial unit", unit_id) is not None:
            self.expect_areas(unit_id, areas, address)
        path = self.writes / _FOLDERS["indicator"] / _name(indicator.id) / f"{_name(unit_id)}.csv"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_TIMEOUT):
                whole = self._merged(self._tables(indicator.id).get(unit_id), body)
                files.write(path, whole.to_csv(index_label="ID", lineterminator="\n").encode())
        except Timeout as error:
            raise DataUnavailable(address, f"another job has been writing it for {LOCK_TIMEOUT} seconds") from error
        except OSError as error:
            raise DataUnavailable(address, f"cannot be written: {error.strerror or error}") from error
        return address

    def address(self, indicator_id: str, unit_id: str) -> str:
        """Return the table's place inside the source."""
        return f"{_FOLDERS['indicator']}/{indicator_id}/{unit_id}.csv"

    def known(self, kind: Kind) -> Sequence[str]:
        """Return the ids there are files for."""
        folders = [place / _FOLDERS[kind] for place in self._places()]
        try:
            entries = [entry for folder in folders if folder.is_dir() for entry in folder.iterdir()]
        except OSError:
            return []
        return sorted({entry.stem if entry.is_file() else entry.name for entry in entries if entry.name[0] != "."})

    def _places(self) -> Iterator[Path]:
        """Yield where to look: first what was written, then the source."""
        yield self.writes
        if self.writes != self.folder:
            yield self.folder

    def _path(self, kind: Kind, *parts: str) -> Path | None:
        candidates = (place / _FOLDERS[kind] / Path(*map(_name, parts)) for place in self._places())
        return next((path for path in candidates if path.is_file()), None)

    def _called(self, path: Path) -> str:
        """Return what a sentence calls a file: its place inside the source."""
        place = next((place for place in self._places() if path.is_relative_to(place)), path.parent)
        return path.relative_to(place).as_posix()

    def _tables(self, indicator_id: str) -> dict[str, Path]:
        """Return the indicator's tables by spatial unit; written ones hide those of the source."""
        tables: dict[str, Path] = {}
        for place in self._places():
            folder = place / _FOLDERS["indicator"] / _name(indicator_id)
            for path in sorted(folder.glob("[!.]*.csv")):
                tables.setdefault(path.stem, path)
        return tables

    def _overview(self, kind: Kind, wanted: str, id_key: str, name_key: str) -> Overview:
        overview = self._json(self._path(kind, f"{_name(wanted)}.json"))
        if overview is None and self._geodata_path(kind, wanted) is None:
            raise self.not_found(kind, wanted)
        return {name_key: wanted, **(overview or {}), id_key: wanted}

    def _geodata_path(self, kind: Kind, wanted: str) -> Path | None:
        found = (self._path(kind, f"{_name(wanted)}{extension}") for extension in geodata.EXTENSIONS)
        return next((path for path in found if path is not None), None)

    def _geodata(self, kind: Kind, wanted: str) -> gpd.GeoDataFrame:
        path = self._geodata_path(kind, wanted)
        if path is None:
            raise self.not_found(kind, wanted)
        return geodata.read(path, self._called(path))

    def _json(self, path: Path | None) -> dict[str, Any] | None:
        if path is None:
            return None
        try:
            content = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise InvalidData(self._called(path), [f"is not JSON: {error}"]) from error
        except OSError as error:
            raise DataUnavailable(self._called(path), f"cannot be read: {error.strerror or error}") from error
        if not isinstance(content, dict):
            raise InvalidData(self._called(path), ["is not a JSON object"])
        return content

    def _dates(self, path: Path) -> list[str]:
        """Return the dates a table has columns for, without reading the whole of it.

        Raises:
            InvalidData: the first line is none of a table, or has a column twice.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file), [])
        except (OSError, ValueError, csv.Error) as error:
            raise InvalidData(self._called(path), [f"cannot be read as a table: {error}"]) from error
        if "ID" not in header:
            hint = "; columns are separated by commas" if ";" in "".join(header) else ""
            raise InvalidData(self._called(path), [f'has no column "ID"{hint}'])
        if twice := sorted({column for column in header if header.count(column) > 1}):
            raise InvalidData(self._called(path), [f'has the column "{column}" twice' for column in twice])
        return sorted(column for column in header if _DATE.fullmatch(column))

    def _rows(self, path: Path) -> pd.DataFrame:
        """Return a table as text, index ``ID``."""
        called = self._called(path)
        self._dates(path)
        try:
            rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        except (ValueError, OSError) as error:
            raise InvalidData(called, [f"cannot be read as a table: {error}"]) from error
        if not isinstance(rows.index, pd.RangeIndex):
            raise InvalidData(called, ["the rows have more fields than the first line"])
        rows["ID"] = geodata.ids(rows["ID"].tolist(), called)
        if twice := sorted(set(rows.loc[rows["ID"].duplicated(), "ID"])):
            raise InvalidData(called, [f'the area "{area}" occurs twice' for area in twice[: geodata.NAMED]])
        return rows.set_index("ID")

    def _values(self, rows: pd.DataFrame, path: Path) -> pd.DataFrame:
        """Return a table of text as numbers, date columns ascending."""
        return timeseries.numbers(rows[sorted(filter(_DATE.fullmatch, rows.columns))], self._called(path))

    def _merged(self, path: Path | None, body: dict[str, Any]) -> pd.DataFrame:
        """Return the table in ``path`` with the new values put in; columns that hold no values stay in front."""
        if path is None:
            return timeseries.table(body)
        rows = self._rows(path)
        whole = timeseries.merged(self._values(rows, path), body)
        for place, column in enumerate(column for column in rows.columns if not _DATE.fullmatch(column)):
            whole.insert(place, column, rows[column].reindex(whole.index))
        return whole


def _periods(features: gpd.GeoDataFrame) -> list[dict[str, str | None]]:
    """Return the different lifespans of features as ``availablePeriodsOfValidity``."""
    columns = [
        features[name] if name in features else [None] * len(features) for name in (lifespans.START, lifespans.END)
    ]
    pairs = {
        tuple(day if isinstance(day, str) and day else None for day in pair) for pair in zip(*columns, strict=True)
    }
    return [{"startDate": start, "endDate": end} for start, end in sorted(pairs, key=str)]


def _name(part: str) -> str:
    """Return an id as a file name.

    Raises:
        DataError: it would lead out of its folder, or no file can be called that.
    """
    if not _SAFE.fullmatch(part) or part.startswith(".") or len(part.encode(errors="replace")) > LONGEST_NAME:
        raise DataError(f'"{part:.80}" cannot be an id in a folder source: it cannot name a file.', resource=part)
    return part
