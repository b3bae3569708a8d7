"""Words and numbers as the reader of this run writes them: German or English, by ``contract.LANGUAGE``."""

import math
import os
from collections.abc import Iterable

from nbprocessor import contract

MISSING = "–"
"""What stands in a table where there is no value."""
LONG = 1e15
DIGITS = 15
"""From `LONG` on, and where more decimals would be needed, numbers are written with a power of ten."""


def language() -> str:
    """Return ``de`` or ``en``; German unless the job says otherwise."""
    return "en" if os.environ.get(contract.LANGUAGE, "de").lower().startswith("en") else "de"


def choose(de: str, en: str) -> str:
    """Return the text in the language of this run."""
    return en if language() == "en" else de


def number(value: float | None, digits: int | None = None) -> str:
    """Write ``value`` with ``digits`` decimals, by default as `fitting_digits` has it; groups thousands.

    Very large and very small values are written with four figures and a power of ten.
    """
    if value is None or math.isnan(value):
        return MISSING
    if digits is None:
        digits = fitting_digits([value])
    long = value != 0 and (abs(value) >= LONG or digits > DIGITS)
    written = (f"{value:.3e}" if long else f"{value:,.{min(digits, DIGITS)}f}").replace("-", "−")
    if float(written.replace(",", "").replace("−", "-")) == 0:
        written = written.lstrip("−")
    return written if language() == "en" else written.translate(_GERMAN)


def span(low: float, high: float) -> tuple[str, str]:
    """Write two values with as many decimals as suit both."""
    digits = fitting_digits([low, high])
    return number(low, digits), number(high, digits)


_GERMAN = str.maketrans({",": ".", ".": ","})


def fitting_digits(values: Iterable[float | None]) -> int:
    """Return how many decimals show these values well: none for counts, else three figures of the largest."""
    finite = [abs(value) for value in values if value is not None and math.isfinite(value)]
    if not finite or all(value == int(value) for value in finite):
        return 0
    largest = max(finite)
    return 0 if largest >= 1000 else max(1, 2 - math.floor(math.log10(largest)))


def size(count: int) -> str:
    """Write a number of bytes for people: ``1.5 kB``."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{number(count / 1000, 1)} kB"
    return f"{number(count / 1_000_000, 1)} MB"
