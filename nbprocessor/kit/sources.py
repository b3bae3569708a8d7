"""How a notebook opens the source of its data: the invented city, a folder, or a Data Management API."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from nbprocessor import contract
from nbprocessor.errors import DataError
from nbprocessor.kit import demo_city, entries
from nbprocessor.kit.folder import FolderSource
from nbprocessor.kit.source import Source

DEMO = "demo"


def open_source(where: str | Path | None = None, *, summary_for: Sequence[str] = ()) -> Source:
    """Open the source of this run; what every process notebook calls first.

    Args:
        where: ``demo`` for the invented city, a folder, or the URL of a Data Management API. By default what the job
            says (``NBPROCESSOR_SOURCE``); ``demo`` when nothing is said, as in JupyterLab. What is written to the
            city goes where the job says (``NBPROCESSOR_SOURCE_WRITES``), else it is kept as long as the source.
        summary_for: ids of the target spatial units. If an indicator or georesource cannot be had, which ends the run,
            a job summary that says so is handed over before.

    Raises:
        DataError: there is no such folder, or the address is neither a folder nor a URL.
    """
    source = _open(str(where or os.environ.get(contract.SOURCE) or DEMO))
    if summary_for:
        source.on_failure = lambda kind, wanted, fault: entries.hand_over_failure(
            summary_for[0], "INDICATOR" if kind == "indicator" else "GEORESOURCE", wanted, fault
        )
    return source


def _open(place: str) -> Source:
    if place.startswith(("http://", "https://")):
        from nbprocessor.kit.datamanagement import DataManagement  # noqa: PLC0415 - only who has a URL waits for HTTP

        return DataManagement(place)
    writes = os.environ.get(contract.SOURCE_WRITES)
    if place == DEMO:
        return FolderSource(demo_city.FOLDER, writes=Path(writes)) if writes else _demo_for_trying()
    if not Path(place).is_dir():
        raise DataError(
            f'There is no folder "{place}"; a source is "{DEMO}", a folder, or a URL beginning with http.',
            resource=place,
        )
    return FolderSource(Path(place), writes=Path(writes) if writes else None)


def _demo_for_trying() -> Source:
    """Return the invented city; what is written to it is gone with the source, so a notebook can be run again."""
    writes = tempfile.mkdtemp(prefix="nbprocessor-")
    source = FolderSource(demo_city.FOLDER, writes=Path(writes))
    weakref.finalize(source, shutil.rmtree, writes, ignore_errors=True)
    return source
