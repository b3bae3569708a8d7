"""The results of a job, each as its media type wants to be seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web import formats
from nbprocessor.web.addresses import links_of
from nbprocessor.web.jobinfo import job_info
from nbprocessor.web.sanitised import safe_address
from nbprocessor.web.texts import Translate, translate
from nbprocessor.web.views import Page

MAX_ROWS = 200
MAX_COLUMNS = 20
MAX_TEXT = 100_000
"""Characters of JSON or text shown; the rest is in the file."""
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One output, ready for the template."""

    id: str
    kind: str
    """``value``, ``text``, ``json``, ``table``, ``picture`` or ``file``."""
    href: str
    media_type: str = ""
    text: str = ""
    table: Table = field(default_factory=lambda: Table((), ()))
    note: str = ""


def view(page: Page) -> dict[str, Any]:
    """Show ``{"job": statusInfo, "results": results.yaml}``, or a results document alone."""
    job = page.data.get("job")
    results = page.data["results"] if isinstance(job, Mapping) else page.data
    info = job_info(job, page.language) if isinstance(job, Mapping) else None
    folder = f"/jobs/{info.id}/results" if info else page.addresses.path.removeprefix(page.addresses.base_url)
    text = translate(page.language)
    return {
        "job": info,
        "results": [
            _result(output_id, value, page.addresses.link(f"{folder}/{output_id}"), text, page.language)
            for output_id, value in results.items()
        ],
        "api_links": links_of(job) if isinstance(job, Mapping) else [],
    }


def _result(output_id: str, value: Json, href: str, text: Translate, language: str) -> Result:
    """Choose how a value is seen: pictures from the file, tables where there are rows, else JSON or text."""
    media_type = ""
    if isinstance(value, Mapping):
        media_type = str(value.get("mediaType") or value.get("type") or "")
        if "href" in value:
            address = safe_address(value["href"]) or href
            kind = "picture" if media_type in _PICTURES else "file"
            return Result(
                output_id, kind, href if kind == "picture" else address, media_type, note=text("by-reference")
            )
        if "value" in value:
            value = value["value"]
            if media_type in _PICTURES:
                return Result(output_id, "picture", href, media_type)
            if isinstance(value, str) and not media_type.startswith("text/"):
                return Result(output_id, "file", href, media_type)
        else:
            media_type = ""
    return _inline(Result(output_id, "json", href, media_type), value, text, language)


def _inline(result: Result, value: Json, text: Translate, language: str) -> Result:
    """Show a value that stands in the document."""
    if isinstance(value, Mapping) and value.get("type") == "FeatureCollection":
        return _features(result, value, text, language)
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        return replace(result, kind="table", text=_pretty(value), table=_table(value, language))
    if isinstance(value, str):
        short = len(value) <= 80 and "\n" not in value
        return replace(result, kind="value" if short else "text", text=value[:MAX_TEXT])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return replace(result, kind="value", text=formats.number(value, language))
    return replace(result, kind="json", text=_pretty(value), media_type=result.media_type or "application/json")


def _features(result: Result, collection: Mapping[str, Json], text: Translate, language: str) -> Result:
    """Show a GeoJSON FeatureCollection as the table of its properties."""
    features = [feature for feature in collection.get("features") or () if isinstance(feature, Mapping)]
    kinds = sorted({str((feature.get("geometry") or {}).get("type")) for feature in features} - {"None"})
    count = formats.number(len(features), language)
    return replace(
        result,
        kind="table",
        media_type=result.media_type or "application/geo+json",
        table=_table([feature.get("properties") or {} for feature in features], language),
        note=text("features", count=count, geometry=", ".join(kinds) or "–"),
    )


def _table(rows: Sequence[Mapping[str, Json]], language: str) -> Table:
    """Put rows under the columns they have, in the order these are met."""
    columns = list(dict.fromkeys(str(name) for row in rows[:MAX_ROWS] for name in row))[:MAX_COLUMNS]
    cells = [[_cell(row.get(column), language) for column in columns] for row in rows[:MAX_ROWS]]
    return Table(columns, cells, max(0, len(rows) - MAX_ROWS))


def _cell(value: Json, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return formats.number(value, language)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + " …"


def _pretty(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n…"
