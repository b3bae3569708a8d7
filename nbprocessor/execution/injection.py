"""Inputs as papermill injects them: dates are dates in the notebook and ISO strings in its metadata."""

import keyword
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from papermill.translators import PythonTranslator, papermill_translators

MODULE = "_datetime"
"""What the injected cell calls the datetime module; a notebook's own ``datetime`` stays what it is."""


class Moment(str):
    """A date or a time: an ISO 8601 string for JSON and other languages, a value of its type for Python."""

    __slots__ = ("type",)
    type: str

    def __new__(cls, text: str, type: str) -> "Moment":
        """Keep the text and the name of its type in the datetime module."""
        moment = super().__new__(cls, text)
        moment.type = type
        return moment

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # copies need the type, too
        return str(self), self.type

    @classmethod
    def of(cls, value: date) -> "Moment":
        """Return the moment for a date or a datetime (which is a date, too)."""
        return cls(value.isoformat(), "datetime" if isinstance(value, datetime) else "date")


class DatedPythonTranslator(PythonTranslator):  # type: ignore[misc]  # papermill has no annotations
    """papermill's translator for Python, with dates."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Write a string, or a moment, as a Python expression."""
        written: str = super().translate_str(val)
        return f"{MODULE}.{val.type}.fromisoformat({written})" if isinstance(val, Moment) else written

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        """Write the injected cell; it imports what its values need."""
        code: str = super().codify(parameters, comment)
        if not any(_has_moment(value) for value in parameters.values()):
            return code
        first, _, rest = code.partition("\n")
        return f"{first}\nimport datetime as {MODULE}\n\n{rest}"


def injectable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` as papermill may have them: moments marked, names proved to be names.

    papermill writes names into code as they are, so a name that is no identifier would be code.

    Raises:
        ValueError: A name is no identifier, a keyword, or reserved for Python itself.
    """
    for name in values:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            raise ValueError(f"an input cannot be injected as {name!r}: it is no variable name")
    return {name: _marked(value) for name, value in values.items()}


def register() -> None:
    """Let papermill write Python parameters with dates, in this process."""
    papermill_translators.register("python", DatedPythonTranslator)


def _marked(value: Any) -> Any:
    if isinstance(value, date):
        return Moment.of(value)
    if isinstance(value, Mapping):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return value


def _has_moment(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_moment(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_moment(item) for item in value)
    return isinstance(value, Moment)
