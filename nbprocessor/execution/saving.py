"""The executed notebook on disk: viewable while it runs, whole or not at all, at a small share of the time."""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io

SHARE = 0.05
"""Part of the run's time that saving may take; papermill writes and validates the whole notebook twice per cell."""
INTERVAL = 0.5
"""Seconds between two saves at least; nobody reads faster."""


class AtomicFiles(LocalHandler):  # type: ignore[misc]  # papermill has no annotations
    """papermill's reader and writer of local files, with files that are replaced as a whole."""

    def write(self, buf: str, path: str) -> None:
        """Write a file beside its place and move it there."""
        place = Path(self._cwd or ".", path)
        part = place.with_name(f".{place.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(buf)
                file.flush()
                os.fsync(file.fileno())
            part.replace(place)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


class SavingManager(NotebookExecutionManager):  # type: ignore[misc]  # papermill has no annotations
    """papermill's keeper of cell states, which saves as often as it can afford to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._began = time.monotonic()
        self._spent = 0.0
        self._cost = 0.0
        self._saved = 0.0
        self._planned: asyncio.TimerHandle | None = None
        super().__init__(*args, **kwargs)

    def save(self, **_: Any) -> None:
        """Save now if that is affordable, else as soon as it is; called at every change of a cell's state."""
        if self._planned is not None or not self.output_path:
            return
        delay = self._delay()
        loop = _running_loop()
        if delay <= 0 or loop is None:
            self.flush_partial()
        else:
            self._planned = loop.call_later(delay, self.flush_partial)

    def autosave_cell(self) -> None:
        """Save inside a cell; called at every message of the kernel."""
        if self.autosave_cell_every:
            self.save()

    def flush_partial(self) -> None:
        """Save now; on a full disk the notebook runs on, only its last save has to succeed."""
        with contextlib.suppress(OSError):
            self.flush()

    def flush(self) -> None:
        """Save now, whatever it costs."""
        self.forget_plan()
        if not self.output_path:
            return
        began = time.monotonic()
        # Without nbformat's validation: the final file is validated by papermill, which writes it.
        papermill_io.write(nbformat.v4.writes(self.nb), self.output_path)
        self.last_save_time = self.now()
        self._saved = time.monotonic()
        self._cost = self._saved - began
        self._spent += self._cost

    def notebook_complete(self, **kwargs: Any) -> None:
        """Finish the notebook's metadata and save it."""
        super().notebook_complete(**kwargs)
        self.flush()

    def forget_plan(self) -> None:
        """Cancel the save that waits for its time."""
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None

    def _delay(self) -> float:
        """Return how many seconds from now a save is affordable."""
        affordable = self._began + (self._spent + self._cost) / SHARE
        return max(affordable, self._saved + INTERVAL) - time.monotonic()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
