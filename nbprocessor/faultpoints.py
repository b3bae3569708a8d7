"""Fail points: named places at which a test ends this process as ``kill -9`` would.

Armed only where the environment names a point when the program starts: ``NBPROCESSOR_FAULT=claimed`` ends it at the
first claim of a job, ``claimed:3`` at the third. Else a point that is passed costs a look at a name that is None.
"""

import os

from nbprocessor.errors import SettingsError

VARIABLE = "NBPROCESSOR_FAULT"
EXIT_CODE = 137
"""What a shell tells of a process that was ended by ``kill -9``."""
POINTS = frozenset({
    "file-written", "file-synced", "file-renamed",  # of manifest, inputs, ...: a file on its way to its place
    "folder-marked", "folder-half", "folder-made", "row-added", "row-acknowledged",  # a job is accepted
    "claimed", "run-prepared", "run-started", "data-written", "run-ended",
    "end-found", "manifest-written", "end-committed",  # its end is recorded
    "requeued", "callback-claimed", "callback-sent", "notice-claimed", "notice-sent",
    "fires-prepared", "fires-stored",  # the jobs of what is due are made
    "folder-leaving", "swept", "job-adopted", "lost-recorded", "jobs-rebuilt",
})  # fmt: skip


class _Armed:
    """The point at which this process ends, and how often it may still be passed."""

    def __init__(self, name: str, passes: int) -> None:
        self.name = name
        self.passes = passes


_armed: _Armed | None = None


def arm(value: str) -> None:
    """Arm the point that ``name`` or ``name:n`` names; an empty text disarms.

    Raises:
        SettingsError: There is no such point.
    """
    global _armed  # noqa: PLW0603  # of the process as a whole: it is the process that ends
    name, _, number = value.partition(":")
    if not value:
        _armed = None
    elif name not in POINTS or not (number or "1").isdigit() or number == "0":
        known = ", ".join(sorted(POINTS))
        raise SettingsError(f"environment variable {VARIABLE}: {value!r} is no fail point; known: {known}.")
    else:
        _armed = _Armed(name, int(number or 1))


def passed(name: str) -> None:
    """End this process at once if the point is the one that is armed."""
    if _armed is not None and _armed.name == name:
        _armed.passes -= 1
        if _armed.passes == 0:
            os._exit(EXIT_CODE)
