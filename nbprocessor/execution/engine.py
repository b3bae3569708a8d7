"""papermill engine ``nbprocessor``: tells how far it is, can be interrupted, saves what it can afford.

``papermill --engine nbprocessor in.ipynb out.ipynb`` works as with papermill's own engine, and the executed
notebook has the same metadata. What differs: failures of the run itself (a limit, a dead kernel) stand in their
cell as an error output, so the notebook says how far it came and why not further.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.log import logger

from nbprocessor import contract
from nbprocessor.errors import CellFailed, ExecutionError, KernelDied, LimitReached
from nbprocessor.execution import kernels
from nbprocessor.execution.allowance import Allowance, Shown
from nbprocessor.execution.cells import CannotSeal, Cells, CellsDied
from nbprocessor.execution.executor import Run
from nbprocessor.execution.following import Following, Link
from nbprocessor.execution.limits import apply, duration
from nbprocessor.execution.provisioner import ForkManager
from nbprocessor.execution.sandbox.view import View
from nbprocessor.execution.saving import SavingManager
from nbprocessor.model.process import Limits

IOPUB_TIMEOUT = 60
"""Seconds in which a cell's last outputs have to follow its reply; nbclient's 4 are few for a large output."""


class NbprocessorEngine(Engine):  # type: ignore[misc]  # papermill has no annotations
    """The engine papermill finds by its entry point."""

    @classmethod
    def execute_notebook(
        cls,
        nb: nbformat.NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **kwargs: Any,
    ) -> nbformat.NotebookNode:
        """Execute ``nb`` in place and return it; papermill itself looks for failed cells afterwards."""
        manager = SavingManager(
            nb,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **kwargs)
        except BaseException:
            manager.notebook_complete()
            manager.flush()  # papermill, which writes the notebook of a run that came to its end, does not come to it
            raise
        finally:
            manager.cleanup_pbar()
        manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: SavingManager,
        kernel_name: str,
        link: Link | None = None,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        limits: Limits | None = None,
        process_limits: Limits | None = None,
        fork: tuple[Run, Cells] | None = None,
        view: View | None = None,
        **kwargs: Any,
    ) -> None:
        """Execute the cells.

        Args:
            nb_man: Keeper of the cells' states.
            kernel_name: Name of an installed kernel.
            link: Who follows the run.
            start_timeout: Seconds the kernel may take to start.
            execution_timeout: Seconds a cell may take; None: as long as it wants, or as the limits say.
            limits: What the run may use; None: whatever it wants.
            process_limits: What each of its processes is bound to by itself; None: to all of them.
            fork: The run, and the fork that is to be its kernel; None: a kernel is started.
            view: What a kernel that is started is to see; None: whatever this process does.
            kwargs: papermill's ``log_output``, ``stdout_file`` and ``stderr_file``; nbclient's options.

        Raises:
            KernelDied: The kernel ended before the first cell.
            LimitReached: The kernel did not start in time.
        """
        kwargs.pop("input_path", None)
        limits = limits or Limits(cell_time=execution_timeout or kwargs.pop("timeout", None))
        client = _Client(
            nb_man,
            link or Link(),
            limits,
            process_limits or limits,
            fork,
            view,
            kernel_name=kernel_name,
            startup_timeout=int(start_timeout),
            log=logger,
            **kwargs,
        )
        client.execute()


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill has no annotations
    """papermill's client in one event loop from start to end, so that it can be interrupted at any moment."""

    def __init__(
        self,
        nb_man: SavingManager,
        link: Link,
        limits: Limits,
        process_limits: Limits,
        fork: tuple[Run, Cells] | None,
        view: View | None,
        **options: Any,
    ) -> None:
        super().__init__(nb_man, iopub_timeout=IOPUB_TIMEOUT, **options)
        self.timeout_func = lambda _: limits.cell_time
        self._limits = limits
        self._process_limits = process_limits
        self._fork = fork
        self._view = view
        self._allowance = Allowance(nb_man.nb, limits)
        self._excess: LimitReached | None = None
        """The cell has put out more than it may."""
        self._link = link
        self._following = Following(nb_man, link, limits)

    def execute(self, **_: Any) -> nbformat.NotebookNode:
        """Start the kernel, run the cells, end the kernel."""
        self.reset_execution_trackers()
        with tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True) as folder:
            if self._fork is None:
                self.km = kernels.manager(self.kernel_name, Path(folder), self._view)
            else:
                self.km = ForkManager(self.kernel_name, *self._fork)
            run_sync(self._run)()
        return self.nb

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._link.attach(lambda: loop.call_soon_threadsafe(self._interrupt))
        try:
            await self._start()
            await self._run_cells()
            self.set_widgets_metadata()
        finally:
            self._link.attach(None)
            self.nb_man.forget_plan()
            self.shutdown_kernel = "immediate" if self._link.failure or self._link.interrupted else "graceful"
            if self.km is not None:
                await self._async_cleanup_kernel()
            if self._fork is not None and self._fork[1].used:
                await self._fork[1].close(0)

    async def _start(self) -> None:
        try:
            await self.async_start_new_kernel()
            await self.async_start_new_kernel_client()
            info = await self.async_wait_for_reply(self.kc.kernel_info())
        except CannotSeal as error:
            raise self._following.failed(ExecutionError(f"the run could not be sealed off: {error}")) from None
        except CellsDied:
            raise self._following.failed(KernelDied()) from None
        except (DeadKernelError, RuntimeError) as error:
            # jupyter_client says both with a bare RuntimeError.
            if "respond" in str(error):
                raise self._following.failed(LimitReached("start", duration(self.startup_timeout))) from error
            raise self._following.failed(KernelDied()) from error
        pid = getattr(self.km.provisioner, "pid", None)
        if pid:  # a kernel on another machine has none here
            apply(self._process_limits, pid)
        self.nb.metadata["language_info"] = info["content"]["language_info"]

    async def _run_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if self._link.interrupted:
                return
            self.nb_man.cell_start(cell, index)
            try:
                await self._run_cell(cell, index)
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)
            if cell.metadata.papermill.status == self.nb_man.FAILED:
                return

    async def _run_cell(self, cell: nbformat.NotebookNode, index: int) -> None:
        self._following.begins(index)
        try:
            await self.async_execute_cell(cell, index)
        except CellExecutionError as error:
            self.nb_man.cell_exception(cell, cell_index=index, exception=error)
            failed = CellFailed(cell.id, error.ename, error.evalue, error.traceback)
            self._following.failed(failed)
        except DeadKernelError:
            self._following.broken(cell, index, self._excess or KernelDied(cell.id, await self._exit_code()))
        except CellTimeoutError:
            limit = duration(self._limits.cell_time or 0)
            self._following.broken(cell, index, LimitReached("cell time", limit, cell.id))

    async def _exit_code(self) -> int | None:
        code: int | None = await self.km.provisioner.poll() if self.km.provisioner else None
        return code

    def _interrupt(self) -> None:
        # Saved first: a kernel that does not obey is killed, and with it this process.
        self.nb_man.flush_partial()
        if self.km is not None and self.km.has_kernel:
            self._interrupting = asyncio.ensure_future(self.km.interrupt_kernel())

    async def _async_check_alive(self) -> None:
        # How nbclient finds out that a cell has no reply to wait for; asked every second.
        if self._excess is not None:
            raise DeadKernelError(str(self._excess))
        await super()._async_check_alive()

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int) -> Any:
        """Take one message of the kernel; progress inside a cell is passed on instead of kept."""
        self._link.flush()
        if msg["msg_type"] in {"display_data", "update_display_data"}:
            told = msg["content"]["data"].get(contract.PROGRESS_MEDIA_TYPE)
            if told is not None:
                self._following.told(cell_index, told)
                return None
        try:
            if self._excess is None:
                clears, shown = self.clear_before_next_output, self._shown(msg)
                self._allowance.take(cell_index, msg["msg_type"], msg["content"], clears=clears, updates=shown)
        except LimitReached as error:
            self._excess = error
        return None if self._excess is not None else super().process_message(msg, cell, cell_index)

    def _shown(self, msg: dict[str, Any]) -> Shown:
        """Return the displays that a message changes, as nbclient finds them."""
        name = (msg["content"].get("transient") or {}).get("display_id")
        if not name or msg["msg_type"] not in {"execute_result", "display_data", "update_display_data"}:
            return {}
        outputs = {place: self.nb.cells[place].outputs for place in self._display_id_map.get(name, ())}
        numbers = self._display_id_map.get(name, {})
        return {place: [there[n] for n in numbers[place] if n < len(there)] for place, there in outputs.items()}
