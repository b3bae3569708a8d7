"""The process at the root of a job's tree: runs the notebook with papermill and ends all it started.

``python -m nbprocessor.execution.child <descriptor>``, or a fork of :mod:`.zygote`: standard input has the run and then
orders, ``<descriptor>`` takes messages (see :mod:`.wire`), standard output and error are the job's log.
"""

import errno
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import papermill
import psutil
from jupyter_client.kernelspec import KernelSpecManager
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import papermill_io

from nbprocessor import contract
from nbprocessor.errors import CellFailed, ExecutionError, KernelMissing
from nbprocessor.execution import direct_engine, injection, processtree, wire
from nbprocessor.execution.cells import Cells
from nbprocessor.execution.executor import Progress, Run
from nbprocessor.execution.following import Link
from nbprocessor.execution.saving import AtomicFiles

log = logging.getLogger(__name__)

LOST = 137
"""Exit code when whoever started this process is gone."""


class _PipeLink(Link):
    """Reports to the executor over a pipe."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._pipe = os.fdopen(descriptor, "wb", buffering=0)

    def progress(self, progress: Progress) -> None:
        """Send how far the run is."""
        if not progress.fraction and not progress.text:
            log.info("cell %d of %d %s", progress.cell, progress.of, progress.cell_id)
        self._pipe.write(wire.encode_progress(progress))

    def end(self, error: ExecutionError | None) -> None:
        """Send how the run ended."""
        self._pipe.write(wire.encode_end(error))


def main() -> None:
    """Run the notebook of one job with a kernel."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    obey(descriptor)


def obey(descriptor: int, cells: Cells | None = None) -> None:
    """Read the run from standard input, do it, and tell how it ended.

    Args:
        descriptor: Takes the messages.
        cells: A forked shell to run the cells in; None: in a kernel.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of every input that has no default
    processtree.adopt_orphans()
    orders = _lines(sys.stdin.fileno())
    run = wire.decode_run(next(orders))
    link = _PipeLink(descriptor)
    threading.Thread(target=_obey, args=(orders, link), daemon=True).start()
    error = _run(run, link, cells)
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


def _obey(orders: Iterator[bytes], link: Link) -> None:
    for order in orders:
        if order == wire.INTERRUPT:
            link.interrupt()
    # Nobody is left to give orders.
    processtree.end_descendants(psutil.Process())
    os._exit(LOST)


def _run(run: Run, link: Link, cells: Cells | None) -> ExecutionError | None:
    """Run the notebook; return why it failed, or None."""
    os.chdir(run.folder)
    _only_local_files()
    injection.register()
    try:
        if cells is None:
            _require_kernel(run.kernel)
            how: dict[str, Any] = {"engine_name": "nbprocessor", "start_timeout": run.start_timeout}
        else:
            papermill_engines.register(direct_engine.NAME, direct_engine.DirectEngine)
            how = {"engine_name": direct_engine.NAME, "cells": cells, "environment": run.environment}
        papermill.execute_notebook(
            contract.FILE_NOTEBOOK,
            contract.FILE_EXECUTED,
            parameters=injection.injectable(run.parameters),
            kernel_name=run.kernel,
            language=run.language,
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            execution_timeout=run.cell_time,
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
