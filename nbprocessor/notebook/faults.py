"""Faults in what stands under ``process:``, as sentences for authors, in place of pydantic's for programmers."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nbprocessor.notebook.declaration import InputBlock, LimitsBlock, OutputBlock, ProcessBlock

_WANTED: Mapping[str, str] = {
    "bool_type": "true or false",
    "dict_type": "a map (key: value)",
    "enum": "one of {expected}",
    "float_type": "a number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list ([a, b])",
    "literal_error": "{expected}",
    "model_type": "a map (key: value)",
    "string_type": "a text; put it in quotes",
    "too_short": "a list that is not empty",
    "string_too_short": "a text that is not empty",
}
_PATTERNS: Mapping[str, str] = {
    "id": "letters, digits, . _ and -, beginning with a letter",
    "version": 'a version such as "1.0.0"',
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong under ``process:``."""

    path: tuple[str | int, ...]
    sentence: str
    mend: str = ""


def validated(process: dict[str, Any]) -> tuple[ProcessBlock, list[Fault]]:
    """Return what is right of a map as the process it declares, and what is wrong with the rest.

    An author sees every fault at once, those that are found in what is right included.
    """
    try:
        return ProcessBlock.model_validate(process), []
    except ValidationError as fault:
        found = fault.errors(include_url=False)
    faults: dict[tuple[str | int, ...], Fault] = {}
    for details in found:
        path = _path(details["loc"])
        # Of the forms of a union, the first says something.
        faults.setdefault(path, _fault(path, details))
    return _without(process, found), list(faults.values())


def _fault(path: tuple[str | int, ...], details: ErrorDetails) -> Fault:
    name = ".".join(["process", *(str(part) for part in path)])
    if details["type"] == "extra_forbidden":
        known = _known(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
        mend = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
        return Fault(path, f"There is no key {name}.", mend)
    if details["type"] == "value_error":
        return Fault(path, f"{name}: {details['ctx']['error']}.")
    if details["type"] == "string_pattern_mismatch":
        wanted = _PATTERNS.get(str(path[-1]), "letters, digits, _ and -")
    else:
        wanted = _WANTED.get(details["type"], "").format(**details.get("ctx", {})) or details["msg"]
    return Fault(path, f"{name} is {_shown(details['input'])}; it has to be {wanted}.")


def _path(location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Return a fault's path without what pydantic adds for keys and the forms of a union."""
    kept = [part for part in location if not (isinstance(part, str) and (part == "[key]" or "[" in part))]
    while kept and kept[-1] in {"int", "str", "constrained-int", "constrained-str", "unbounded", "bool", "float"}:
        kept.pop()
    return tuple(kept)


def _known(path: Sequence[str | int]) -> list[str]:
    """Return the keys a map of the front matter may have."""
    blocks: Mapping[str, type[BaseModel]] = {"inputs": InputBlock, "outputs": OutputBlock, "limits": LimitsBlock}
    model = blocks.get(str(path[0]), ProcessBlock) if path else ProcessBlock
    return [info.alias or name for name, info in model.model_fields.items()]


def _without(process: dict[str, Any], faults: Sequence[ErrorDetails]) -> ProcessBlock:
    """Return what is left of ``process`` when the faulty parts are taken out."""
    tops = {_path(fault["loc"])[:1] for fault in faults}
    kept = {key: value for key, value in process.items() if (key,) not in tops}
    for part in ("inputs", "outputs"):
        declared = process.get(part)
        if (part,) in tops and isinstance(declared, dict):
            wrong = {_path(fault["loc"])[1:2] for fault in faults if _path(fault["loc"])[:1] == (part,)}
            if () not in wrong:
                kept[part] = {key: {} if (key,) in wrong else value for key, value in declared.items()}
    try:
        return ProcessBlock.model_validate(kept)
    except ValidationError:
        return ProcessBlock()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
