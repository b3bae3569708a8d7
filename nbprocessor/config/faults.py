"""What is wrong with settings, as sentences that name the file or variable, the key and the mend."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nbprocessor.config.section import REFUSED
from nbprocessor.config.settings import Settings
from nbprocessor.config.sources import PLATFORM_VARIABLES, PREFIX
from nbprocessor.errors import SettingsError


def error_of(error: ValidationError, file: Path | None, given: Mapping[str, Mapping[str, Any]]) -> SettingsError:
    """Return the error to raise for what pydantic found.

    Args:
        error: Its findings.
        file: The settings file, if there is one.
        given: Sections of the command line.
    """
    faults = [(_location(fault), fault) for fault in error.errors()]
    sentences = [f"{_place(location, file, given)}: {_sentence(location, fault)}" for location, fault in faults]
    return SettingsError("\n".join(sentences), file=file, key=".".join(faults[0][0]))


def _location(fault: ErrorDetails) -> tuple[str, ...]:
    return tuple(str(part) for part in fault.get("ctx", {}).get("location", fault["loc"]))


def _place(location: Sequence[str], file: Path | None, given: Mapping[str, Mapping[str, Any]]) -> str:
    """Name where the value comes from, in the order in which the sources count."""
    section, key = (*location, "", "")[:2]
    variable = f"{PREFIX}{section}__{key}".upper()
    if key in given.get(section, {}):
        return "command line"
    if variable in os.environ:
        return f"environment variable {variable}"
    for name, target in PLATFORM_VARIABLES.items():
        if target == (section, key) and os.environ.get(name):
            return f"environment variable {name}"
    return str(file or "settings")


# What pydantic's types of faults ask for, in words.
_WANTED: Mapping[str, str] = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": "a section with keys",
    "path_type": "a path",
    "string_type": "a text (quote it if it looks like a number)",
    "tuple_type": "a list",
}


def _sentence(location: Sequence[str], fault: ErrorDetails) -> str:
    key = ".".join(location)
    if fault["type"] == REFUSED:
        return fault["msg"]
    if fault["type"] == "extra_forbidden":
        return f"there is no setting {key}; known here: {', '.join(sorted(_known_keys(location)))}."
    wanted = _WANTED.get(fault["type"])
    if key == "auth.client_secret":  # the value may be one that only has the wrong form
        return f"{key} has to be {(wanted or 'something else').format(**fault.get('ctx', {}))}."
    if wanted is None:
        return f"{key} is {fault['input']!r}: {fault['msg']}."
    return f"{key} is {fault['input']!r}; it has to be {wanted.format(**fault.get('ctx', {}))}."


def _known_keys(location: Sequence[str]) -> set[str]:
    section = Settings.model_fields.get(location[0]) if len(location) > 1 else None
    return set(type(section.default).model_fields) if section is not None else set(Settings.model_fields)
