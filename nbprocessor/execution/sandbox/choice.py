"""What may seal runs, the strongest first, as the setting has it."""

from collections.abc import Sequence
from pathlib import Path

from nbprocessor.config import Settings
from nbprocessor.execution.sandbox.isolation import Isolation, NoIsolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation

AUTO = "auto"


def isolations(settings: Settings) -> Sequence[Isolation]:
    """Return what is tried, in that order."""
    source = Path(settings.data.source)
    known: Sequence[Isolation] = (
        BubblewrapIsolation(settings.results.folder, source if source.is_dir() else None),
        NoIsolation(settings.results.folder),
    )
    wanted = settings.execution.isolation
    return [isolation for isolation in known if wanted in {AUTO, isolation.name}]
