"""Values against JSON Schemas: every fault with its JSON pointer and a sentence, each schema compiled once."""

import json
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from nbprocessor.errors import Problem
from nbprocessor.model import Json
from nbprocessor.notebook import formats, patterns, schemas

MAX_MATCHED = 10_000
"""Characters a text may have to be matched against a pattern."""
MAX_DEPTH = 100
"""Lists and objects within each other a value may have."""
_MAX_PROBLEMS = 100
_FORMATS: Mapping[str, str] = {
    "date": "a date such as 2020-01-31",
    "date-time": "a time such as 2020-01-31T12:00:00Z",
    "time": "a time of day such as 12:00:00Z",
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


def _unwritable(root: Json, pointer: str) -> Iterator[Problem]:
    """Yield what no file can have or Python cannot compare; JSON's 1e999 is read as infinity."""
    left: list[tuple[Json, str, int]] = [(root, pointer, 0)]
    while left:
        value, place, depth = left.pop()
        if depth > MAX_DEPTH:
            yield Problem(pointer, f"The value is nested more than {MAX_DEPTH} deep.")
            return
        match value:
            case bool() | None:
                continue
            case int() if abs(value) > 10**300:
                yield Problem(place, "The number is too large.")
            case float() if not math.isfinite(value):
                yield Problem(place, "The number is not finite.")
            case str() if _broken(value):
                yield Problem(place, "The text has half a character (a surrogate).")
            case list():
                left += [(item, f"{place}/{index}", depth + 1) for index, item in reversed(list(enumerate(value)))]
            case dict():
                if any(_broken(key) for key in value):
                    yield Problem(place, "A name in it has half a character (a surrogate).")
                    continue
                left += [(item, f"{place}/{escaped(key)}", depth + 1) for key, item in reversed(value.items())]


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _matches(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if not isinstance(value, str):
        return
    if len(value) > MAX_MATCHED:
        yield ValidationError(f"{MAX_MATCHED:,} characters at most can be matched")
    elif not patterns.matches(pattern, value):
        yield ValidationError("no match")


def _divides(_: Any, step: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    """Tell multiples as they are written: 0.3 is a multiple of 0.1, although the binary numbers are not."""
    if isinstance(value, int | float) and not isinstance(value, bool) and Fraction(repr(value)) % Fraction(repr(step)):
        yield ValidationError("no multiple")


def _differ(_: Any, wanted: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    """Tell doubles by their text: jsonschema compares each with each, which takes minutes for lists of objects."""
    if wanted and isinstance(value, list) and len({_canonical(item) for item in value}) < len(value):
        yield ValidationError("not unique")


def _canonical(value: Json) -> str:
    """Write a value so that equal values (1 and 1.0 are equal in JSON) have one form."""
    if isinstance(value, list):
        return f"[{','.join(map(_canonical, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(key)}:{_canonical(value[key])}' for key in sorted(value))}}}"
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


_Validator = extend(Draft202012Validator, {"pattern": _matches, "multipleOf": _divides, "uniqueItems": _differ})


def _sentence(fault: ValidationError) -> str:
    """Write jsonschema's fault as a sentence that names the value and what is expected."""
    wanted, value = fault.validator_value, shown(fault.instance)
    match fault.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            said = f"{value} is not {' or '.join(_TYPES.get(kind, kind) for kind in kinds)}."
        case "enum":
            said = f"{value} is none of {', '.join(shown(choice) for choice in wanted[:30])}."
        case "format":
            said = f"{value} is not {_FORMATS.get(wanted, f'of the format {wanted}')}."
        case "required":
            names = [name for name in wanted if name not in fault.instance]
            missing = next((name for name in names if repr(name) in fault.message), names[0] if names else "")
            said = f'"{missing}" is missing.'
        case "additionalProperties":
            extra = [name for name in fault.instance if name not in (fault.schema.get("properties") or {})]
            said = f"There is nothing called {', '.join(shown(name) for name in extra[:5])} here."
        case "oneOf" | "anyOf":
            said = _none_fits(fault, value)
        case "pattern" if "at most" in fault.message:
            said = f"It is longer than {MAX_MATCHED:,} characters."
        case keyword:
            said = _BOUNDS.get(str(keyword), "{value} is not what the schema allows.").format(
                wanted=wanted, value=value
            )
    return said


_BOUNDS: Mapping[str, str] = {
    "pattern": "{value} does not match the pattern {wanted}.",
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
