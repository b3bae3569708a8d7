"""JSON Schemas of inputs and outputs: from what an author wrote to OpenAPI 3.0's dialect, and from there to validation.

OGC 18-062r2 describes inputs in the dialect of OpenAPI 3.0 (``nullable``, boolean ``exclusiveMinimum``). Authors may
write newer JSON Schema too; it is brought to that dialect, references are written out, remote ones are never fetched.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import count

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from nbprocessor.model import Json
from nbprocessor.notebook import patterns

BBOX: Mapping[str, Json] = {
    "allOf": [
        {"format": "ogc-bbox"},
        {
            "format": "ogc-bbox",
            "type": "object",
            "required": ["bbox"],
            "properties": {
                "bbox": {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
                "crs": {"type": "string"},
            },
        },
    ]
}
"""OGC's bounding box; the first member of ``allOf`` names the format, as the OGC test suite looks for it."""

GEOJSON_FORMATS = frozenset({"geojson-geometry", "geojson-feature", "geojson-feature-collection"})

_OGC_REFERENCES: Mapping[str, Mapping[str, Json]] = {
    "bbox.yaml": BBOX,
    "FeatureCollection.json": {"type": "object", "format": "geojson-feature-collection"},
    "featureCollectionGeoJSON.yaml": {"type": "object", "format": "geojson-feature-collection"},
    "Feature.json": {"type": "object", "format": "geojson-feature"},
    "Geometry.json": {"type": "object", "format": "geojson-geometry"},
    "geometryGeoJSON.yaml": {"type": "object", "format": "geojson-geometry"},
}
"""Well-known schemas by the last part of their address; nothing is fetched."""
_OGC_HOSTS = (
    "http://schemas.opengis.net/",
    "https://schemas.opengis.net/",
    "https://geojson.org/",
    "http://geojson.org/",
)

_ANNOTATIONS = frozenset({"title", "description", "default", "example", "deprecated", "readOnly", "writeOnly"})
_PLAIN = frozenset(
    {
        "type", "format", "enum", "nullable", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "required",
        "minProperties", "maxProperties", "contentMediaType", "contentEncoding", "contentSchema",
    }
)  # fmt: skip
_LISTS = frozenset({"oneOf", "anyOf", "allOf"})
_SINGLE = frozenset({"items", "not", "additionalProperties"})
_KNOWN = _ANNOTATIONS | _PLAIN | _LISTS | _SINGLE | {"properties"}
_REPLACED = frozenset({"$ref", "$defs", "definitions", "const", "examples", "$schema", "$id", "$comment"})
_TYPES = ("string", "number", "integer", "boolean", "array", "object")
MAX_DEPTH = 30
MAX_PARTS = 5_000
"""Schemas in a schema after references are written out: a few lines of them can stand for a billion."""


class SchemaFault(Exception):
    """A schema cannot be used; the sentence says why."""

    def __init__(self, sentence: str, mend: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.mend = mend


def normalised(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Return an author's schema in the dialect of OpenAPI 3.0, complete in itself.

    Raises:
        SchemaFault: An unknown keyword, a reference that leads out, or a keyword with a value it cannot have.
    """
    result = _normalised(schema, schema, 0, count(1))
    _check(result)
    return result


def for_validation(schema: Json) -> Json:
    """Return a schema of OpenAPI 3.0's dialect as JSON Schema 2020-12."""
    if isinstance(schema, list):
        return [for_validation(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    # contentSchema is an address in OGC's examples, a schema in newer JSON Schema; neither is checked.
    silent = _ANNOTATIONS | {"nullable", "contentSchema"}
    result = {key: _converted(key, value) for key, value in schema.items() if key not in silent}
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(result.get(exclusive), bool) and result.pop(exclusive) and limit in result:
            result[exclusive] = result.pop(limit)
    return _or_null(result) if schema.get("nullable") is True else result


def _or_null(schema: dict[str, Json]) -> dict[str, Json]:
    """Let a schema take null, too; in its type where that is enough, so that faults stay simple."""
    if not isinstance(schema.get("type"), str) or not schema.keys().isdisjoint({*_LISTS, "not", "enum", "format"}):
        return {"anyOf": [{"type": "null"}, schema]}
    return schema | {"type": [schema["type"], "null"]}


def _converted(key: str, value: Json) -> Json:
    if key in _LISTS or key in _SINGLE:
        return for_validation(value)
    if key == "properties" and isinstance(value, Mapping):
        return {name: for_validation(part) for name, part in value.items()}
    return value


def branches(schema: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """Yield a schema and the members of its ``oneOf``, ``anyOf`` and ``allOf``, at all levels."""
    yield schema
    for keyword in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(keyword) or ():
            if isinstance(part, Mapping):
                yield from branches(part)


def types(schema: Mapping[str, Json]) -> frozenset[str]:
    """Return the JSON types a value of the schema may have, as far as the schema says; empty: any."""
    if isinstance(schema.get("type"), str):
        return frozenset({schema["type"]})
    if "enum" in schema:
        return frozenset(_type_of(value) for value in schema["enum"] if value is not None)
    for keyword in ("oneOf", "anyOf"):
        if isinstance(schema.get(keyword), list):
            parts = [types(part) for part in schema[keyword]]
            return frozenset().union(*parts) if all(parts) else frozenset()
    return next((found for part in schema.get("allOf") or () if (found := types(part))), frozenset())


def media_types(schema: Mapping[str, Json]) -> list[str]:
    """Return the media types a value of the schema may come as; empty: the schema does not say."""
    found: list[str] = []
    for part in branches(schema):
        if isinstance(part.get("contentMediaType"), str):
            found.append(part["contentMediaType"])
        if part.get("format") in GEOJSON_FORMATS:
            found += ["application/geo+json", "application/json"]
    if found and any(kind in {"object", "array"} for kind in types(schema)):
        found.append("application/json")
    return list(dict.fromkeys(found))


def is_bbox(schema: Mapping[str, Json]) -> bool:
    """Tell whether a schema is OGC's bounding box."""
    return any(part.get("format") == "ogc-bbox" for part in branches(schema))


def is_binary(schema: Mapping[str, Json]) -> bool:
    """Tell whether a value of the schema is a text that stands for bytes (base64)."""
    encoded = schema.get("contentEncoding") in {"base64", "binary"} or schema.get("format") in {"byte", "binary"}
    return schema.get("type") == "string" and encoded


def has_property(schema: Mapping[str, Json], name: str) -> bool:
    """Tell whether a schema declares a property of its objects."""
    return any(name in (part.get("properties") or {}) for part in branches(schema))


def _normalised(schema: Json, root: Mapping[str, Json], depth: int, parts: Iterator[int]) -> dict[str, Json]:
    if depth > MAX_DEPTH or next(parts) > MAX_PARTS:
        raise SchemaFault(
            "The schema refers to itself, or is nested too deeply.", "Write it out to the depth that is needed."
        )
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise SchemaFault(f"A schema has to be a map, not {json.dumps(schema, ensure_ascii=False)[:60]}.")
    result: dict[str, Json] = {}
    if "$ref" in schema:
        result |= _normalised(_referred(schema["$ref"], root), root, depth + 1, parts)
    for key, value in schema.items():
        if key in _LISTS:
            if not isinstance(value, list) or not value:
                raise SchemaFault(f"{key} has to be a list of schemas.")
            result[key] = [_normalised(part, root, depth + 1, parts) for part in value]
        elif key in _SINGLE and not isinstance(value, bool):
            result[key] = _normalised(value, root, depth + 1, parts)
        elif key == "properties":
            if not isinstance(value, Mapping):
                raise SchemaFault("properties has to be a map of schemas.")
            result[key] = {name: _normalised(part, root, depth + 1, parts) for name, part in value.items()}
        elif key in _KNOWN or key.startswith("x-"):
            result[key] = value
        elif key not in _REPLACED:
            near = difflib.get_close_matches(key, sorted(_KNOWN), n=1, cutoff=0.7)
            mend = f"Did you mean {near[0]}?" if near else "Keywords of your own begin with x-."
            raise SchemaFault(f'"{key}" is no keyword of a JSON Schema in OpenAPI 3.0.', mend)
    return _openapi(result, schema)


def _openapi(result: dict[str, Json], schema: Mapping[str, Json]) -> dict[str, Json]:
    """Bring newer JSON Schema's keywords to OpenAPI 3.0's."""
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if isinstance(schema.get("examples"), list) and schema["examples"]:
        result.setdefault("example", schema["examples"][0])
    kinds = result.get("type")
    if isinstance(kinds, list):
        named = [kind for kind in kinds if kind != "null"]
        if len(named) < len(kinds):
            result["nullable"] = True
        del result["type"]
        if len(named) == 1:
            result["type"] = named[0]
        elif named:
            result["anyOf"] = [{"type": kind} for kind in named]
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        bound = result.get(exclusive)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            result[limit], result[exclusive] = bound, True
    return result


def _referred(reference: Json, root: Mapping[str, Json]) -> Json:
    text = str(reference)
    if text.startswith(_OGC_HOSTS) and (known := _OGC_REFERENCES.get(re.split(r"[/#]", text)[-1])):
        return known
    if not text.startswith("#/"):
        raise SchemaFault(f"The reference {text} leads out of the schema; nothing is fetched.", "Copy the schema here.")
    target: Json = root
    for part in text[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, Mapping) or name not in target:
            raise SchemaFault(
                f"The reference {text} leads nowhere.", "Put what it names under $defs of the same schema."
            )
        target = target[name]
    return target


def _check(schema: Mapping[str, Json]) -> None:
    """Refuse keywords with values they cannot have."""
    for part in _everywhere(schema):
        if "type" in part and part["type"] not in _TYPES:
            near = difflib.get_close_matches(str(part["type"]), _TYPES, n=1)
            mend = f"Did you mean {near[0]}?" if near else f"Types are {', '.join(_TYPES)}."
            raise SchemaFault(f"{json.dumps(part['type'])} is no type of a JSON Schema.", mend)
        for key in ("nullable", "deprecated", "readOnly", "writeOnly"):
            if not isinstance(part.get(key, False), bool):
                raise SchemaFault(f"{key} has to be true or false.")
        if isinstance(part.get("pattern"), str):
            try:
                patterns.compiled(part["pattern"])
            except ValueError as fault:
                mend = "Look-around and references to groups are not read: matching them could take for ever."
                raise SchemaFault(f"The pattern {part['pattern']!r} cannot be used: {fault}.", mend) from None
    try:
        Draft202012Validator.check_schema(for_validation(schema))
    except SchemaError as fault:
        place = "/".join(str(step) for step in fault.absolute_path)
        raise SchemaFault(f"The schema is not valid at {place or 'its root'}: {fault.message[:200]}.") from None


def _everywhere(schema: Json) -> Iterator[Mapping[str, Json]]:
    if not isinstance(schema, Mapping):
        return
    yield schema
    for keyword in _LISTS:
        for part in schema.get(keyword) or ():
            yield from _everywhere(part)
    for keyword in _SINGLE:
        yield from _everywhere(schema.get(keyword))
    for part in (schema.get("properties") or {}).values():
        yield from _everywhere(part)


def _type_of(value: Json) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"
