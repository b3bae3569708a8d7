"""KomMonitor's Data Management API as a source: what it answers, and how values are written to it.

Known from version 5.2.6, whose recorded answers the tests replay:

- Every value of a time series is text or null, also numbers; ``"NaN"`` and ``""`` are no data, like null.
- Unknown, malformed and forbidden ids are all 403: the error says "not found, or no permission".
- Values are stored as 32-bit floats. What is read back is the float32 of what was sent (1/3 → 0.33333334).
- Who may see the values is part of every PUT and replaces what was there, so it is repeated as the indicator has it.
- Features that the spatial unit does not have are kept in silence: their ids are checked here, before anything is sent.
- Older servers want ``allowedRoles`` in place of ``permissions``, ``isPublic`` and ``ownerId``; ``/v3/api-docs`` tells.
- Nobody signed in: what is public is under ``/management/public/…``, and nothing can be written.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import pandas as pd

from nbprocessor import contract
from nbprocessor.errors import DataError, DataUnavailable, InvalidData, ResourceNotFound
from nbprocessor.kit import geodata, timeseries
from nbprocessor.kit.connection import Connection, Patience, base_address
from nbprocessor.kit.downloads import Downloads
from nbprocessor.kit.resources import Georesource, Indicator, Overview
from nbprocessor.kit.source import Kind, Source

PARALLEL = 4
"""Requests at once; Data Management answers each from one database connection of its pool."""
LARGEST_DOCUMENT = 256_000_000
"""Bytes of JSON that are read into memory: 20,000 areas × 300 dates. Feature collections are read from disk."""
LARGEST_FEATURES = 4_000_000_000
FEATURES, TIME_SERIES = "allFeatures", "without-geometry"
DESCRIPTION = "/v3/api-docs"
PERMISSIONS = ("permissions", "isPublic", "ownerId")
ALLOWED_ROLES = ("allowedRoles",)

_FOLDERS: dict[Kind, str] = {
    "indicator": "indicators",
    "spatial unit": "spatial-units",
    "georesource": "georesources",
}
_ID_KEYS: dict[Kind, str] = {
    "indicator": "indicatorId",
    "spatial unit": "spatialUnitId",
    "georesource": "georesourceId",
}
_DATE_COLUMN = re.compile(r"DATE_(\d{4}-\d{2}-\d{2})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class DataManagement(Source):
    """The Data Management API at ``place``, with or without ``/management``.

    Each resource is fetched at most once; up to `PARALLEL` at a time when `prefetch` knows what will be needed. Feature
    collections of any size go through a file, never through memory as text.

    Args:
        place: address of the API.
        token: bearer token; empty: nobody is signed in, unless there is a gateway.
        socket: the job's gateway, which adds the token; by default what the job says (``NBPROCESSOR_SOURCE_SOCKET``).
        patience: time-outs and retries.
    """

    def __init__(
        self, place: str, *, token: str = "", socket: str | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__()
        gateway = os.environ.get(contract.SOURCE_SOCKET, "") if socket is None else socket
        public = socket is None and os.environ.get(contract.SOURCE_PUBLIC) == "1"
        self.base = base_address(place)
        self.signed_in = bool(token or (gateway and not public))
        self._connection = Connection(
            self.base, token=token, socket=gateway, connections=PARALLEL, patience=patience or Patience()
        )
        self._downloads = Downloads(self._connection, PARALLEL)

    def __repr__(self) -> str:
        return f"DataManagement({self.base!r})"

    def close(self) -> None:
        """End what was begun and remove temporary files; done by itself when the source is no longer used."""
        self._downloads.close()

    def prefetch(self, units: Sequence[str], inputs: Sequence[Indicator | Georesource]) -> None:
        """Begin to fetch, several at a time, what computing ``units`` from ``inputs`` takes, in the order of a loop."""
        indicators = [resource for resource in inputs if isinstance(resource, Indicator)]
        georesources = [resource for resource in inputs if isinstance(resource, Georesource)]
        for unit in dict.fromkeys(units):
            if any(unit not in indicator.spatial_units for indicator in indicators):
                continue  # it cannot be computed, so nothing of it will be asked for
            self._begin(("spatial unit", unit), "spatial-units", unit)
            self._begin(("areas", unit), "spatial-units", unit, FEATURES)
            for indicator in indicators:
                self._begin(("time series", indicator.id, unit), "indicators", indicator.id, unit, TIME_SERIES)
            for georesource in georesources:
                self._begin(("features", georesource.id), "georesources", georesource.id, FEATURES)

    def read_indicator(self, indicator_id: str) -> Overview:
        """Return the IndicatorOverview."""
        overview = self._overview("indicator", indicator_id)
        _check_indicator(overview, f"indicator {indicator_id}")
        return overview

    def read_spatial_unit(self, unit_id: str) -> Overview:
        """Return the SpatialUnitOverview."""
        return self._overview("spatial unit", unit_id)

    def read_georesource(self, georesource_id: str) -> Overview:
        """Return the GeoresourceOverview."""
        return self._overview("georesource", georesource_id)

    def read_areas(self, unit_id: str) -> gpd.GeoDataFrame:
        """Return the areas of all times."""
        return geodata.areas(self._features("spatial unit", unit_id), f"spatial unit {unit_id}")

    def read_features(self, georesource_id: str) -> gpd.GeoDataFrame:
        """Return the features of all times."""
        return self._features("georesource", georesource_id)

    def read_time_series(self, indicator_id: str, unit_id: str) -> pd.DataFrame:
        """Return the time series of one spatial unit."""
        try:
            rows = self._json("indicators", indicator_id, unit_id, TIME_SERIES)
        except ResourceNotFound as error:
            raise self.not_found("indicator", f"{indicator_id} on spatial unit {unit_id}", error.status) from error
        return _table(rows, _resource("indicators", indicator_id, unit_id))

    def addressed(self, indicator: Indicator, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body with who may see the values, by the names this server has for it."""
        if not self.signed_in:  # nothing will be sent
            return body
        return {**_without(body, (*PERMISSIONS, *ALLOWED_ROLES)), **self._access(indicator, body)}

    def put(self, indicator: Indicator, unit_id: str, body: dict[str, Any]) -> str:
        """Send one PUT. Values that 32 bits cannot hold and areas the unit does not have are refused before."""
        resource = _resource("indicators", indicator.id, unit_id)
        if not self.signed_in:
            raise DataUnavailable(resource, "nobody is signed in, so nothing can be written to Data Management", 401)
        self._check_values(unit_id, body["indicatorValues"], resource)
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        try:
            self._connection.put(f"/management/indicators/{quote(indicator.id, safe='')}", resource, content)
        except ResourceNotFound as error:
            text = f"{resource}: not found, or no permission to change it"
            raise ResourceNotFound(resource, error.status, text) from error
        return self.address(indicator.id, unit_id)

    def address(self, indicator_id: str, unit_id: str) -> str:
        """Return the URL of the values."""
        return f"{self.base}/management/indicators/{indicator_id}/{unit_id}"

    def known(self, kind: Kind) -> Sequence[str]:
        """Return the ids that can be seen; none when they cannot be listed."""
        try:
            entries = self._once(("known", kind), lambda: self._json(_FOLDERS[kind]))
        except DataError:
            return []
        ids = (entry.get(_ID_KEYS[kind]) for entry in entries if isinstance(entry, dict))
        return [wanted for wanted in ids if isinstance(wanted, str)]

    def _overview(self, kind: Kind, wanted: str) -> dict[str, Any]:
        if wanted in ("", ".", ".."):  # these would lead to another address
            raise self.not_found(kind, wanted)
        try:
            overview = self._json(_FOLDERS[kind], wanted)
        except ResourceNotFound as error:
            raise self.not_found(kind, wanted, error.status) from error
        if not isinstance(overview, dict):
            raise InvalidData(f"{kind} {wanted}", ["the metadata is no JSON object"])
        return overview

    def _features(self, kind: Kind, wanted: str) -> gpd.GeoDataFrame:
        try:
            file = self._take(_FOLDERS[kind], wanted, FEATURES)
        except ResourceNotFound as error:
            raise self.not_found(kind, wanted, error.status) from error
        except DataUnavailable as error:
            if error.status == 500 and "No valid features" in str(error):
                return geodata.empty("ID", "NAME")
            raise
        try:
            return geodata.read(file, f"{kind} {wanted}")
        finally:
            file.unlink(missing_ok=True)

    def _json(self, *parts: str) -> Any:
        return _document(self._take(*parts), _resource(*parts))

    def _begin(self, key: tuple[str, ...], *parts: str) -> None:
        """Begin a download unless the resource ``key`` has been read."""
        if key not in self._read:
            self._downloads.begin(self._path(parts), _resource(*parts), _largest(parts))

    def _take(self, *parts: str) -> Path:
        return self._downloads.take(self._path(parts), _resource(*parts), _largest(parts))

    def _path(self, parts: Sequence[str]) -> str:
        public = "" if self.signed_in else "/public"
        return "/".join([f"/management{public}", *(quote(part, safe="") for part in parts)])

    def _check_values(self, unit_id: str, entries: Sequence[Mapping[str, Any]], resource: str) -> None:
        """Refuse what the server would store wrong, or fail at without a reason."""
        if not entries:
            raise InvalidData(resource, ["there are no values to write"])
        self.expect_areas(unit_id, [entry["spatialReferenceKey"] for entry in entries], resource)
        if places := _too_large(entries):
            raise InvalidData(resource, [f"{place} is too large for 32 bits" for place in places])

    def _access(self, indicator: Indicator, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return who may see the values, by the names this server has for it."""
        roles = body.get("permissions") or body.get("allowedRoles") or []
        access = {
            "permissions": roles,
            "isPublic": bool(body.get("isPublic")),
            "ownerId": body.get("ownerId") or indicator.overview.get("ownerId"),
            "allowedRoles": roles,
        }
        return {key: access[key] for key in self._once(("dialect",), self._dialect)}

    def _dialect(self) -> tuple[str, ...]:
        """Return the keys a PUT has to have; both kinds when the server does not tell: each ignores the other's."""
        try:
            file = self._downloads.take(DESCRIPTION, "API description", LARGEST_DOCUMENT)
            schemas = _document(file, "API description")["components"]["schemas"]
            properties = schemas["IndicatorPUTInputType"]["properties"]
        except (DataError, KeyError, TypeError):
            return (*PERMISSIONS, *ALLOWED_ROLES)
        keys = tuple(key for key in (*PERMISSIONS, *ALLOWED_ROLES) if key in properties)
        return keys or (*PERMISSIONS, *ALLOWED_ROLES)


def _resource(*parts: str) -> str:
    """Return what a sentence calls the parts of a path: ``indicator 0d3f… on spatial unit 7a1c…``."""
    kind = next(kind for kind, folder in _FOLDERS.items() if folder == parts[0])
    match parts:
        case [_]:
            return f"list of {kind}s"
        case ["indicators", indicator, unit, *_]:
            return f"indicator {indicator} on spatial unit {unit}"
    return f"{kind} {parts[1]}"


def _largest(parts: Sequence[str]) -> int:
    return LARGEST_FEATURES if parts[-1] == FEATURES else LARGEST_DOCUMENT


def _document(file: Path, resource: str) -> Any:
    """Return a downloaded JSON document and remove the file."""
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataUnavailable(resource, f"the answer is not whole JSON: {error}") from error
    finally:
        file.unlink(missing_ok=True)


def _check_indicator(overview: Overview, resource: str) -> None:
    units, dates = overview.get("applicableSpatialUnits") or [], overview.get("applicableDates") or []
    problems = []
    if not isinstance(units, list) or not all(isinstance(unit, dict) and unit.get("spatialUnitId") for unit in units):
        problems.append("applicableSpatialUnits is no list of spatial units with their ids")
    if not isinstance(dates, list) or not all(isinstance(day, str) and _DATE.fullmatch(day) for day in dates):
        problems.append("applicableDates is no list of ISO dates")
    if problems:
        raise InvalidData(resource, problems)


def _table(rows: Any, resource: str) -> pd.DataFrame:
    """Return rows with ``ID`` and ``DATE_…`` as numbers: index ``ID``, columns ISO dates ascending.

    An area has a row per period of validity, with the same values in each; such rows become one.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidData(resource, ["the time series is no list of rows"])
    columns = {match[1]: match[0] for key in _keys(rows) if (match := _DATE_COLUMN.fullmatch(key))}
    areas = pd.Index(geodata.ids([row.get("ID") for row in rows], resource), name="ID", dtype=str)
    dates = pd.Index(sorted(columns), dtype=str)
    if not len(areas) or not len(dates):
        return pd.DataFrame(index=areas, columns=dates, dtype="float64")
    text = pd.DataFrame({date: [row.get(columns[date]) for row in rows] for date in dates}, areas, dates, dtype=object)
    table = timeseries.numbers(text, resource)
    return _one_row_per_area(table, resource) if table.index.has_duplicates else table


def _one_row_per_area(table: pd.DataFrame, resource: str) -> pd.DataFrame:
    groups = table.groupby(level="ID", sort=False)
    differing = (groups.nunique() > 1).any(axis="columns")
    if differing.any():
        names = differing.index[differing][: geodata.NAMED]
        raise InvalidData(resource, [f'the area "{name}" has two rows with different values' for name in names])
    return groups.first()


def _keys(rows: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    return {key: None for row in rows for key in row}


def _too_large(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    pairs = ((entry["spatialReferenceKey"], pair) for entry in entries for pair in entry["valueMapping"])
    return [
        f'{pair["indicatorValue"]:g} (area "{area}", {pair["timestamp"]})'
        for area, pair in pairs
        if pair["indicatorValue"] is not None and abs(pair["indicatorValue"]) > timeseries.LARGEST
    ][: geodata.NAMED]


def _without(body: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in keys}
