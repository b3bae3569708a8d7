"""The schemas of OGC API - Processes 1.0 (OGC 18-062r2), by which answers are judged.

Written from the standard in the dialect of JSON Schema 2020-12, without what the project itself says of them.
"""

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
CLASSES = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"

_TEXT = {"type": "string"}


def _texts(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, _TEXT)


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}


def _map_of(name: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{name}"}}


_WHOLE = {"type": "integer", "minimum": 0}
_YES_NO = {"type": "boolean"}
"""exclusiveMinimum and exclusiveMaximum too: OpenAPI 3.0 has them as in JSON Schema's draft 4."""
_SCHEMA = {
    "type": "object",
    "properties": {
        **_texts("title", "description", "format", "contentMediaType", "contentEncoding", "contentSchema", "pattern"),
        "type": {"enum": ["array", "boolean", "integer", "number", "object", "string"]},
        "multipleOf": {"type": "number", "exclusiveMinimum": 0},
        "maximum": {"type": "number"},
        "minimum": {"type": "number"},
        "exclusiveMaximum": _YES_NO,
        "exclusiveMinimum": _YES_NO,
        **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"), _WHOLE),
        **dict.fromkeys(("uniqueItems", "nullable", "readOnly", "writeOnly", "deprecated"), _YES_NO),
        "required": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
        "enum": {"type": "array", "minItems": 1},
        "not": {"$ref": "#/$defs/schema"},
        **dict.fromkeys(("allOf", "oneOf", "anyOf"), _list_of("schema")),
        "items": {"$ref": "#/$defs/schema"},
        "properties": _map_of("schema"),
        "additionalProperties": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/schema"}]},
        "default": {},
        "example": {},
    },
    "additionalProperties": False,
}
_DESCRIBED = {
    **_texts("title", "description"),
    "keywords": {"type": "array", "items": _TEXT},
    "metadata": {"type": "array", "items": {"type": "object", "properties": _texts("title", "role", "href")}},
    "additionalParameters": {
        "type": "object",
        "properties": {
            **_texts("title", "role", "href"),
            "parameters": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "value"],
                    "properties": {"name": _TEXT, "value": {"type": "array"}},
                },
            },
        },
    },
}
_SUMMARY = {
    **_DESCRIBED,
    **_texts("id", "version"),
    "jobControlOptions": {"type": "array", "items": {"enum": ["sync-execute", "async-execute", "dismiss"]}},
    "outputTransmission": {"type": "array", "items": {"enum": ["value", "reference"]}},
    "links": _list_of("link"),
}
_TIME = {"type": "string", "format": "date-time"}

SCHEMAS: dict[str, Any] = {
    "schema": _SCHEMA,
    "link": {
        "type": "object",
        "required": ["href"],
        "properties": _texts("href", "rel", "type", "hreflang", "title"),
    },
    "exception": {
        "type": "object",
        "required": ["type"],
        "properties": {**_texts("type", "title", "detail", "instance"), "status": {"type": "integer"}},
    },
    "landingPage": {
        "type": "object",
        "required": ["links"],
        "properties": {**_texts("title", "description"), "links": _list_of("link")},
    },
    "confClasses": {
        "type": "object",
        "required": ["conformsTo"],
        "properties": {"conformsTo": {"type": "array", "items": _TEXT}},
    },
    "processSummary": {"type": "object", "required": ["id", "version"], "properties": _SUMMARY},
    "processList": {
        "type": "object",
        "required": ["processes", "links"],
        "properties": {"processes": _list_of("processSummary"), "links": _list_of("link")},
    },
    "inputDescription": {
        "type": "object",
        "required": ["schema"],
        "properties": {
            **_DESCRIBED,
            "minOccurs": {"type": "integer"},
            "maxOccurs": {"anyOf": [{"type": "integer"}, {"const": "unbounded"}]},
            "schema": {"$ref": "#/$defs/schema"},
        },
    },
    "outputDescription": {
        "type": "object",
        "required": ["schema"],
        "properties": {**_DESCRIBED, "schema": {"$ref": "#/$defs/schema"}},
    },
    "process": {
        "type": "object",
        "required": ["id", "version", "inputs", "outputs"],
        "properties": {
            **_SUMMARY,
            "inputs": _map_of("inputDescription"),
            "outputs": _map_of("outputDescription"),
        },
    },
    "statusInfo": {
        "type": "object",
        # processID and id as soon as there is a job list (/req/job-list/processID-mandatory; clause 13).
        "required": ["jobID", "status", "type", "processID", "id"],
        "properties": {
            **_texts("jobID", "processID", "message", "id"),
            "type": {"const": "process"},
            "status": {"enum": ["accepted", "running", "successful", "failed", "dismissed"]},
            **dict.fromkeys(("created", "started", "finished", "updated"), _TIME),
            "progress": {"type": "integer", "minimum": 0, "maximum": 100},
            "links": _list_of("link"),
        },
    },
    "jobList": {
        "type": "object",
        "required": ["jobs", "links"],
        "properties": {"jobs": _list_of("statusInfo"), "links": _list_of("link")},
    },
    "bbox": {
        "type": "object",
        "required": ["bbox"],
        "properties": {
            "bbox": {
                "type": "array",
                "items": {"type": "number"},
                "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
            },
            "crs": _TEXT,
        },
    },
    "qualifiedValue": {
        "type": "object",
        "required": ["value"],
        "properties": {**_texts("mediaType", "encoding"), "schema": {"type": ["string", "object"]}, "value": {}},
    },
    "results": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": ["string", "number", "boolean", "array"]},
                *({"$ref": f"#/$defs/{name}"} for name in ("bbox", "qualifiedValue", "link")),
            ]
        },
    },
}


def conforms(document: Any, name: str) -> None:
    """Fail unless a document is what the standard calls by this name."""
    schema = {"$ref": f"#/$defs/{name}", "$defs": SCHEMAS}
    faults = [
        f"{fault.json_path}: {fault.message[:300]}"
        for fault in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(document)
    ]
    assert not faults, "\n".join(faults)


def links(document: dict[str, Any], rel: str) -> list[dict[str, str]]:
    """Return a document's links of one relation."""
    return [link for link in document["links"] if link["rel"] == rel]
