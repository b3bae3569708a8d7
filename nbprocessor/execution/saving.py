"""The executed notebook on disk: viewable while it runs, whole or not at all, at a small share of the time."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io
from papermill.log import logger

SHARE = 0.05
"""Part of the run's time that saving may take; papermill writes and validates the whole notebook twice per cell."""
INTERVAL = 0.5
"""Seconds between two saves at least; nobody reads faster."""


class AtomicFiles(LocalHandler):  # type: ignore[misc]  # papermill has no annotations
    """papermill's reader and writer of local files, with files that are replaced as a whole."""

    def write(self, buf: str, path: str) -> None:
        """Write a file beside its place and move it there, so that it outlives the machine's failing."""
        self.replace(buf, path, durably=True)

    def replace(self, text: str, path: str, *, durably: bool) -> None:
        """Write a file beside its place and move it there.

        Args:
            text: Its new content.
            path: The file, relative to the folder that papermill was called in.
            durably: Wait until the disk has it; a notebook that is viewed while it runs need not outlive the machine.

        Raises:
            OSError: It cannot be written; what was there is there.
        """
        place = Path(self._cwd or ".", path)
        part = place.with_name(f".{place.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                if durably:
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
        self._complete = False
        self._planned: asyncio.TimerHandle | None = None
        super().__init__(*args, **kwargs)

    def cell_complete(self, cell: nbformat.NotebookNode, cell_index: int | None = None, **_: Any) -> None:
        """Note the end of a cell, as papermill does, which reads its own time with a parser slower than most cells."""
        ended, noted = self.now(), cell.metadata.papermill
        if self.log_output:
            logger.info(f"Ending Cell {'' if cell_index is None else cell_index + 1:-<43}")
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        noted["end_time"] = ended.isoformat()
        if noted.get("start_time"):
            noted["duration"] = (ended - datetime.fromisoformat(noted["start_time"])).total_seconds()
        if noted["status"] != self.FAILED:
            noted["status"] = self.COMPLETED
        self.save()
        if self.pbar:
            self.pbar.update(1)

    def save(self, **_: Any) -> None:
        """Save now if that is affordable, else as soon as it is; called at every change of a cell's state."""
        if self._planned is not None or not self.output_path or self._complete:
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
        """Save what is there so far; on a full disk the notebook runs on, only its last save has to succeed.

        It is a notebook as nbformat reads it, in a form that is written ten times as fast as nbformat's own.
        """
        with contextlib.suppress(OSError):
            self._save(lambda: json.dumps(self.nb, ensure_ascii=False))

    def flush(self) -> None:
        """Save now, whatever it costs."""
        self._save(lambda: str(nbformat.v4.writes(self.nb)))

    def _save(self, written: Callable[[], str]) -> None:
        self.forget_plan()
        if not self.output_path:
            return
        began = time.monotonic()
        # Without validation: that is for papermill, which writes the notebook of a run that came to its end.
        text, files = written(), papermill_io.get_handler(self.output_path)
        if isinstance(files, AtomicFiles):
            files.replace(text, self.output_path, durably=False)
        else:  # papermill's own: who calls papermill with our engine has those
            files.write(text, self.output_path)
        self.last_save_time = self.now()
        self._saved = time.monotonic()
        self._cost = self._saved - began
        self._spent += self._cost

    def notebook_complete(self, **kwargs: Any) -> None:
        """Finish the notebook's metadata; papermill writes the final file."""
        self._complete = True
        super().notebook_complete(**kwargs)
        self.forget_plan()

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
