"""What the stand-in of Data Management knows and answers: the state of a city in memory, and the API's rules over it.

Made of recorded answers of the real server, and held to them by `tests/unit/kit/test_datamanagement_recorded.py`. Where
nothing was recorded it goes by the server's sources (version 5.2.6).
"""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tests.servers import answers
from tests.servers.answers import GEOJSON, JSON, Answer, Feature, Values

RECORDED = Path(__file__).parents[1] / "data" / "datamanagement"
EDITOR, STRANGER = "token-of-an-editor", "token-of-a-stranger"
"""Bearer tokens: of one who may do everything, and of one who has no permission for anything that is not public."""
ORGANISATION = "05ce29a1-e81c-4999-a5ef-abf4c2d130d1"
MODERN, OLDER = ("permissions", "isPublic", "ownerId"), ("allowedRoles",)
FOLDERS = ("spatial-units", "georesources", "indicators")
EVERYTHING = ["creator", "editor", "viewer"]

Overview = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    accept: str = ""
    authorization: str = ""
    body: bytes = b""
    target: str = ""
    """Path and query, still encoded."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name in lower case; ``x-port`` is the port it came from."""


def recorded(name: str) -> dict[str, Any]:
    """Return a recorded answer."""
    return json.loads((RECORDED / f"{name}.json").read_text())


class City:
    """A city's data in memory, empty at first."""

    def __init__(self) -> None:
        self.overviews: dict[str, dict[str, Overview]] = {folder: {} for folder in FOLDERS}
        self.features: dict[str, list[Feature]] = {}
        """Of spatial units and georesources, by id."""
        self.values: dict[tuple[str, str], Values] = {}
        """Of an indicator on a spatial unit: area, date, value; float32."""
        self.topics: list[dict[str, Any]] = []
        self.older = False
        """Whether the server is one of those that want ``allowedRoles``."""

    # ------------------------------------------------------------- filling it

    @classmethod
    def recorded(cls) -> "City":
        """Return the city as it was recorded, before the first value was put into an indicator."""
        city = cls()
        for folder, listing in (("spatial-units", "60_get_spatial_units"), ("georesources", "70_get_georesources")):
            for overview in recorded(listing)["body"]:
                city.overviews[folder][overview[id_key(folder)]] = {**overview, "userPermissions": None}
        for name in ("30_post_indicator", "31_post_indicator2", "32_post_indicator_computation_target"):
            overview = recorded(name)["body"]
            city.overviews["indicators"][overview["indicatorId"]] = overview
        for name in ("62_get_spatial_unit_all_features", "72_get_georesource_all_features"):
            city.features[recorded(name)["request"].split("/")[3]] = recorded(name)["body"]["features"]
        ways = recorded("75_get_georesource_loi_all_features")
        city.features[ways["request"].split("/")[3]] = ways["body"]["features"]
        city.topics = recorded("90_topics")["body"]
        return city

    def add_unit(self, unit_id: str, name: str, features: Sequence[Feature], public: bool = False) -> None:
        """Add a spatial unit; features are GeoJSON with ``ID``, ``NAME`` and lifespans."""
        overview = deepcopy(recorded("10_post_spatial_unit")["body"])
        overview |= {"spatialUnitId": unit_id, "spatialUnitLevel": name, "isPublic": public}
        self.overviews["spatial-units"][unit_id] = overview
        self.features[unit_id] = list(features)

    def add_georesource(
        self, georesource_id: str, name: str, features: Sequence[Feature], public: bool = False
    ) -> None:
        """Add a georesource; its periods of validity are those of its features."""
        overview = deepcopy(recorded("20_post_georesource_poi")["body"])
        starts = sorted({feature["properties"].get("validStartDate") or "2000-01-01" for feature in features})
        periods = [{"startDate": start, "endDate": None} for start in starts]
        overview |= {"georesourceId": georesource_id, "datasetName": name, "isPublic": public}
        self.overviews["georesources"][georesource_id] = overview | {"availablePeriodsOfValidity": periods}
        self.features[georesource_id] = list(features)

    def add_indicator(
        self, indicator_id: str, name: str, values: Mapping[str, Values] | None = None, public: bool = False
    ) -> None:
        """Add an indicator with values by spatial unit id, area ID and date."""
        overview = deepcopy(recorded("30_post_indicator")["body"])
        overview |= {"indicatorId": indicator_id, "indicatorName": name, "isPublic": public}
        self.overviews["indicators"][indicator_id] = overview
        access = {"permissions": [], "isPublic": public, "ownerId": ORGANISATION}
        for unit_id, table in (values or {}).items():
            self._join(overview, unit_id, access)
            self._upsert(overview, unit_id, table)

    # -------------------------------------------------------------- answering

    def answer(self, request: Request) -> Answer:
        """Return what the server answers; a PUT changes the city."""
        if request.path == "/v3/api-docs":
            return answers.document(self._description())
        if not request.path.startswith("/management/"):
            return Answer(404)
        parts = request.path.split("/")[2:]
        public = parts[0] == "public"
        user = None if public else request.authorization.removeprefix("Bearer ")
        if user not in (None, EDITOR, STRANGER):
            return Answer(401)
        match [request.method, *parts[public:]]:
            case ["GET", "topics"] if public:
                return answers.document(self.topics)
            case ["GET", folder] if folder in FOLDERS:
                return self._listing(folder, user, request.accept)
            case ["GET", folder, wanted, *rest] if folder in FOLDERS:
                return self._resource(folder, wanted, rest, user, request.accept)
            case ["PUT", "indicators", wanted] if user is not None:
                return self._put(wanted, request.body, user)
        return answers.document({"timestamp": _now(), "status": 404, "error": "Not Found", "path": request.path}, 404)

    def _listing(self, folder: str, user: str | None, accept: str) -> Answer:
        if JSON not in accept and not (folder == "spatial-units" and user is None):
            return Answer(500)
        overviews = [self._shown(folder, overview, user) for overview in self.overviews[folder].values()]
        if folder == "indicators":
            overviews = [shown | {"referencedIndicators": None, "referencedGeoresources": None} for shown in overviews]
        return answers.document([shown for shown in overviews if _visible(shown, user)])

    def _resource(self, folder: str, wanted: str, rest: list[str], user: str | None, accept: str) -> Answer:
        overview = self.overviews[folder].get(wanted)
        if overview is None or not _visible(overview, user):
            return answers.unknown(f"The requested resource '{wanted}' was not found.", user)
        if folder == "indicators" and rest:
            return self._indicator_values(overview, rest, user, accept)
        features = self.features.get(wanted, [])
        match rest:
            case []:
                return answers.document(self._shown(folder, overview, user)) if JSON in accept else Answer(500)
            case ["allFeatures"]:
                return answers.collection(features, f"{folder}_{wanted}_all")
            case ["allFeatures", "without-geometry"] if folder == "georesources":
                return answers.document([feature["properties"] for feature in features], media_type=GEOJSON)
            case ["schema"]:
                return Answer(200) if folder == "spatial-units" else answers.document(answers.schema(features))
            case [_, _, _]:
                return answers.dated(features, rest, accept, f"{folder}_{wanted}")
            case [_, _, _, "without-geometry"] if folder == "georesources":
                alive = [feature["properties"] for feature in features if answers.is_alive(feature, rest)]
                return answers.document(alive, media_type=GEOJSON) if alive else answers.none_alive()
        return Answer(404)

    def _indicator_values(self, overview: Overview, rest: list[str], user: str | None, accept: str) -> Answer:
        indicator_id, unit_id = overview["indicatorId"], rest[0]
        join = next((join for join in overview["applicableSpatialUnits"] if join["spatialUnitId"] == unit_id), None)
        if join is None or not _visible(join, user):
            what = f"The requested resource for indicator '{indicator_id}' and spatial unit '{unit_id}' was not found."
            return answers.unknown(what, user)
        values = self.values[indicator_id, unit_id]
        rows = [feature for feature in self.features[unit_id] if feature["properties"]["ID"] in values]
        match rest[1:]:
            case ["without-geometry"]:
                return answers.document(answers.rows(rows, values))
            case [_, _, _, "without-geometry"]:
                alive = [feature for feature in rows if answers.is_alive(feature, rest[1:])]
                return answers.document(answers.rows(alive, values))
            case [] if "*/*" not in accept:
                return Answer(406)
            case []:
                return answers.collection(answers.valued(rows, values), f"indicator_{indicator_id}")
            case [_, _, _]:
                return answers.dated(answers.valued(rows, values), rest[1:], accept, f"indicator_{indicator_id}")
        return Answer(404)

    def _put(self, wanted: str, content: bytes, user: str) -> Answer:
        try:
            body = json.loads(content, parse_constant=_refuse)
        except ValueError:
            body = None
        required = ("applicableSpatialUnit", "indicatorValues", *(OLDER if self.older else MODERN))
        if not isinstance(body, dict) or any(body.get(key) is None for key in required):
            path = f"/management/indicators/{wanted}"
            return answers.document({"timestamp": _now(), "status": 400, "error": "Bad Request", "path": path}, 400)
        overview = self.overviews["indicators"].get(wanted)
        if overview is None or user != EDITOR:
            return Answer(403)
        units = self.overviews["spatial-units"].values()
        unit = next((unit for unit in units if unit["spatialUnitLevel"] == body["applicableSpatialUnit"]), None)
        if unit is None:
            return answers.failure("java.lang.NullPointerException", recorded(NO_UNIT)["body"]["message"])
        if not body["indicatorValues"]:
            return answers.failure("java.lang.IndexOutOfBoundsException", "Index 0 out of bounds for length 0")
        self._join(overview, unit["spatialUnitId"], body)
        pairs = {entry["spatialReferenceKey"]: entry["valueMapping"] for entry in body["indicatorValues"]}
        table = {area: {pair["timestamp"]: pair["indicatorValue"] for pair in row} for area, row in pairs.items()}
        self._upsert(overview, unit["spatialUnitId"], table)
        return Answer(200, headers={"Location": wanted})

    def _join(self, overview: Overview, unit_id: str, access: Mapping[str, Any]) -> None:
        """Join an indicator to a spatial unit, or replace who may see it there."""
        name = self.overviews["spatial-units"][unit_id]["spatialUnitLevel"]
        joins = overview["applicableSpatialUnits"]
        join = next((join for join in joins if join["spatialUnitId"] == unit_id), None)
        if join is None:
            join = {"spatialUnitId": unit_id, "spatialUnitName": name, "userPermissions": None}
            joins.append(join)
            overview["ogcServices"].append({"defaultStyleName": None, "spatialUnit": name, "wfsUrl": "", "wmsUrl": ""})
        join["permissions"] = access.get("permissions", access.get("allowedRoles"))
        join |= {"isPublic": access.get("isPublic", False), "ownerId": access.get("ownerId", ORGANISATION)}

    def _upsert(self, overview: Overview, unit_id: str, table: Values) -> None:
        stored = self.values.setdefault((overview["indicatorId"], unit_id), {})
        for area, row in table.items():
            kept = {day: None if value is None else float(np.float32(value)) for day, value in row.items()}
            stored.setdefault(area, {}).update(kept)
        days = {day for row in table.values() for day in row}
        overview["applicableDates"] = sorted({*overview["applicableDates"], *days})
        overview["metadata"]["lastUpdate"] = _now()[:10]

    def _shown(self, folder: str, overview: Overview, user: str | None) -> Overview:
        permissions = None if user is None else EVERYTHING if user == EDITOR else []
        shown = {**deepcopy(overview), "userPermissions": permissions}
        if self.older:
            for entry in [shown, *shown.get("applicableSpatialUnits", ())]:
                entry["allowedRoles"] = entry.pop("permissions")
                del entry["isPublic"], entry["ownerId"]
        return shown

    def _description(self) -> dict[str, Any]:
        description = recorded("v3_api-docs")
        if self.older:
            schema = description["components"]["schemas"]["IndicatorPUTInputType"]
            for key in MODERN:
                del schema["properties"][key]
            schema["properties"]["allowedRoles"] = {"type": "array", "items": {"type": "string"}}
            schema["required"] = ["allowedRoles", "applicableSpatialUnit", "indicatorValues"]
        return description


NO_UNIT = "44_put_indicator_values_unknown_spatial_unit"


def id_key(folder: str) -> str:
    """Return the name of the id in an overview: ``spatialUnitId``."""
    return {"spatial-units": "spatialUnitId", "georesources": "georesourceId", "indicators": "indicatorId"}[folder]


def square(area: str, x: float, y: float, size: float = 0.02, **properties: Any) -> Feature:
    """Return an area as a feature of a spatial unit; its south-west corner is ``x``, ``y``."""
    ring = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
    known = {"ID": area, "NAME": f"Bezirk {area}", "validStartDate": "2000-01-01", **properties}
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
        "properties": {key: value for key, value in known.items() if value is not None},
        "id": f"SPATIAL_UNIT_9.{area}",
    }


def _visible(overview: Overview, user: str | None) -> bool:
    return user == EDITOR or overview.get("isPublic", False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _refuse(constant: str) -> float:
    raise ValueError(constant)
