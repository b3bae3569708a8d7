"""What may seal runs, the strongest first, as the setting has it."""

from collections.abc import Sequence
from pathlib import Path

from nbprocessor.config import Settings
from nbprocessor.execution.cgroups import Groups
from nbprocessor.execution.sandbox.isolation import Isolation, NoIsolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation, UserIsolation

AUTO = "auto"


def isolations(settings: Settings) -> Sequence[Isolation]:
    """Return what is tried, in that order."""
    source, groups = Path(settings.data.source), Groups.found()
    places = settings.results.folder, source if source.is_dir() else None, groups
    known: Sequence[Isolation] = (
        BubblewrapIsolation(*places),
        UserIsolation(*places),
        NoIsolation(settings.results.folder, groups),
    )
    wanted = settings.execution.isolation
    return [isolation for isolation in known if wanted in {AUTO, isolation.name}]
