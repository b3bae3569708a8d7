"""Answers of the stand-in of Data Management in the real server's shapes: JSON, features, rows, errors."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

JSON, GEOJSON = "application/json", "application/vnd.geo+json"

Feature = dict[str, Any]
Values = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Answer:
    """An answer before it is sent."""

    status: int = 200
    body: bytes = b""
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def float_text(value: float | None) -> str | None:
    """Return a 32-bit float as PostgreSQL writes it: ``1030``, ``7.5``, ``1e+06``."""
    if value is None:
        return None
    single = np.float32(value)
    if not np.isfinite(single):
        return "NaN" if np.isnan(single) else ("Infinity" if single > 0 else "-Infinity")
    scientific = np.format_float_scientific(single, trim="-")
    exponent = int(scientific.partition("e")[2])
    return np.format_float_positional(single, trim="-") if -5 < exponent < 6 else scientific


def document(body: Any, status: int = 200, media_type: str = JSON) -> Answer:
    """Return a JSON answer."""
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), media_type)


def failure(exception: str, message: str) -> Answer:
    """Return a 500 as the server makes it of a Java exception."""
    return document({"type": exception.rpartition(".")[2], "label": exception, "message": message}, 500)


def unknown(message: str, user: str | None) -> Answer:
    """Return what an id that is not there, or not for this user, is answered with."""
    package = "de.hsbo.kommonitor.datamanagement.api.impl.exception"
    return failure(f"{package}.ResourceNotFoundException", message) if user is None else Answer(403)


def none_alive() -> Answer:
    """Return the error that stands for "no features on this day"."""
    return failure("java.lang.Exception", "No valid features could be retrieved for the specified date.")


def collection(features: Iterable[Feature], name: str) -> Answer:
    """Return a feature collection, which comes as an attachment."""
    content = json.dumps({"type": "FeatureCollection", "features": list(features)}, ensure_ascii=False).encode()
    return Answer(200, content, GEOJSON, {"Content-Disposition": f"attachment; filename={name}.json"})


def dated(features: Sequence[Feature], day: list[str], accept: str, name: str) -> Answer:
    """Return the features alive on a day; only to those who accept anything."""
    if "*/*" not in accept:
        return Answer(406)
    alive = [feature for feature in features if is_alive(feature, day)]
    return collection(alive, name) if alive else none_alive()


def is_alive(feature: Feature, day: Sequence[str]) -> bool:
    """Tell whether a feature exists on a day given as year, month, day; both ends included."""
    wanted = date(*map(int, day[:3])).isoformat()
    properties = feature["properties"]
    return properties.get("validStartDate", "") <= wanted <= (properties.get("validEndDate") or "9999")


def rows(features: Sequence[Feature], values: Values) -> list[dict[str, Any]]:
    """Return the rows of a time series: text and null, every date, latest first."""
    days = sorted({day for row in values.values() for day in row}, reverse=True)
    return [
        {
            "fid": str(number),
            "arisenFrom": None,
            **{f"DATE_{day}": float_text(values[feature["properties"]["ID"]].get(day)) for day in days},
            **{key: feature["properties"].get(key) for key in ("ID", "validStartDate", "validEndDate", "NAME")},
        }
        for number, feature in enumerate(features, start=1)
    ]


def valued(features: Sequence[Feature], values: Values) -> list[Feature]:
    """Return features with their values as properties; null ones are absent."""
    return [
        {
            **feature,
            "id": f"INDICATOR_10_VIEW.{number}",
            "properties": feature["properties"]
            | {f"DATE_{day}": v for day, v in values[feature["properties"]["ID"]].items() if v is not None},
        }
        for number, feature in enumerate(features, start=1)
    ]


_TYPES: dict[type, Callable[[Any], str]] = {
    bool: lambda _: "Boolean",
    int: lambda _: "Integer",
    float: lambda _: "Double",
    str: lambda text: "Date" if len(text) == 10 and text[4] == text[7] == "-" else "String",
}


def schema(features: Sequence[Feature]) -> dict[str, str]:
    """Return the type of each property."""
    return {key: _TYPES[type(value)](value) for f in features for key, value in f["properties"].items()}
