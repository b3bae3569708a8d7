"""Conditions on properties of features: KomMonitor's filter with its operators.

=============================  ===========================================================================
operator                       holds when the property
=============================  ===========================================================================
``Equal``, ``Unequal``         is, or is not, the value: as numbers if both are, else as exactly that text
``Greater_than``, ``…_or_equal``  is a number greater than the value (or equal)
``Less_than``, ``…_or_equal``  is a number less than the value (or equal)
``Range``                      is a number ``x`` with ``a ≤ x < b``, the value being ``a-b``
``Contains``                   is one of the values between commas
=============================  ===========================================================================

A feature without the property, or with nothing in it, satisfies no condition, ``Unequal`` included.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nbprocessor.kit import wording
from nbprocessor.kit.resources import Georesource

Array = np.ndarray
_ORDER: Mapping[str, Callable[[Any, float], Any]] = {
    "Greater_than": operator.gt,
    "Greater_than_or_equal": operator.ge,
    "Less_than": operator.lt,
    "Less_than_or_equal": operator.le,
}
OPERATORS = ("Equal", "Unequal", *_ORDER, "Range", "Contains")
_NONE = ("", "None")
"""Operators that mean: no condition."""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*")


@dataclass(frozen=True)
class Condition:
    """A condition on one property; without an operator every feature satisfies it."""

    prop: str = ""
    operator: str = ""
    value: str = ""

    def __str__(self) -> str:
        if not self.operator:
            return wording.choose("alle Objekte", "all features")
        return f"{self.prop} {_SIGNS.get(self.operator, self.operator)} {self.value}"

    def applies(self, features: pd.DataFrame) -> bool:
        """Tell whether some feature has the property, or none needs it; without features there is nothing to tell."""
        return (
            not self.operator or features.empty or (self.prop in features and bool(features[self.prop].notna().any()))
        )

    def holds(self, features: pd.DataFrame) -> Array:
        """Return which features satisfy the condition: bool, in their order."""
        if not self.operator:
            return np.ones(len(features), dtype=bool)
        if self.prop not in features.columns:
            return np.zeros(len(features), dtype=bool)
        values = features[self.prop]
        texts, numbers = texts_of(values), numbers_of(values)
        holds: Array = _decide(self.operator, self.value, texts, numbers) & (texts != "")
        return holds


EVERYTHING = Condition()
"""What every feature satisfies."""
_SIGNS = {
    "Equal": "=",
    "Unequal": "≠",
    "Greater_than": ">",
    "Greater_than_or_equal": "≥",
    "Less_than": "<",
    "Less_than_or_equal": "≤",
    "Range": "∈",
    "Contains": "∈",
}


def condition(
    comp_filter: Mapping[str, Any] | None = None,
    prop: str | None = None,
    operator: str | None = None,
    value: Any = None,
    *,
    of: Georesource | None = None,
    required: bool = False,
) -> Condition:
    """Return the condition of a process's inputs.

    Args:
        comp_filter: ``{"compFilterProp": …, "compFilterOperator": …, "compFilterPropVal": …}``.
        prop: the same by itself, as older clients send it; used when ``comp_filter`` names no operator.
        operator: likewise.
        value: likewise; text, number or bool.
        of: the georesource whose features it is for; named in the job summary when the condition ends the run.
        required: whether there has to be an operator.

    Raises:
        ValueError: the operator is unknown, or the value does not suit it, or there is none.
    """
    try:
        return _read(comp_filter, prop, operator, value, required=required)
    except ValueError as fault:
        if of is not None:
            of.source.tell("georesource", of.id, fault)
        raise


def _read(
    comp_filter: Mapping[str, Any] | None, prop: str | None, operator: str | None, value: Any, *, required: bool
) -> Condition:
    given = comp_filter or {}
    if (given.get("compFilterOperator") or "") in _NONE:
        given = {"compFilterProp": prop, "compFilterOperator": operator, "compFilterPropVal": value}
    chosen = given.get("compFilterOperator") or ""
    if chosen in _NONE and required:
        inputs = "comp_filter, or compFilterProp, compFilterOperator and compFilterPropVal"
        raise ValueError(f"there is no filter, and without one there is nothing to compute ({inputs})")
    if chosen in _NONE:
        return EVERYTHING
    found = Condition(str(given.get("compFilterProp") or ""), str(chosen), _text(given.get("compFilterPropVal")))
    _check(found)
    return found


def texts_of(values: pd.Series) -> Array:
    """Return values as text without blanks around; missing ones as empty text."""
    return np.array([_text(value) for value in values.tolist()], dtype=object)


def numbers_of(values: pd.Series) -> Array:
    """Return values as float64; NaN where one is missing, no number or not finite."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy("float64", na_value=math.nan)
    else:
        numbers = np.array([_number(_text(value)) for value in values.tolist()], dtype="float64")
    return np.where(np.isfinite(numbers), numbers, math.nan)


def _decide(chosen: str, value: str, texts: Array, numbers: Array) -> Array:
    if chosen in _ORDER:
        with np.errstate(invalid="ignore"):
            return np.asarray(_ORDER[chosen](numbers, _number(value)))
    if chosen == "Range":
        low, high = _bounds(value)
        return (numbers >= low) & (numbers < high)
    if chosen == "Contains":
        wanted = [part.strip() for part in value.split(",")]
        return np.any([_equal(part, texts, numbers) for part in wanted if part], axis=0)
    equal = _equal(value, texts, numbers)
    return equal if chosen == "Equal" else ~equal


def _equal(value: str, texts: Array, numbers: Array) -> Array:
    """Compare as numbers where both sides are numbers, else as text."""
    number = _number(value)
    as_text = np.asarray(texts == value, dtype=bool)
    return as_text if math.isnan(number) else np.where(np.isnan(numbers), as_text, numbers == number)


def _check(found: Condition) -> None:
    if found.operator not in OPERATORS:
        known = ", ".join(OPERATORS)
        raise ValueError(f'the filter\'s operator "{found.operator}" is unknown; it is one of {known}')
    if not found.prop:
        raise ValueError("the filter has an operator, but names no property (compFilterProp)")
    if found.operator in _ORDER and math.isnan(_number(found.value)):
        raise ValueError(f'the filter compares with "{found.value}", which is no number (compFilterPropVal)')
    if found.operator == "Range":
        _bounds(found.value)
    if found.operator == "Contains" and not any(part.strip() for part in found.value.split(",")):
        raise ValueError("the filter names no values (compFilterPropVal)")


def _bounds(value: str) -> tuple[float, float]:
    match = _RANGE.fullmatch(value)
    if match is None:
        raise ValueError(f'the filter\'s range "{value}" cannot be read; write it as 10-20 (10 ≤ x < 20)')
    return float(match[1]), float(match[2])


def _text(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _number(text: str) -> float:
    return float(text) if re.fullmatch(_NUMBER, text) else math.nan
