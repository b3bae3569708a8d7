"""How a run is followed: progress goes to whoever started it, failures of the run itself into their cell."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager

from nbprocessor.errors import ExecutionError
from nbprocessor.execution.executor import Progress
from nbprocessor.execution.limits import Met, explained
from nbprocessor.model.process import Limits


class Link:
    """Ties a run to whoever started it. This one ties it to nobody; that of :mod:`.runner` to the executor."""

    def __init__(self) -> None:
        self.failure: ExecutionError | None = None
        """Why the run failed, once it has."""
        self.interrupted = False
        self._lock = threading.Lock()
        self._interrupt: Callable[[], object] | None = None

    def progress(self, progress: Progress) -> None:
        """Take note of how far the run is."""

    def flush(self) -> None:
        """Let nothing that was told be kept back; what a cell writes to the log comes after it."""

    def met(self) -> Met:
        """Return what the control group of the run has counted."""
        return Met()

    def interrupt(self) -> None:
        """Interrupt the run; may be called from any thread, also before it began."""
        with self._lock:
            self.interrupted = True
            if self._interrupt is not None:
                self._interrupt()

    def attach(self, interrupt: Callable[[], object] | None) -> None:
        """Say how the run is interrupted from now on; None: it has ended. Called by the engine."""
        with self._lock:
            self._interrupt = interrupt


class Following:
    """What an engine tells of its run."""

    def __init__(self, manager: NotebookExecutionManager, link: Link, limits: Limits) -> None:
        """Take papermill's keeper of cell states, the link, and what the run may use."""
        self._limits = limits
        self._manager = manager
        self._link = link
        self._cells = manager.nb.cells
        code = (i for i, cell in enumerate(self._cells) if cell.cell_type == "code" and cell.source.strip())
        self._numbers = {index: number for number, index in enumerate(code, 1)}
        self._headings = list(_headings(self._cells))

    def begins(self, index: int) -> None:
        """Tell that a cell begins; text cells and empty ones count for nothing."""
        if index in self._numbers:
            self._report(index)

    def told(self, index: int, message: Any) -> None:
        """Pass on what a cell says of its progress; whatever cannot be read moves nothing."""
        try:
            fraction, text = min(1.0, max(0.0, message["done"] / message["of"])), str(message.get("text", ""))
        except (TypeError, KeyError, AttributeError, ArithmeticError):
            return
        self._report(index, fraction, text)

    def failed(self, error: ExecutionError) -> ExecutionError:
        """Note why the run failed: the limit it failed by, where that can be told."""
        self._link.failure = explained(error, self._limits, self._link.met())
        return self._link.failure

    def broken(self, cell: nbformat.NotebookNode, index: int, error: ExecutionError) -> None:
        """Write into the cell what ended it when it could not say so itself."""
        error = self.failed(error)
        name = type(error).__name__
        output = nbformat.v4.new_output("error", ename=name, evalue=str(error), traceback=[f"{name}: {error}"])
        cell.outputs.append(output)
        self._manager.cell_exception(cell, cell_index=index, exception=error)

    def _report(self, index: int, fraction: float = 0.0, text: str = "") -> None:
        number, heading = self._numbers[index], self._headings[index]
        self._link.progress(Progress(number, len(self._numbers), self._cells[index].id, heading, fraction, text))


def _headings(cells: Sequence[nbformat.NotebookNode]) -> Iterator[str]:
    """Yield for each cell the nearest heading above it, without its marks; empty: there is none."""
    last = ""
    for cell in cells:
        yield last
        if cell.cell_type == "markdown":
            lines = [line for line in cell.source.splitlines() if line.startswith("#")]
            last = lines[-1].lstrip("#").strip() if lines else last
