"""The run form of a process: each input's JSON Schema becomes one plain HTML control.

What the control holds becomes JSON in the browser (``static/form.js``), told by ``kind``; whether it is right
is for the server to say. A schema no control fits gets a text area for JSON, so every input can be given.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbprocessor.model import Json
from nbprocessor.web.schemas import merged, shown, summary
from nbprocessor.web.texts import Translate, translate

BBOX = ("west", "south", "east", "north")
_LONG_TEXT = 200
_MISSING: Json = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One input as a control."""

    id: str
    """Id of the input."""
    kind: str
    """``text longtext number boolean choice choices lines bbox file json``: how the script reads it."""
    label: str
    description: str
    required: bool
    type: str
    """The schema in words."""
    control: str = "text"
    """``type`` attribute of the HTML input."""
    value: Json = None
    """What the control holds at first: a string, for ``choices`` and ``bbox`` a list of strings."""
    options: Sequence[tuple[str, str]] = ()
    """JSON of each choice, and its text."""
    items: str = ""
    """For ``lines``: ``number`` or ``text``."""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    hints: Sequence[str] = ()
    text_allowed: bool = False
    """For ``json``: what is no JSON is sent as text."""
    media_type: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one legend."""

    title: str
    description: str
    fields: Sequence[Field]


def fields(process: Mapping[str, Json], language: str) -> list[Field]:
    """Return the controls for a process description's inputs, in its order, with example or default value."""
    text = translate(language)
    examples = _mapping(_mapping(process.get("example")).get("inputs"))
    return [
        _field(input_id, _mapping(described), examples.get(input_id, _MISSING), text, language)
        for input_id, described in _mapping(process.get("inputs")).items()
    ]


def groups(every: Sequence[Field], boxes: Sequence[Json], rest_title: str) -> list[Group]:
    """Put fields under the legends of KomMonitor's ``inputBoxes``; what no box names comes last."""
    left = {one.id: one for one in every}
    boxed = []
    for box in boxes:
        facts = _mapping(box)
        named = [left.pop(str(name)) for name in facts.get("contents") or () if str(name) in left]
        if named:
            boxed.append(
                Group(
                    str(facts.get("title") or facts.get("id") or ""),
                    str(facts.get("description") or ""),
                    named,
                )
            )
    rest = [Group(rest_title if boxed else "", "", list(left.values()))] if left else []
    return [*boxed, *rest]


def initial_request(process: Mapping[str, Json]) -> dict[str, Json]:
    """Return the execute request the untouched form stands for: example values, and defaults as they are."""
    examples = _mapping(_mapping(process.get("example")).get("inputs"))
    inputs = {}
    for input_id, described in _mapping(process.get("inputs")).items():
        value = _first_value(_mapping(described), examples.get(input_id, _MISSING))
        if value is not _MISSING:
            inputs[input_id] = value
    return {"inputs": inputs}


def _field(input_id: str, described: Mapping[str, Json], example: Json, text: Translate, language: str) -> Field:
    schema = merged(_mapping(described.get("schema")))
    required = described.get("minOccurs", 1) != 0 and "default" not in schema
    value = _first_value(described, example)
    several = described.get("maxOccurs", 1) not in {0, 1}
    shape = _shape(
        {"type": "array", "items": schema} if several and schema.get("type") != "array" else schema,
        value,
        text,
    )
    title = str(described.get("title") or input_id)
    description = str(described.get("description") or "")
    return Field(
        id=input_id,
        label=title,
        description="" if description == title else description,
        required=required,
        type=summary(schema, language),
        nullable=bool(schema.get("nullable")),
        **shape,
    )


def _first_value(described: Mapping[str, Json], example: Json) -> Json:
    """Return what is shown first: the example request's value, else the default, else the schema's."""
    schema = merged(_mapping(described.get("schema")))
    for value in (example, schema.get("default", _MISSING), schema.get("example", _MISSING)):
        if value is not _MISSING:
            return value
    return _MISSING


def _shape(schema: Mapping[str, Json], value: Json, text: Translate) -> dict[str, Json]:
    """Choose the control for a schema."""
    kind = schema.get("type")
    if isinstance(schema.get("enum"), list):
        return {"kind": "choice", "options": _options(schema["enum"]), "value": _json(value)}
    if schema.get("format") == "ogc-bbox" or (kind == "object" and "bbox" in _mapping(schema.get("properties"))):
        box = _mapping(value).get("bbox") if isinstance(value, Mapping) else None
        return {
            "kind": "bbox",
            "value": [str(part) for part in box] if isinstance(box, list) and len(box) == 4 else [""] * 4,
        }
    makers = {"boolean": _boolean, "integer": _number, "number": _number, "array": _list, "string": _string}
    make = makers.get(kind) if isinstance(kind, str) else None
    return (make(schema, value, text) if make else {}) or _json_area(schema, value, text)


def _boolean(_: Mapping[str, Json], value: Json, __: Translate) -> dict[str, Json]:
    return {"kind": "boolean", "value": _json(value)}


def _number(schema: Mapping[str, Json], value: Json, _: Translate) -> dict[str, Json]:
    least, most = schema.get("minimum"), schema.get("maximum")
    whole = schema.get("type") == "integer"
    # A value between two steps must not be refused by the browser: the server knows better.
    bounds = {"min": least, "max": most, "step": 1 if whole else "any"}
    attributes = {key: bound for key, bound in bounds.items() if bound is not None}
    return {"kind": "number", "control": "number", "value": _plain(value), "attributes": attributes}


def _string(schema: Mapping[str, Json], value: Json, text: Translate) -> dict[str, Json]:
    if schema.get("contentEncoding") in {"base64", "binary"} or schema.get("format") in {"binary", "byte"}:
        media_type = str(schema.get("contentMediaType") or "")
        return {"kind": "file", "control": "file", "hints": [text("hint-file")], "media_type": media_type}
    lengths = {
        "minlength": schema.get("minLength"),
        "maxlength": schema.get("maxLength"),
        "pattern": schema.get("pattern"),
    }
    attributes = {key: bound for key, bound in lengths.items() if bound}
    written = _plain(value)
    if "contentMediaType" in schema or "\n" in written or len(written) > _LONG_TEXT:
        return {"kind": "longtext", "value": written, "attributes": {}}
    control = {"date": "date", "email": "email", "uri": "url"}.get(str(schema.get("format")), "text")
    if control == "date":
        attributes = {}
    hints = ["2026-01-31T00:00:00Z"] if schema.get("format") == "date-time" else []
    return {"kind": "text", "control": control, "value": written, "attributes": attributes, "hints": hints}


def _list(schema: Mapping[str, Json], value: Json, text: Translate) -> dict[str, Json]:
    """Check boxes for a list of choices, a line each for a list of plain values; nothing for other lists."""
    items = merged(_mapping(schema.get("items")))
    values = value if isinstance(value, list) else [] if value in (_MISSING, None) else [value]
    if isinstance(items.get("enum"), list):
        return {
            "kind": "choices",
            "options": _options(items["enum"]),
            "value": [json.dumps(one) for one in values],
        }
    plain = str(items.get("type")) in {"string", "integer", "number"} and "contentEncoding" not in items
    if not plain or any("\n" in shown(one) for one in values):
        return {}
    kind = "text" if items["type"] == "string" else "number"
    return {
        "kind": "lines",
        "items": kind,
        "value": "\n".join(shown(one) for one in values),
        "hints": [text("hint-lines")],
    }


def _json_area(schema: Mapping[str, Json], value: Json, text: Translate) -> dict[str, Json]:
    branches = [part for word in ("oneOf", "anyOf") for part in schema.get(word) or () if isinstance(part, Mapping)]
    text_allowed = any(branch.get("type") == "string" for branch in branches)
    return {
        "kind": "json",
        "value": _json_text(value, text_allowed=text_allowed),
        "hints": [text("hint-json-or-text" if text_allowed else "hint-json")],
        "text_allowed": text_allowed,
    }


def _json_text(value: Json, *, text_allowed: bool) -> str:
    """Write a value so that the script reads the same again: a text without quotes where it cannot be mistaken."""
    if value is _MISSING:
        return ""
    if text_allowed and isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            if value and value.strip() == value:
                return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def _options(values: Sequence[Json]) -> list[tuple[str, str]]:
    return [(json.dumps(value), shown(value)) for value in values]


def _plain(value: Json) -> str:
    return "" if value is _MISSING or value is None else shown(value)


def _json(value: Json) -> str:
    return "" if value is _MISSING else json.dumps(value)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
