"""JSON Schemas in words: what a reader needs to know of a type."""

import json
from collections.abc import Mapping
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web.texts import TEXTS, Translate, translate


def summary(schema: Mapping[str, Json], language: str) -> str:
    """Write a schema's type in a few words: ``whole number 0 … 12``, ``list of text``, ``one of: a, b``."""
    text = translate(language)
    if "enum" in schema:
        return text("type-one-of", choices=", ".join(shown(value) for value in schema["enum"]))
    for word in ("oneOf", "anyOf"):
        if isinstance(schema.get(word), list):
            parts = dict.fromkeys(summary(part, language) for part in schema[word] if isinstance(part, Mapping))
            return " | ".join(parts)
    if isinstance(schema.get("allOf"), list):
        return summary(merged(schema), language)
    if schema.get("type") == "array":
        return text("type-array", items=summary(_mapping(schema.get("items")), language))
    return _plain(schema, text) or text("type-any")


def _plain(schema: Mapping[str, Json], text: Translate) -> str:
    """Write type, format and bounds of a schema without parts; empty when it names none."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = schema.get("type", ())
    words = [_word(str(part), text) for part in ([kind] if isinstance(kind, str) else kind)]
    if "format" in schema:
        named = f"type-{schema['format']}"
        # A format with a name of its own says more than the type it is written as.
        words = [text(named)] if named in TEXTS else [*words, str(schema["format"])]
    words += [str(schema[key]) for key in ("contentMediaType",) if key in schema]
    return " ".join([*words, *([bounds] if (bounds := _bounds(schema)) else [])])


def _word(kind: str, text: Translate) -> str:
    return text(f"type-{kind}") if f"type-{kind}" in TEXTS else kind


def merged(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a schema with the members of its ``allOf`` beside its own; enough to know what it is."""
    parts = [part for part in schema.get("allOf") or () if isinstance(part, Mapping)]
    together: dict[str, Any] = {}
    for part in parts:
        together |= part
    return together | {key: value for key, value in schema.items() if key != "allOf"}


def shown(value: Json) -> str:
    """Write a JSON value for a reader: a string without its quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bounds(schema: Mapping[str, Json]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None and most is None:
        return ""
    return f"≥ {least}" if most is None else f"≤ {most}" if least is None else f"{least} … {most}"


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
