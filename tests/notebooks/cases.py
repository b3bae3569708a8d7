"""Case files: what a process is given, and what has to come out, worked out by hand.

``<process id>.yml`` beside this file::

    tolerance: 1e-12            # relative; of values worked out exactly, the rounding of 64-bit numbers
    town: …                     # the data, see tests/unit/kit/towns.py
    runs:
      - inputs: …               # of one run
        cases:
          - name: a sentence    # what the case shows
            area: A             # of the spatial unit "teile", or of the one named by unit:
            values: {2020-12-31: 100 * (6 + 363) / 508, 2021-12-31: null}
            errors: [processingError divisor 2020-12-31]    # type, dataset, dates
        errors: [missingTimestamp dividend 2019-12-31]      # entries about a spatial unit as a whole

An expected value is a number, or the arithmetic that leads to it, so that a reader can follow it. Of an area without
``values`` nothing is written. A run without cases writes nothing at all. What no case names must not come out.
"""

import ast
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent
UNIT = "teile"
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Case:
    """What has to come out for one area."""

    name: str
    unit: str
    area: str
    values: Mapping[str, float | None]
    errors: Sequence[tuple[str, ...]]
    """Type, dataset, and dates of each entry of the summary that names this area."""


@dataclass(frozen=True)
class Run:
    """One run of a process: inputs, and what has to come out."""

    process: str
    number: int
    inputs: Mapping[str, Any]
    town: Mapping[str, Any]
    tolerance: float
    cases: Sequence[Case]
    errors: Sequence[tuple[str, ...]]
    """Type, dataset and dates of each entry that is about a spatial unit as a whole."""
    outputs: Mapping[str, Any]
    """Of processes with outputs of their own: what is in them."""

    def __str__(self) -> str:
        return f"{self.process}-{self.number}"


def of(process: str) -> list[Run]:
    """Return the runs of a process's case file; none when there is no such file."""
    path = FOLDER / f"{process}.yml"
    if not path.is_file():
        return []
    document = _plain(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))
    return [
        Run(
            process=process,
            number=number,
            inputs=run["inputs"],
            town=document.get("town", {}),
            tolerance=float(document.get("tolerance", 0)),
            cases=[_case(case) for case in run.get("cases", ())],
            errors=[tuple(error.split()) for error in run.get("errors", ())],
            outputs=run.get("outputs", {}),
        )
        for number, run in enumerate(document["runs"], start=1)
    ]


def number(expected: Any) -> float | None:
    """Return the value of an expectation: a number, its arithmetic, or None for a gap."""
    if expected is None or isinstance(expected, int | float):
        return expected
    return _value(ast.parse(expected, mode="eval").body)


def _case(case: Mapping[str, Any]) -> Case:
    values = {day: number(expected) for day, expected in case.get("values", {}).items()}
    errors = [tuple(error.split()) for error in case.get("errors", ())]
    return Case(case["name"], case.get("unit", UNIT), str(case["area"]), values, errors)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left), _value(right))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return math.sqrt(_value(argument))
    raise ValueError(f"no arithmetic: {ast.unparse(node)}")


def _plain(value: Any) -> Any:
    """Return what YAML read with dates as ISO text, in keys too."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
