"""One row of the table that `make bench` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, beside what it is compared with in the same run."""

    what: str
    """Such as ``GET /jobs?limit=10, 100,000 jobs``."""
    value: float
    unit: str
    compared_with: str = ""
    """Such as ``100 jobs`` or ``TinyDB manager of pygeoapi``."""
    reference: float | None = None
    """Value of what it is compared with, in the same unit."""
    at_most: float | None = None
    """Promised bound of ``value / reference`` (of ``value`` without a reference); None: for information."""

    @property
    def ratio(self) -> float | None:
        """How many times the reference it is."""
        return self.value / self.reference if self.reference else None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        if self.at_most is None:
            return True
        return (self.value if self.ratio is None else self.ratio) <= self.at_most
