"""The self-test of a sealed executor: a notebook that tries to break out is run as any job is."""

import asyncio
import inspect
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import nbformat

from nbprocessor import contract
from nbprocessor.errors import ExecutionError, StoreUnavailable
from nbprocessor.execution import breakout, collection, scratch
from nbprocessor.execution.environment import passed
from nbprocessor.execution.executor import Executor, Outcome, Run, RunningJob
from nbprocessor.store.unfinished import Unfinished

PATIENCE = 60.0
"""Seconds a run of the self-test may take; a fork takes part of one, a kernel two."""


async def escapes(executor: Executor, results: Path) -> Sequence[str]:
    """Return what a run of this executor can do that it must not; nothing: it is sealed.

    Args:
        executor: Opened.
        results: Folder of the job folders.

    Raises:
        ExecutionError: The run itself failed, or could not begin.
        OSError: The results folder cannot be written.
    """
    try:
        return await _found(executor, results)
    except StoreUnavailable as error:
        raise ExecutionError(str(error)) from error


async def _found(executor: Executor, results: Path) -> Sequence[str]:
    job_id, other_id, unfinished = uuid4(), uuid4(), Unfinished(results)
    folder, other = results / str(job_id), results / str(other_id)
    # Of jobs that nobody accepts: whatever becomes of this process, the next start removes their folders.
    with unfinished.accepting(job_id), unfinished.accepting(other_id):
        place = scratch.make(job_id)
        try:
            with _bait(other) as facts:
                _write_notebook(folder, facts)
                environment = {**passed(os.environ), **scratch.environment(place), contract.JOB_ID: str(job_id)}
                run = Run(job_id, folder, place, "python3", "python", {}, environment)
                outcome = await _outcome(await executor.start(run, lambda _: None))
            if outcome.error is not None:
                raise ExecutionError(f"the self-test of the isolation failed: {outcome.error}")
            return _told(folder)
        finally:
            scratch.remove(place)
            for path in (folder, other):
                shutil.rmtree(path, ignore_errors=True)


async def _outcome(running: RunningJob) -> Outcome:
    """Wait for the end of a run, but not for ever; nothing of it is left, whatever happens."""
    waiting = asyncio.ensure_future(running.wait())
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(waiting)
    except TimeoutError:
        raise ExecutionError("the self-test of the isolation did not come to its end") from None
    finally:
        if not waiting.done():
            await running.kill()
            await waiting


@contextmanager
def _bait(other: Path) -> Iterator[dict[str, Any]]:
    """Set up what a run must not reach."""
    name = f"nbprocessor-{uuid4()}"
    other.mkdir()
    (other / contract.FILE_NOTEBOOK).write_text("{}")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as abstract,
        tempfile.NamedTemporaryFile(prefix="nbprocessor-") as secret,
    ):
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield {
            "port": listener.getsockname()[1],
            "abstract": name,
            "pid": os.getpid(),
            "command": Path("/proc/self/cmdline").read_text(),
            "secret": secret.name,
            "other": str(other),
        }


def _write_notebook(folder: Path, facts: dict[str, Any]) -> None:
    folder.mkdir()
    call = f"import json\nprint(json.dumps(escapes(**json.loads({json.dumps(facts)!r}))))"
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in (
        ("attempts", inspect.getsource(breakout)), ("try", call),
    )]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / contract.FILE_NOTEBOOK)
    collection.prepare(folder)


def _told(folder: Path) -> Sequence[str]:
    notebook = nbformat.read(folder / contract.FILE_EXECUTED, as_version=4)
    texts = [output.text for cell in notebook.cells for output in cell.outputs if output.output_type == "stream"]
    try:
        told: Sequence[str] = json.loads("".join(texts[-1:]))
    except ValueError:
        raise ExecutionError(f"the self-test of the isolation told nothing that can be read: {texts}") from None
    return told
