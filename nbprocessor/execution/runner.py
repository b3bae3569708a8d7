"""The process that knows papermill: runs the notebooks of jobs and says how it goes.

It runs no code of a notebook itself; that is for a kernel or a shell (:mod:`.shell`). Two ways begin it:
``python -m nbprocessor.execution.runner <descriptor>`` runs one notebook with a kernel: standard input has the run and
then orders, ``<descriptor>`` takes messages (see :mod:`.wire`), standard output and error are the job's log. A fork of
:mod:`.zygote` (:func:`serve`) runs one notebook after the other, each in a shell of its own: a request on its socket
(SEQPACKET) is ``{"run": number}`` with three descriptors (orders, reports, log), the answer ``{"done": number}``.
"""

import asyncio
import errno
import logging
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator
from logging.handlers import MemoryHandler
from typing import Any

import papermill
import psutil
from jupyter_client.kernelspec import KernelSpecManager
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import papermill_io

from nbprocessor import contract
from nbprocessor.errors import CellFailed, ExecutionError, KernelMissing
from nbprocessor.execution import direct_engine, injection, messages, processtree, wire
from nbprocessor.execution.cells import Cells
from nbprocessor.execution.executor import Progress, Run
from nbprocessor.execution.following import Link
from nbprocessor.execution.limits import Met
from nbprocessor.execution.saving import AtomicFiles

log = logging.getLogger(__name__)

KEPT = 1000
"""Lines of the log kept back at most."""
PACE = 0.05
"""Seconds between two messages of progress at least: cells may be over faster than anybody could tell of them."""
ANSWER = 5.0
"""Seconds to wait for an answer of whoever gave the run."""
LOST = 137
"""Exit code when whoever started this process is gone."""


class _PipeLink(Link):
    """Reports to the executor over a pipe."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.ended = False
        """Whether the end has been told."""
        self._pipe = os.fdopen(descriptor, "wb", buffering=0)
        self._last: Progress | None = None
        """The newest, if it has not been sent."""
        self._sent = 0.0
        self._planned: asyncio.TimerHandle | None = None
        self._answers: queue.SimpleQueue[Met] = queue.SimpleQueue()

    def progress(self, progress: Progress) -> None:
        """Send how far the run is, at once or as soon as nobody would be drowned in it; called in the event loop."""
        if not progress.fraction and not progress.text:
            log.info("cell %d of %d %s", progress.cell, progress.of, progress.cell_id)
        self._last = progress
        if self._planned is None:
            wait = self._sent + PACE - time.monotonic()
            if wait <= 0:
                self._send()
            else:
                self._planned = asyncio.get_running_loop().call_later(wait, self._send)

    def flush(self) -> None:
        """Let the log tell of the cells so far."""
        for handler in logging.getLogger().handlers:
            handler.flush()

    def _send(self) -> None:
        self._planned = None
        self.flush()
        if self._last is not None:
            self._pipe.write(wire.encode_progress(self._last))
            self._last, self._sent = None, time.monotonic()

    def met(self) -> Met:
        """Ask for what the control group of the run has counted."""
        self._pipe.write(wire.ASK)
        try:
            return self._answers.get(timeout=ANSWER)
        except queue.Empty:
            return Met()

    def answer(self, met: Met) -> None:
        """Take what was asked for."""
        self._answers.put(met)

    def end(self, error: ExecutionError | None) -> None:
        """Send how the run ended; nothing comes after it."""
        self.ended = True
        self._send()
        self._pipe.write(wire.encode_end(error))
        self._pipe.close()


def main() -> None:
    """Run the notebook of one job with a kernel."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    _log_to_standard_error()
    processtree.adopt_orphans()
    _obey(sys.stdin.fileno(), descriptor, None)


def serve(control: socket.socket, keeper: socket.socket, *, sealed: bool) -> None:
    """Run notebooks as they are asked for, until nobody asks any more; called in a fork.

    Args:
        control: Brings the runs.
        keeper: To the keeper of the slot.
        sealed: Whether each shell is to see its own job only.
    """
    _log_to_standard_error()
    nowhere = os.open(os.devnull, os.O_RDWR)
    # Each shell is forked before it is needed.
    cells = _forked(keeper, sealed=sealed)
    # Without its keeper a slot is of no use.
    while not isinstance(cells, ConnectionError):
        request, descriptors = messages.receive(control, 3)
        if request is None:
            return
        orders, reports, log_file = descriptors
        for stream in (1, 2):
            os.dup2(log_file, stream)
        os.close(log_file)
        if isinstance(cells, OSError):
            cells = _forked(keeper, sealed=sealed)
        _obey(orders, reports, cells)
        sys.stdout.flush()
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        os.chdir("/")
        messages.send(control, {"done": request["run"]})
        if isinstance(cells, OSError) or cells.used:
            if isinstance(cells, Cells) and cells.lost:
                return
            cells = _forked(keeper, sealed=sealed)


def _forked(keeper: socket.socket, *, sealed: bool) -> Cells | OSError:
    try:
        return Cells.forked(keeper, sealed=sealed)
    except OSError as error:
        return error


def _log_to_standard_error() -> None:
    # Kept back until the link is flushed: each line on its own would wake up who reads the log, at every cell.
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    kept = MemoryHandler(KEPT, flushLevel=logging.WARNING, target=lines)
    logging.basicConfig(handlers=[kept], level=logging.WARNING)
    log.setLevel(logging.INFO)
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of every input that has no default


def _obey(orders: int, reports: int, cells: Cells | OSError | None) -> None:
    """Read a run, do it, and tell how it ended.

    Args:
        orders: Brings the run, then orders.
        reports: Takes the messages.
        cells: A forked shell to run the cells in, or why there is none; None: in a kernel.
    """
    lines = _lines(orders)
    run = wire.decode_run(next(lines))
    link = _PipeLink(reports)
    threading.Thread(target=_follow, args=(lines, orders, link), daemon=True).start()
    if isinstance(cells, OSError):
        error: ExecutionError | None = ExecutionError(f"no process could be started for the job: {cells}")
    else:
        error = _run(run, link, cells)
    if cells is None:
        # What the notebook left running ends here, while this process is still there to adopt it.
        processtree.end_descendants(psutil.Process())
    link.end(error)


def _lines(descriptor: int) -> Iterator[bytes]:
    """Read lines from a pipe, without Python's own reader: a daemon thread would hold its lock at exit."""
    chunks: list[bytes] = []
    while chunk := os.read(descriptor, 1 << 16):
        chunks.append(chunk)
        if b"\n" in chunk:
            *lines, rest = (b"".join(chunks)).split(b"\n")
            chunks = [rest]
            yield from (line + b"\n" for line in lines)


def _follow(lines: Iterator[bytes], orders: int, link: _PipeLink) -> None:
    """Follow orders until they end."""
    for order in lines:
        if order == wire.INTERRUPT:
            link.interrupt()
        elif (met := wire.decode_met(order)) is not None:
            link.answer(met)
    os.close(orders)
    if not link.ended:
        # Nobody is left to give orders.
        processtree.end_descendants(psutil.Process())
        os._exit(LOST)


def _run(run: Run, link: Link, cells: Cells | None) -> ExecutionError | None:
    """Run the notebook; return why it failed, or None."""
    os.chdir(run.folder)
    _only_local_files()
    injection.register()
    try:
        if cells is None or run.protocol:
            _require_kernel(run.kernel)
            how: dict[str, Any] = {"engine_name": "nbprocessor", "start_timeout": run.start_timeout}
            how |= {"limits": run.limits, "process_limits": run.process_limits}
            if cells is not None:
                how["fork"] = run, cells
            elif run.sealed:
                how["view"] = run.view
        else:
            papermill_engines.register(direct_engine.NAME, direct_engine.DirectEngine)
            how = {"engine_name": direct_engine.NAME, "cells": cells, "run": run}
        papermill.execute_notebook(
            contract.FILE_NOTEBOOK,
            contract.FILE_EXECUTED,
            parameters=injection.injectable(run.parameters),
            kernel_name=run.kernel,
            language=run.language,
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            cwd=contract.FOLDER_WORK,
            link=link,
            **how,
        )
    except PapermillExecutionError as error:
        return link.failure or CellFailed(f"#{error.cell_index}", error.ename, error.evalue)
    except ExecutionError as error:
        return error
    except Exception as error:  # the door of this process: the message says what, the log says where
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return ExecutionError("the disk that holds the results is full; the notebook could not be saved")
        log.exception("the run failed outside of its cells")
        return ExecutionError(f"the notebook could not be run: {type(error).__name__}: {error}")
    return None


def _require_kernel(name: str) -> None:
    """Make sure that only an installed kernel is started, whatever the notebook's metadata says.

    Raises:
        KernelMissing: No kernel of this name is installed.
    """
    known = sorted(KernelSpecManager().find_kernel_specs())
    if name not in known:
        raise KernelMissing(name, known)


def _only_local_files() -> None:
    """Take papermill's readers and writers of s3, http and so on away: a job's paths are its own folder's."""
    papermill_io.reset()
    papermill_io.register("local", AtomicFiles())


if __name__ == "__main__":
    main()
