"""Values against JSON Schemas: every fault with its JSON pointer and a sentence, each schema compiled once."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from nbprocessor.errors import Problem
from nbprocessor.model import Json
from nbprocessor.notebook import formats, schemas

MAX_MATCHED = 10_000
"""Characters a text may have to be matched against a pattern; an author's pattern may be slow on long texts."""
_MAX_PROBLEMS = 100
_FORMATS: Mapping[str, str] = {
    "date": "a date such as 2020-01-31",
    "date-time": "a time such as 2020-01-31T12:00:00Z",
    "uri": "an absolute address such as https://example.org/data",
    "email": "an e-mail address",
    "uuid": "a UUID",
    "ogc-bbox": "a bounding box",
    "geojson-geometry": "a GeoJSON geometry with closed rings",
    "geojson-feature": "a GeoJSON feature",
    "geojson-feature-collection": "a GeoJSON feature collection",
}
_TYPES: Mapping[str, str] = {
    "string": "a text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "array": "a list", "object": "an object", "null": "null",
}  # fmt: skip


def problems_of(schema: Mapping[str, Json], value: Json, pointer: str) -> list[Problem]:
    """Return what is wrong with a value.

    Args:
        schema: JSON Schema in the dialect of OpenAPI 3.0 or newer, without references.
        value: What ``json.loads`` returned.
        pointer: JSON pointer of the value in its document, put before each problem's own.
    """
    unwritable = list(_unwritable(value, pointer))
    if unwritable:
        return unwritable[:_MAX_PROBLEMS]
    found: dict[tuple[str, str], Problem] = {}
    for fault in _validator(json.dumps(schema, sort_keys=True, default=_plain)).iter_errors(value):
        nearest = _nearest(fault)
        place = "".join(f"/{escaped(step)}" for step in nearest.absolute_path)
        problem = Problem(pointer + place, _sentence(nearest))
        found.setdefault((problem.pointer, problem.detail), problem)
        if len(found) >= _MAX_PROBLEMS:
            break
    return list(found.values())


def escaped(token: object) -> str:
    """Return a name as a step of a JSON pointer (RFC 6901, section 3)."""
    return str(token).replace("~", "~0").replace("/", "~1")


def shown(value: Json) -> str:
    """Write a value for a sentence, cut where it is long."""
    # Cut before writing, too: a value may have megabytes.
    if isinstance(value, str) and len(value) > 80:
        value = value[:80] + "…"
    if isinstance(value, list | dict) and value:
        return (
            f"a list of {len(value)}"
            if isinstance(value, list)
            else f"an object with {', '.join(map(repr, list(value)[:3]))}"[:100]
        )
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=2048)
def _validator(schema: str) -> Draft202012Validator:
    return _Validator(schemas.for_validation(json.loads(schema)), format_checker=_checker())


@lru_cache(maxsize=1)
def _checker() -> Any:
    return formats.checker()


def _plain(value: object) -> Json:
    """Let json write maps and sequences that are no dict and list."""
    return dict(value) if isinstance(value, Mapping) else list(value)  # type: ignore[call-overload]  # sequences


def _unwritable(value: Json, pointer: str) -> Iterator[Problem]:
    """Yield numbers that JSON cannot have or Python cannot compare; 1e999 is read as infinity."""
    match value:
        case bool() | None | str():
            return
        case int() if abs(value) > 10**300:
            yield Problem(pointer, "The number is too large.")
        case float() if not math.isfinite(value):
            yield Problem(pointer, "The number is not finite.")
        case list():
            for index, item in enumerate(value):
                yield from _unwritable(item, f"{pointer}/{index}")
        case dict():
            for key, item in value.items():
                yield from _unwritable(item, f"{pointer}/{escaped(key)}")


def _matches(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if not isinstance(value, str):
        return
    if len(value) > MAX_MATCHED:
        yield ValidationError(f"{MAX_MATCHED:,} characters at most can be matched")
    elif not _compiled(pattern).search(value):
        yield ValidationError("no match")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    # In JavaScript, whose expressions JSON Schema means, $ is the very end; in Python it may stand before a newline.
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _divides(_: Any, step: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    """Tell multiples as they are written: 0.3 is a multiple of 0.1, although the binary numbers are not."""
    if isinstance(value, int | float) and not isinstance(value, bool) and Fraction(repr(value)) % Fraction(repr(step)):
        yield ValidationError("no multiple")


_Validator = extend(Draft202012Validator, {"pattern": _matches, "multipleOf": _divides})


def _sentence(fault: ValidationError) -> str:
    """Write jsonschema's fault as a sentence that names the value and what is expected."""
    wanted, value = fault.validator_value, shown(fault.instance)
    match fault.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"{value} is not {' or '.join(_TYPES.get(kind, kind) for kind in kinds)}."
        case "enum":
            return f"{value} is none of {', '.join(shown(choice) for choice in wanted[:30])}."
        case "const":
            return f"{value} is not {shown(wanted)}."
        case "format":
            return f"{value} is not {_FORMATS.get(wanted, f'of the format {wanted}')}."
        case "required":
            names = [name for name in wanted if name not in fault.instance]
            missing = next((name for name in names if repr(name) in fault.message), names[0] if names else "")
            return f'"{missing}" is missing.'
        case "additionalProperties":
            extra = [name for name in fault.instance if name not in (fault.schema.get("properties") or {})]
            return f"There is nothing called {', '.join(shown(name) for name in extra[:5])} here."
        case "oneOf" | "anyOf":
            return _none_fits(fault, value)
        case "pattern":
            too_long = f"It is longer than {MAX_MATCHED:,} characters." if "at most" in fault.message else ""
            return too_long or f"{value} does not match the pattern {wanted}."
    return _bound(fault.validator, wanted, value) or f"{value}: {fault.message[:200]}."


_BOUNDS: Mapping[str, str] = {
    "minimum": "{value} is less than {wanted}.",
    "maximum": "{value} is more than {wanted}.",
    "exclusiveMinimum": "{value} is not more than {wanted}.",
    "exclusiveMaximum": "{value} is not less than {wanted}.",
    "multipleOf": "{value} is no multiple of {wanted}.",
    "minLength": "{value} is shorter than {wanted} characters.",
    "maxLength": "{value} is longer than {wanted} characters.",
    "minItems": "It has fewer than {wanted} values.",
    "maxItems": "It has more than {wanted} values.",
    "uniqueItems": "A value stands in it more than once.",
    "minProperties": "It has fewer than {wanted} members.",
    "maxProperties": "It has more than {wanted} members.",
    "not": "{value} is not allowed.",
}


def _bound(keyword: object, wanted: Json, value: str) -> str:
    return _BOUNDS.get(str(keyword), "").format(wanted=wanted, value=value)


def _nearest(fault: ValidationError) -> ValidationError:
    """Of alternatives only one of which is of the value's type, return that one's fault."""
    if fault.validator not in {"oneOf", "anyOf"}:
        return fault
    of_type = [part for part in fault.context or () if part.validator != "type" or part.relative_path]
    branches = {part.schema_path[0] for part in of_type}
    return _nearest(of_type[0]) if len(branches) == 1 else fault


def _none_fits(fault: ValidationError, value: str) -> str:
    if not fault.context:
        return f"{value} fits more than one of the allowed forms."
    kinds = [part.get("type") if isinstance(part, Mapping) else None for part in fault.validator_value]
    if all(isinstance(kind, str) for kind in kinds):
        return f"{value} is not {' or '.join(dict.fromkeys(_TYPES.get(str(kind), str(kind)) for kind in kinds))}."
    return f"{value} fits none of the allowed forms."
