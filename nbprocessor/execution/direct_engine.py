"""papermill engine ``nbprocessor-direct``: runs Python cells in a forked shell, without a kernel in between.

Everything else is as with :mod:`.engine`: papermill injects the parameters, keeps the cells' states and writes the
notebook; progress, limits and saves are the same.
"""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import nbformat

from nbprocessor import contract
from nbprocessor.errors import CellFailed, ExecutionError, KernelDied, LimitReached
from nbprocessor.execution.celloutputs import CellOutputs
from nbprocessor.execution.cells import CannotSeal, Cells, CellsDied, Garbled, Reply
from nbprocessor.execution.engine import NbprocessorEngine
from nbprocessor.execution.executor import Run
from nbprocessor.execution.following import Following, Link
from nbprocessor.execution.limits import duration
from nbprocessor.execution.saving import SavingManager
from nbprocessor.model.process import Limits

NAME = "nbprocessor-direct"
PATIENCE = 2.0
"""Seconds the shell may take to end once all cells have run: exit functions, threads that are not daemons."""
LANGUAGE_INFO: Mapping[str, Any] = {
    "name": "python",
    "version": sys.version.split()[0],
    "mimetype": "text/x-python",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "pygments_lexer": "ipython3",
    "nbconvert_exporter": "python",
    "file_extension": ".py",
}
"""What ipykernel says of itself."""


class DirectEngine(NbprocessorEngine):
    """The engine :mod:`.runner` registers where it has a forked shell."""

    @classmethod
    def execute_managed_notebook(  # type: ignore[override]  # more arguments than papermill's own, passed by name
        cls,
        nb_man: SavingManager,
        kernel_name: str,  # noqa: ARG003  # papermill's signature; the shell is this Python
        *,
        cells: Cells,
        run: Run,
        link: Link | None = None,
        **streams: Any,
    ) -> None:
        """Execute the cells.

        Args:
            nb_man: Keeper of the cells' states.
            kernel_name: Not used.
            cells: The forked shell.
            run: What is run; its environment is the cells' own.
            link: Who follows the run.
            streams: papermill's ``stdout_file`` and ``stderr_file``, to which streams are written too.
        """
        asyncio.run(_Run(nb_man, link or Link(), cells, run.limits, streams).all(run))


@dataclass(slots=True)
class _Asked:
    """A cell the shell has been asked to run."""

    index: int
    failure: dict[str, Any] = field(default_factory=dict)
    """The error it raised, if any, as the Jupyter protocol has it."""
    refused: ExecutionError | None = None
    """It has put out more than it may, or what is no output."""
    running: asyncio.Task[Reply] | None = None
    """Waits for its end."""


class _Run:
    """The run of one notebook."""

    def __init__(
        self, nb_man: SavingManager, link: Link, cells: Cells, limits: Limits, streams: Mapping[str, Any]
    ) -> None:
        self._manager = nb_man
        self._nb = nb_man.nb
        self._link = link
        self._cells = cells
        self._limits = limits
        self._logs = {"stdout": streams.get("stdout_file"), "stderr": streams.get("stderr_file")}
        self._outputs = CellOutputs(self._nb, limits)
        self._following = Following(nb_man, link, limits)
        self._asked: _Asked | None = None
        """The cell that runs, or is about to, and has not been answered for."""

    async def all(self, run: Run) -> None:
        loop = asyncio.get_running_loop()
        self._link.attach(lambda: loop.call_soon_threadsafe(self._interrupt))
        try:
            await self._open(run)
            for index, cell in enumerate(self._nb.cells):
                if self._link.interrupted and self._asked is None:
                    break
                self._manager.cell_start(cell, index)
                try:
                    await self._one(cell, index)
                finally:
                    self._manager.cell_complete(cell, cell_index=index)
                if cell.metadata.papermill.status == self._manager.FAILED:
                    break
        finally:
            self._link.attach(None)
            self._manager.forget_plan()
            await self._cells.close(0 if self._link.failure or self._link.interrupted else PATIENCE)
        self._nb.metadata["language_info"] = nbformat.from_dict(dict(LANGUAGE_INFO))

    async def _open(self, run: Run) -> None:
        try:
            await self._cells.open(run)
        except CannotSeal as error:
            raise self._following.failed(ExecutionError(f"the run could not be sealed off: {error}")) from None
        except CellsDied:
            raise self._following.failed(KernelDied("", await self._cells.exit_code())) from None

    async def _one(self, cell: nbformat.NotebookNode, index: int) -> None:
        self._following.begins(index)
        if not _runs(cell):
            return
        try:
            async with asyncio.timeout(self._limits.cell_time):
                reply, failure = await self._reply(index)
        except TimeoutError:
            limit = duration(self._limits.cell_time or 0)
            self._following.broken(cell, index, LimitReached("cell time", limit, cell.id))
            return
        except CellsDied:
            self._following.broken(cell, index, KernelDied(cell.id, await self._cells.exit_code()))
            return
        except ExecutionError as refused:
            self._following.broken(cell, index, refused)
            return
        cell.execution_count = reply.count
        cell.metadata["execution"] = _timing(reply)
        if not _goes_on(cell, reply):
            error = CellFailed(
                cell.id, failure.get("ename", ""), failure.get("evalue", ""), "\n".join(failure.get("traceback", ()))
            )
            self._manager.cell_exception(cell, cell_index=index, exception=error)
            self._following.failed(error)

    def _ask(self, index: int) -> None:
        cell, asked = self._nb.cells[index], _Asked(index)
        cell.outputs = []
        self._asked = asked
        self._cells.ask(cell.source, cell.id, partial(self._receive, asked))

    def _ask_next(self, asked: _Asked, reply: Reply) -> None:
        """Have the next cell run already while what is left of this one is done."""
        self._asked = None
        if asked.refused is not None or self._link.interrupted or not _goes_on(self._nb.cells[asked.index], reply):
            return
        following = range(asked.index + 1, len(self._nb.cells))
        if (next_one := next((later for later in following if _runs(self._nb.cells[later])), None)) is not None:
            self._ask(next_one)

    async def _reply(self, index: int) -> tuple[Reply, Mapping[str, Any]]:
        """Return how a cell ended, and the error it raised, if any.

        Raises:
            CellsDied: Its process ended.
            ExecutionError: It has put out more than it may, or what is no output.
        """
        if self._asked is None:
            self._ask(index)
        asked = self._asked
        assert asked is not None and asked.index == index
        cell_id, then = self._nb.cells[index].id, partial(self._ask_next, asked)
        asked.running = asyncio.ensure_future(self._cells.reply(cell_id, then))
        if asked.refused is not None:
            asked.running.cancel()
        try:
            return await asked.running, asked.failure
        except (asyncio.CancelledError, CellsDied, Garbled):
            if asked.refused is not None:
                raise asked.refused from None
            raise
        finally:
            if self._asked is asked:
                self._asked = None

    def _receive(self, asked: _Asked, kind: str, content: Mapping[str, Any]) -> None:
        if asked.refused is not None:
            return
        try:
            self._take(asked.index, kind, content)
        except ExecutionError as error:
            # Some of this is called by the loop itself, where nobody else would hear of it.
            asked.refused = error
            if asked.running is not None:
                asked.running.cancel()
        if kind == "error":
            asked.failure.update(content)

    def _take(self, index: int, kind: str, content: Mapping[str, Any]) -> None:
        """Take one message; progress inside a cell is passed on instead of kept."""
        if kind in {"display_data", "update_display_data"}:
            told = content["data"].get(contract.PROGRESS_MEDIA_TYPE)
            if told is not None:
                self._following.told(index, told)
                return
        self._outputs.add(index, kind, content)
        if kind == "stream" and (log := self._logs[content["name"]]) is not None:
            self._link.flush()
            with suppress(OSError):  # the log's disk is full: the notebook still has the text
                log.write(content["text"])
                log.flush()
        self._manager.autosave_cell()

    def _interrupt(self) -> None:
        # Saved first: a cell that does not obey is killed, and with it this process.
        self._manager.flush_partial()
        self._cells.interrupt()


def _goes_on(cell: nbformat.NotebookNode, reply: Reply) -> bool:
    """Tell whether the next cell may run after this one."""
    return reply.ok or "raises-exception" in _tags(cell)


def _runs(cell: nbformat.NotebookNode) -> bool:
    """Tell whether there is anything to run in a cell."""
    return cell.cell_type == "code" and bool(cell.source.strip()) and "skip-execution" not in _tags(cell)


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags


def _timing(reply: Reply) -> dict[str, str]:
    """Write when a cell ran under the names nbclient has for it."""
    began, ended = (
        datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z") for moment in (reply.began, reply.ended)
    )
    return {
        "iopub.status.busy": began,
        "iopub.execute_input": began,
        "iopub.status.idle": ended,
        "shell.execute_reply": ended,
    }
