"""Values a client sends for a process's inputs: read in every form the standard has, validated, completed, typed.

Source: OGC 18-062r2, 7.11.2.4 and inlineOrRefData.yaml: a value stands for itself, as ``{"value": …}`` with its media
type beside it, or as a link.
"""

import base64
import binascii
import difflib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from nbprocessor.errors import InvalidRequest, Problem
from nbprocessor.model import ABSENT, Json
from nbprocessor.model.process import Input, Process
from nbprocessor.notebook import schemas, validation

QUALIFIED = frozenset({"value", "mediaType", "encoding", "schema", "format"})
"""Members of qualifiedInputValue.yaml; the standard's format.yaml also stands nested under ``format``."""
LINK = frozenset({"href", "rel", "type", "hreflang", "title", "length", "format"})
"""Members of link.yaml, and the format that version 1.0 of the standard has beside them in its examples."""
_EXACT = 2**53
"""Below it every whole number is a float of its own."""
_BINARY = frozenset({"binary", "base64"})


def complete(process: Process, given: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values of all inputs, as plain JSON or links, complete with defaults.

    What comes back can be sent again and gives the same.

    Args:
        process: Whose inputs they are.
        given: The ``inputs`` member of an execute request.

    Raises:
        InvalidRequest: Names every fault; pointers begin with ``/inputs``.
    """
    faults: list[Problem] = [_unknown(process, name) for name in given if name not in process.inputs]
    values: dict[str, Json] = {}
    for name, declared in process.inputs.items():
        pointer = f"/inputs/{validation.escaped(name)}"
        if name in given:
            reading = _read(declared, given[name], pointer)
            faults += reading.problems
            values[name] = reading.value
        elif declared.default is not ABSENT:
            values[name] = deepcopy(declared.default)
        elif declared.min_occurs > 0:
            faults.append(Problem("/inputs", f'The input "{name}" is missing.'))
        else:
            values[name] = None
    if faults:
        raise InvalidRequest(faults)
    return values


def problems(process: Process, values: Mapping[str, Json]) -> list[Problem]:
    """Return what is wrong with complete values whose links have been replaced by content."""
    return [
        problem
        for name, value in values.items()
        if value is not None or process.inputs[name].min_occurs > 0
        for problem in _read(process.inputs[name], value, f"/inputs/{validation.escaped(name)}").problems
    ]


def typed(process: Process, values: Mapping[str, Json]) -> dict[str, Any]:
    """Return complete values as the notebook wants them: dates as dates, all else as JSON has it."""
    return {name: _typed(value, process.inputs[name].injected_as) for name, value in values.items()}


def is_link(value: Json) -> bool:
    """Tell whether a value is a link (OGC 18-062r2, link.yaml)."""
    return isinstance(value, Mapping) and isinstance(value.get("href"), str) and set(value) <= LINK


@dataclass(frozen=True, slots=True)
class _Reading:
    """A value as it is kept, and what is wrong with it."""

    value: Json
    problems: list[Problem] = field(default_factory=list)


def _read(declared: Input, given: Json, pointer: str) -> _Reading:
    if declared.max_occurs == 1:
        return _one(declared, given, pointer)
    # One value may stand for the list of it.
    single = not isinstance(given, list)
    items = [given] if single else given
    readings = [_one(declared, item, pointer if single else f"{pointer}/{i}") for i, item in enumerate(items)]
    faults = [problem for reading in readings for problem in reading.problems]
    if len(items) < declared.min_occurs:
        faults.append(Problem(pointer, f"It needs {declared.min_occurs} values at least, and has {len(items)}."))
    if declared.max_occurs != "unbounded" and len(items) > declared.max_occurs:
        faults.append(Problem(pointer, f"It takes {declared.max_occurs} values at most, and has {len(items)}."))
    return _Reading([reading.value for reading in readings], faults)


def _one(declared: Input, given: Json, pointer: str) -> _Reading:
    if given is None and declared.min_occurs == 0 and declared.default in (ABSENT, None):
        return _Reading(None)
    if is_link(given) and "href" not in (declared.schema.get("properties") or {}):
        return _Reading(dict(given), _link_problems(declared, given, pointer))
    if not (isinstance(given, Mapping) and "value" in given):
        return _Reading(_whole(declared.schema, given), _value_problems(declared, given, pointer))
    qualified = _qualified(declared, given, pointer)
    # An object may have a member called value itself: it counts as it stands if it is right as it stands.
    if qualified.problems and not _value_problems(declared, given, pointer):
        return _Reading(_whole(declared.schema, given))
    return qualified


def _qualified(declared: Input, given: Mapping[str, Json], pointer: str) -> _Reading:
    """Read ``{"value": …, "mediaType": …, "encoding": …}``, the last two also under ``format``."""
    faults = [
        Problem(f"{pointer}/{validation.escaped(name)}", f'A value has no member "{name}".', _known(QUALIFIED))
        for name in given
        if name not in QUALIFIED
    ]
    nested = given.get("format")
    places = [(given, pointer)] + ([(nested, f"{pointer}/format")] if isinstance(nested, Mapping) else [])
    for description, place in places:
        faults += _media_type_problems(declared, description.get("mediaType"), f"{place}/mediaType")
    value = given["value"]
    return _Reading(_whole(declared.schema, value), faults + _value_problems(declared, value, f"{pointer}/value"))


def _whole(schema: Mapping[str, Json], value: Json) -> Json:
    """Write 3.0 as 3 where a whole number is wanted: to JSON they are the same, to a notebook they are not."""
    if isinstance(value, float):
        wanted = schemas.types(schema)
        is_whole = value.is_integer() and abs(value) < _EXACT
        return int(value) if is_whole and "integer" in wanted and "number" not in wanted else value
    parts = schema.get("items") if isinstance(value, list) else schema.get("properties")
    if isinstance(value, list) and isinstance(parts, Mapping):
        return [_whole(parts, item) for item in value]
    if isinstance(value, dict) and isinstance(parts, Mapping):
        return {name: _whole(parts.get(name) or {}, item) for name, item in value.items()}
    return value


def _value_problems(declared: Input, value: Json, pointer: str) -> list[Problem]:
    found = validation.problems_of(declared.schema, value, pointer)
    if found or not isinstance(value, str) or declared.schema.get("contentEncoding") not in _BINARY:
        return found
    try:
        base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return [Problem(pointer, f"{validation.shown(value)} is not base64.", "Encode the bytes as base64 (RFC 4648).")]
    return []


def _media_type_problems(declared: Input, named: Json, pointer: str) -> list[Problem]:
    wanted = declared.schema.get("contentMediaType")
    if named is None or wanted is None:
        return []
    if isinstance(named, str) and _plain(named) == _plain(wanted):
        return []
    return [Problem(pointer, f"{validation.shown(named)} is not taken here.", f'Send "{wanted}".')]


def _link_problems(declared: Input, link: Mapping[str, Json], pointer: str) -> list[Problem]:
    """Links are fetched when the job starts; what can be told without the network is told now."""
    described = link.get("format")
    faults = _media_type_problems(declared, link.get("type"), f"{pointer}/type")
    if isinstance(described, Mapping):
        faults += _media_type_problems(declared, described.get("mediaType"), f"{pointer}/format/mediaType")
    if not link["href"].lower().startswith(("http://", "https://")):
        shown = validation.shown(link["href"])
        faults.append(Problem(f"{pointer}/href", f"{shown} is no address that is fetched here.", "Use http or https."))
    return faults


def _unknown(process: Process, name: str) -> Problem:
    near = difflib.get_close_matches(name, process.inputs, n=1)
    mend = f'Did you mean "{near[0]}"?' if near else _known(process.inputs)
    return Problem(f"/inputs/{validation.escaped(name)}", f"The process has no input {validation.shown(name)}.", mend)


def _known(names: Any) -> str:
    return f"Known: {', '.join(sorted(names)) or 'none'}."


def _typed(value: Json, kind: str) -> Any:
    if not kind:
        return value
    if isinstance(value, str):
        return date.fromisoformat(value) if kind == "date" else datetime.fromisoformat(value.upper())
    if isinstance(value, list):
        return [_typed(item, kind) for item in value]
    return value


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
