"""Numbers, durations, sizes and times as people read them."""

from datetime import UTC, datetime
from math import ceil

_KILO = 1000


def number(value: float, language: str) -> str:
    """Write a number with the language's separators, at most six significant decimals."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text


def size(count: int, language: str = "en") -> str:
    """Write a number of bytes: ``1.5 kB``."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= _KILO and len(units) > 1:
        amount, units = amount / _KILO, units[1:]
    text = f"{amount:.0f}" if units[0] == "B" else f"{amount:.1f}"
    return f"{text.replace('.', ',') if language == 'de' else text} {units[0]}"


def duration(seconds: float, language: str = "en") -> str:
    """Write seconds: ``< 0.1 s``, ``0.4 s``, ``75 s`` as ``1 min 15 s``, ``2 h 5 min``."""
    if seconds < 10:
        text = f"{seconds:.1f}" if seconds >= 0.05 else "< 0.1"
        return f"{text.replace('.', ',') if language == 'de' else text} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def about(seconds: float) -> str:
    """Write an estimate no finer than it is: ``4 s``, ``40 s``, ``3 min``, ``2 h``; never less than is left.

    ``job.js`` writes it alike as time goes by.
    """
    if seconds > 5400:
        return f"{ceil(seconds / 3600)} h"
    if seconds > 90:
        return f"{ceil(seconds / 60)} min"
    return f"{ceil(seconds / 5) * 5 if seconds > 10 else max(1, ceil(seconds))} s"


def instant(text: object) -> datetime | None:
    """Read an RFC 3339 time; None when it is none."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def moment(time: datetime, language: str) -> str:
    """Write a time in UTC; the browser's script turns it into the reader's own zone."""
    here = time.astimezone(UTC)
    return here.strftime("%d.%m.%Y, %H:%M:%S UTC" if language == "de" else "%Y-%m-%d %H:%M:%S UTC")
