"""Literal values of Python source as JSON values; dates by their constructors, nothing else is called."""

import ast
import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from nbprocessor.model import Json
from nbprocessor.notebook.annotations import DATE, DATETIME, MAX_INTEGER, Type, Unreadable

__all__ = ["Unreadable", "read"]


def read(node: ast.expr) -> tuple[Json, Type]:
    """Return a literal's JSON value (dates as ISO texts) and the type it shows.

    Raises:
        Unreadable: It is no literal, or none that JSON has.
    """
    match node:
        case ast.Constant(value=value):
            return _constant(node, value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as value)) if (
            not isinstance(value, bool)
        ):
            return _constant(node, -value if isinstance(sign, ast.USub) else value)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return _list(node, elements)
        case ast.Dict(keys=keys, values=values):
            return _dict(node, keys, values)
        case ast.Call():
            return _moment(node)
        case ast.Set():
            raise Unreadable(node, "A set has no JSON form.", "Use a list.")
        case ast.JoinedStr():
            raise Unreadable(node, "The value is computed (an f-string).", "Write the text itself.")
    raise Unreadable(
        node, f"The value {_source(node)} is no literal.", "Write the value itself: a text, number, list, dict or date."
    )


def _constant(node: ast.expr, value: Any) -> tuple[Json, Type]:
    match value:
        case None:
            return None, Type({}, nullable=True)
        case bool():
            return value, Type({"type": "boolean"})
        case int() if abs(value) < MAX_INTEGER:
            return value, Type({"type": "integer"})
        case float() if math.isfinite(value):
            return value, Type({"type": "number"})
        case str() if not any("\ud800" <= character <= "\udfff" for character in value):
            return value, Type({"type": "string"})
    raise Unreadable(node, f"The value {_source(node)} has no JSON form.", "Use a text, number, list, dict or date.")


def _list(node: ast.expr, elements: list[ast.expr]) -> tuple[Json, Type]:
    read_elements = [read(element) for element in elements]
    nullable = any(value is None for value, _ in read_elements)
    kinds = [kind for value, kind in read_elements if value is not None]
    same = bool(kinds) and all(kind == kinds[0] for kind in kinds)
    items = kinds[0] if same else Type({"type": "number"}) if _all_numbers(kinds) else Type()
    if len({kind.injected_as for kind in kinds}) > 1:
        raise Unreadable(node, "A list has dates in all places or in none.", "Use one parameter each.")
    whole = replace(items, nullable=nullable or items.nullable).whole if items.schema else {}
    return [value for value, _ in read_elements], Type({"type": "array", "items": whole}, items.injected_as)


def _all_numbers(kinds: list[Type]) -> bool:
    return bool(kinds) and all(kind.schema.get("type") in {"integer", "number"} for kind in kinds)


def _dict(node: ast.expr, keys: list[ast.expr | None], values: list[ast.expr]) -> tuple[Json, Type]:
    result: dict[str, Json] = {}
    for key, value in zip(keys, values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise Unreadable(key or node, "The keys of a dict have to be texts, as in JSON.", 'Write {"key": value}.')
        if key.value in result:
            raise Unreadable(key, f'The key "{key.value}" stands twice in the dict.', "Keep one of them.")
        _constant(key, key.value)
        result[key.value], kind = read(value)
        if kind.injected_as:
            sentence = f"A {kind.injected_as} inside a dict would arrive as a text."
            raise Unreadable(value, sentence, "Write it as a text, or as a parameter of its own.")
    return result, Type({"type": "object"})


def _moment(node: ast.Call) -> tuple[Json, Type]:
    """Read ``date(2020, 1, 31)``, ``datetime.fromisoformat("…")`` and their like; with literal arguments only."""
    names = _dotted(node.func)
    from_text = names[-1:] == ["fromisoformat"]
    kind = (names[:-1] if from_text else names)[-1:]
    if kind not in (["date"], ["datetime"]):
        raise Unreadable(
            node, f"The value {_source(node)} is computed.", "Write the value itself; a date as date(2020, 1, 31)."
        )
    maker: type[date] = date if kind == ["date"] else datetime
    try:
        arguments = [ast.literal_eval(argument) for argument in node.args]
        named = {str(argument.arg): _argument(argument) for argument in node.keywords}
        made = maker.fromisoformat(*arguments, **named) if from_text else maker(*arguments, **named)
    except (ValueError, TypeError, OverflowError) as fault:
        raise Unreadable(node, f"The value {_source(node)} is no date: {fault}.", "Write date(2020, 1, 31).") from None
    return made.isoformat(), DATE if maker is date else DATETIME


def _argument(argument: ast.keyword) -> Any:
    if argument.arg == "tzinfo" and _dotted(argument.value)[-1] in {"utc", "UTC"}:
        return UTC
    return ast.literal_eval(argument.value)


def _dotted(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def _source(node: ast.expr) -> str:
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return "here"
    return text if len(text) <= 60 else f"{text[:57]}…"
