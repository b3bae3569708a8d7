"""Python annotations as JSON Schemas, by their source text; the same schemas pydantic would give."""

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal

from nbprocessor.model import Json


class Unreadable(Exception):
    """Source that is not read here; says what and how to mend it."""

    def __init__(self, place: ast.AST | int, sentence: str, mend: str = "") -> None:
        super().__init__(sentence)
        self.line = place if isinstance(place, int) else getattr(place, "lineno", 0)
        self.sentence = sentence
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Type:
    """What an annotation, or a value, says of an input."""

    schema: Mapping[str, Json] = field(default_factory=dict)
    """JSON Schema in OpenAPI 3.0's dialect, without ``nullable``."""
    injected_as: Literal["", "date", "datetime"] = ""
    nullable: bool = False
    title: str = ""
    description: str = ""
    example: Json = None

    @property
    def whole(self) -> dict[str, Json]:
        """The schema, ``nullable`` included."""
        return {**self.schema, "nullable": True} if self.nullable else dict(self.schema)


DATE = Type({"type": "string", "format": "date"}, "date")
DATETIME = Type({"type": "string", "format": "date-time"}, "datetime")
_NAMED: Mapping[str, Type] = {
    "int": Type({"type": "integer"}),
    "float": Type({"type": "number"}),
    "bool": Type({"type": "boolean"}),
    "str": Type({"type": "string"}),
    "date": DATE,
    "datetime": DATETIME,
    "list": Type({"type": "array", "items": {}}),
    "tuple": Type({"type": "array", "items": {}}),
    "dict": Type({"type": "object"}),
    "Any": Type(),
    "object": Type(),
    "None": Type(nullable=True),
}
_ALIASES: Mapping[str, str] = {
    "List": "list", "Sequence": "list", "Iterable": "list", "Tuple": "tuple", "Dict": "dict", "Mapping": "dict"
}  # fmt: skip
MAX_INTEGER = 10**300
"""Greater numbers cannot be compared with decimal fractions, nor written by everybody who reads JSON."""
_KNOWN = (
    "int, float, bool, str, date, datetime, list[…], tuple[…], dict[str, …], Literal[…], X | None, "
    "Annotated[X, Field(…)]"
)

_NUMBER_BOUNDS: Mapping[str, Mapping[str, Json]] = {
    "ge": {"minimum": ...}, "gt": {"minimum": ..., "exclusiveMinimum": True},
    "le": {"maximum": ...}, "lt": {"maximum": ..., "exclusiveMaximum": True},
    "multiple_of": {"multipleOf": ...},
}  # fmt: skip
_LENGTHS: Mapping[str, tuple[str, str]] = {
    "string": ("minLength", "maxLength"), "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}  # fmt: skip


def read(node: ast.expr) -> Type:
    """Return what an annotation says.

    Raises:
        Unreadable: It names a type that has no JSON form, or one that is not known here.
    """
    match node:
        case ast.Constant(value=None):
            return _NAMED["None"]
        case ast.Constant(value=str() as text):
            return read_text(text, node.lineno)
        case ast.Name() | ast.Attribute():
            return _named(node)
        case ast.BinOp(op=ast.BitOr()):
            return _union(_alternatives(node))
        case ast.Subscript(value=ast.Name() | ast.Attribute() as name, slice=inner):
            return _subscripted(_last(name), node, list(inner.elts) if isinstance(inner, ast.Tuple) else [inner])
    raise _unknown(node)


def read_text(text: str, line: int) -> Type:
    """Return what an annotation written as a text says.

    Raises:
        Unreadable: As for `read`, or the text is no Python.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable(line, f"The annotation {text[:60]!r} is no Python.", f"Known types: {_KNOWN}.") from None
    try:
        return read(node)
    except Unreadable as fault:
        raise Unreadable(line, fault.sentence, fault.mend) from None


def _named(node: ast.expr) -> Type:
    name = _last(node)
    found = _NAMED.get(_ALIASES.get(name, name))
    if found is None:
        raise _unknown(node)
    return found


def _subscripted(name: str, node: ast.expr, inner: Sequence[ast.expr]) -> Type:
    match _ALIASES.get(name, name), len(inner):
        case "list", 1:
            return _array(read(inner[0]))
        case "tuple", _:
            return _tuple(node, inner)
        case "dict", 2:
            return _dict(node, inner)
        case ("Optional", 1) | ("Union", _):
            others = [_NAMED["None"]] if name == "Optional" else []
            return _union([*(read(part) for part in inner), *others])
        case "Literal", _:
            return _literal(node, inner)
        case "Annotated", count if count > 1:
            return reduce(_refined, inner[1:], read(inner[0]))
    raise _unknown(node)


def _array(items: Type, **bounds: Json) -> Type:
    return Type({"type": "array", "items": items.whole, **bounds}, items.injected_as)


def _tuple(node: ast.expr, inner: Sequence[ast.expr]) -> Type:
    """``tuple[X, ...]`` is a list; a fixed length is one, too, as OpenAPI 3.0 has no types by position."""
    if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...:
        return _array(read(inner[0]))
    parts = [read(part) for part in inner]
    if not parts or any(part.injected_as != parts[0].injected_as for part in parts):
        raise Unreadable(node, "A tuple has dates in all places or in none.", "Use one parameter each.")
    return _array(_union(parts), minItems=len(parts), maxItems=len(parts))


def _dict(node: ast.expr, inner: Sequence[ast.expr]) -> Type:
    if read(inner[0]).schema != {"type": "string"}:
        raise Unreadable(node, "The keys of a dict have to be texts, as in JSON.", "Write dict[str, …].")
    values = read(inner[1])
    if values.injected_as:
        raise Unreadable(
            node,
            f"A {values.injected_as} inside a dict would arrive as a text.",
            "Write dict[str, str], or list[date].",
        )
    return Type({"type": "object", "additionalProperties": values.whole} if values.whole else {"type": "object"})


def _alternatives(node: ast.expr) -> list[Type]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [read(node)]


def _union(parts: Sequence[Type]) -> Type:
    """Join alternatives; ``None`` among them is ``nullable``."""
    nullable = any(part.nullable for part in parts)
    named = [part for part in parts if part.schema or not part.nullable]
    schemas = [dict(part.schema) for part in named]
    different = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    if {"type": "number"} in different:
        different = [schema for schema in different if schema != {"type": "integer"}]
    if len(different) == 1:
        return replace(named[0], schema=different[0], nullable=nullable)
    if not all(schemas):  # Any, among others: what is allowed is anything
        return Type({}, nullable=nullable)
    moments = {part.injected_as for part in named}
    return Type({"anyOf": different} if different else {}, moments.pop() if len(moments) == 1 else "", nullable)


def _literal(node: ast.expr, inner: Sequence[ast.expr]) -> Type:
    values = [_value(part) for part in inner]
    if not all(value is None or isinstance(value, str | int) for value in values):
        raise Unreadable(node, "Literal[…] takes texts, whole numbers, True, False and None.")
    kinds = {type(value) for value in values if value is not None}
    named = {str: "string", int: "integer", bool: "boolean"}
    choices = [value for value in values if value is not None]
    schema: dict[str, Json] = {"type": named[kinds.pop()]} if len(kinds) == 1 else {}
    return Type({**schema, "enum": choices} if choices else {}, nullable=None in values)


def _refined(kind: Type, node: ast.expr) -> Type:
    """Apply one piece of ``Annotated``'s metadata: a description, or pydantic's ``Field(…)``."""
    match node:
        case ast.Constant(value=str() as text):
            return replace(kind, description=text)
        case ast.Call(func=func, args=[], keywords=keywords) if _last(func) == "Field":
            return reduce(_constrained, keywords, kind)
    raise Unreadable(
        node, "Annotated[…] takes a text or Field(…) with names.", "Write Annotated[int, Field(ge=0, le=12)]."
    )


def _constrained(kind: Type, argument: ast.keyword) -> Type:
    value, name = _value(argument.value), str(argument.arg)
    # A sequence of alternatives has no type of its own to bound.
    primary = str(kind.schema.get("type", ""))
    match name:
        case "title" | "description" if isinstance(value, str):
            return replace(kind, title=value) if name == "title" else replace(kind, description=value)
        case "examples" if isinstance(value, list) and value:
            return replace(kind, example=value[0])
        case "pattern" if isinstance(value, str) and primary == "string":
            return replace(kind, schema={**kind.schema, "pattern": value})
        case "min_length" | "max_length" if type(value) is int and primary in _LENGTHS:
            return replace(kind, schema={**kind.schema, _LENGTHS[primary][name == "max_length"]: value})
    bounds = _NUMBER_BOUNDS.get(name)
    if bounds is not None and type(value) in {int, float} and primary in {"integer", "number"}:
        return replace(kind, schema={**kind.schema, **{key: value if to is ... else to for key, to in bounds.items()}})
    raise Unreadable(
        argument.value,
        f"Field({name}=…) says nothing here about {primary or 'this type'}.",
        "Known: ge, gt, le, lt, multiple_of for numbers; pattern, min_length, max_length for texts; min_length, "
        "max_length for lists and dicts; title, description, examples.",
    )


def _value(node: ast.expr) -> Any:
    """Return a literal that JSON has; 1e999, sets and bytes are literals, too."""
    try:
        value = ast.literal_eval(node)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise Unreadable(node, "Bounds and choices have to be literal values that JSON has.") from None
    if isinstance(value, int) and abs(value) >= MAX_INTEGER:
        raise Unreadable(node, "The number is too large.")
    return value


def _last(node: ast.expr) -> str:
    """Return the last part of a dotted name: ``date`` for ``datetime.date``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _unknown(node: ast.expr) -> Unreadable:
    try:
        text = ast.unparse(node)[:60]
    except (RecursionError, ValueError):
        text = "here"
    return Unreadable(node, f"The type {text} is not known here.", f"Known types: {_KNOWN}.")
