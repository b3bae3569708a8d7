"""The domain's types, all frozen: Process, Job, Schedule, Manifest and their parts, a module each."""

from typing import Any

Json = Any
"""What ``json.loads`` returns."""


class _Absent:
    """Marks a value that is not there, where ``None`` would be a value."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Any = _Absent()
