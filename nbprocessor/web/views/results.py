"""The results of a job, each as its media type wants to be seen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web import formats
from nbprocessor.web.addresses import links_of
from nbprocessor.web.jobinfo import job_info
from nbprocessor.web.maps import Map, map_of
from nbprocessor.web.sanitised import safe_address
from nbprocessor.web.tables import Table, csv_table, is_rows, table
from nbprocessor.web.texts import Translate, translate
from nbprocessor.web.views import Page

MAX_TEXT = 100_000
"""Characters of JSON or text shown; the rest is in the file."""
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Result:
    """One output, ready for the template."""

    id: str
    title: str
    kind: str
    """``value``, ``text``, ``json``, ``table``, ``picture`` or ``file``."""
    href: str
    media_type: str = ""
    text: str = ""
    table: Table | None = None
    map: Map | None = None
    note: str = ""


def view(page: Page) -> dict[str, Any]:
    """Show ``{"job": statusInfo, "process": process, "results": results.yaml}``, or a results document alone."""
    job = page.data.get("job")
    results = page.data["results"] if isinstance(job, Mapping) else page.data
    info = job_info(job, page.language) if isinstance(job, Mapping) else None
    folder = f"/jobs/{info.id}/results" if info else page.addresses.path.removeprefix(page.addresses.base_url)
    text = translate(page.language)
    process = page.data.get("process") if info else None
    outputs = process.get("outputs") if isinstance(process, Mapping) else None
    return {
        "job": info,
        "results": [
            _result(
                Result(output_id, _title(outputs, output_id), "json", page.addresses.link(f"{folder}/{output_id}")),
                value,
                text,
                page.language,
            )
            for output_id, value in results.items()
        ],
        "api_links": links_of(job) if isinstance(job, Mapping) else [],
    }


def _title(outputs: Json, output_id: str) -> str:
    described = outputs.get(output_id) if isinstance(outputs, Mapping) else None
    return str(described.get("title") or output_id) if isinstance(described, Mapping) else output_id


def _result(result: Result, value: Json, text: Translate, language: str) -> Result:
    """Choose how a value is seen: pictures from the file, tables where there are rows, else JSON or text."""
    if not isinstance(value, Mapping) or not {"href", "value"} & value.keys():
        return _inline(result, value, text, language)
    media_type = str(value.get("mediaType") or value.get("type") or "")
    result = replace(result, media_type=media_type)
    if "href" in value:
        kind = "picture" if media_type in _PICTURES else "file"
        # A picture is taken from this server's own address of it: pages load nothing from elsewhere.
        href = result.href if kind == "picture" else safe_address(value["href"]) or result.href
        return replace(result, kind=kind, href=href, note=text("by-reference"))
    content = value["value"]
    if media_type in _PICTURES:
        return replace(result, kind="picture")
    if isinstance(content, str) and not media_type.startswith("text/"):
        return replace(result, kind="file")
    return _inline(result, content, text, language)


def _inline(result: Result, value: Json, text: Translate, language: str) -> Result:
    """Show a value that stands in the document."""
    if isinstance(value, Mapping) and value.get("type") == "FeatureCollection":
        return _features(result, value, text, language)
    if is_rows(value):
        return replace(result, kind="table", text=_pretty(value), table=table(value, language))
    if isinstance(value, str):
        if result.media_type.startswith("text/csv") and (rows := csv_table(value)):
            return replace(result, kind="table", table=rows)
        short = len(value) <= 80 and "\n" not in value
        return replace(result, kind="value" if short else "text", text=value[:MAX_TEXT])
    if isinstance(value, bool):
        return replace(result, kind="value", text=text("yes" if value else "no"))
    if isinstance(value, int | float):
        return replace(result, kind="value", text=formats.number(value, language))
    return replace(result, kind="json", text=_pretty(value), media_type=result.media_type or "application/json")


def _features(result: Result, collection: Mapping[str, Json], text: Translate, language: str) -> Result:
    """Show a GeoJSON FeatureCollection as a map and the table of its properties."""
    features = [feature for feature in collection.get("features") or () if isinstance(feature, Mapping)]
    geometries = [feature.get("geometry") for feature in features]
    kinds = sorted({str(geometry.get("type")) for geometry in geometries if isinstance(geometry, Mapping)})
    count = formats.number(len(features), language)
    return replace(
        result,
        kind="table",
        media_type=result.media_type or "application/geo+json",
        table=table([_properties(feature) for feature in features], language),
        map=map_of(features, language),
        note=text("features", count=count, geometry=", ".join(kinds) or "–"),
    )


def _properties(feature: Mapping[str, Json]) -> Mapping[str, Json]:
    properties = feature.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _pretty(value: Json) -> str:
    short = json.dumps(value, ensure_ascii=False)
    text = short if len(short) <= 80 else json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n…"
