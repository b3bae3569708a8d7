"""Limits in words, as failure messages have them."""

_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float) -> str:
    """Say a duration in its largest whole unit: 600 → ``10 min``, 90 → ``90 s``, 0.5 → ``0.5 s``."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:g} s"
