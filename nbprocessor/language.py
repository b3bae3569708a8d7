"""Texts in German and English: a text is a string, or a map from language to string."""

from collections.abc import Mapping, Sequence
from typing import Any

LANGUAGES: tuple[str, ...] = ("de", "en")
"""Languages of the platform; the first is the default of a server without settings."""

Text = str | Mapping[str, str]


def text(value: Text | None, language: str) -> str:
    """Return ``value`` in ``language``, else in the first language it has, else the empty string."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return value.get(language) or next((v for v in value.values() if v), "")


def is_language_map(value: object) -> bool:
    """Tell whether ``value`` is a text in several languages: a non-empty map with only language codes as keys."""
    return isinstance(value, Mapping) and bool(value) and all(key in LANGUAGES for key in value)


VALUES = frozenset({"schema", "example", "default"})
"""Members of a process description that hold values and no texts: two properties called de and en are no text."""


def localise(value: Any, language: str) -> Any:
    """Return a copy of a process description, or a part of one, with every text in ``language``."""
    if is_language_map(value):
        return text(value, language)
    if isinstance(value, Mapping):
        return {key: item if key in VALUES else localise(item, language) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [localise(item, language) for item in value]
    return value
