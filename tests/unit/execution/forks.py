"""A fork server as a worker has it, and runs of notebooks in its forks."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import nbformat

from nbprocessor.execution import collection, scratch
from nbprocessor.execution.executor import Outcome, Progress, Run, RunningJob
from nbprocessor.execution.fork_executor import ForkExecutor
from nbprocessor.execution.sandbox.isolation import Isolation

ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


class Forks:
    """A fork server in a loop of its own, as a worker has it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        folder: Path,
        executor: type[ForkExecutor],
        isolation: type[Isolation],
    ) -> None:
        self.loop = loop
        self.folder = folder
        self.executor = executor(isolation(folder))
        self.progress: list[Progress] = []

    def prepared(self, *sources: str, **facts: Any) -> Run:
        job_id = uuid4()
        folder = self.folder / str(job_id)
        folder.mkdir()
        cells = [nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
        if facts.get("parameters"):
            cells[0].metadata["tags"] = ["parameters"]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nb = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(nb, folder / "notebook.ipynb")
        collection.prepare(folder)
        place = scratch.make(job_id)
        marked = ENVIRONMENT | scratch.environment(place) | {"NBPROCESSOR_JOB_ID": str(job_id), "HOME": str(folder)}
        return Run(job_id, folder, place, "python3", "python", facts.pop("parameters", {}), marked, **facts)

    def run(self, *sources: str, act: Callable[[RunningJob, Run], Awaitable[None]] | None = None, **facts: Any):
        """Run a notebook to its end and return how it ended, and the notebook."""
        run = self.prepared(*sources, **facts)
        outcome = self.loop.run_until_complete(self._finished(run, act))
        return outcome, nbformat.read(run.folder / "executed.ipynb", as_version=4)

    async def _finished(self, run: Run, act) -> Outcome:
        running = await self.executor.start(run, self.progress.append)
        waiting = asyncio.ensure_future(running.wait())
        if act is not None:
            await act(running, run)
        try:
            return await waiting
        finally:
            scratch.remove(run.scratch)


async def written(path: Path) -> str:
    """Wait for a file that a cell writes."""
    while not path.exists() or not path.read_text():
        await asyncio.sleep(0.01)
    return path.read_text()


def texts(nb: nbformat.NotebookNode) -> list[str]:
    """Return what the cells wrote."""
    return [output.text for cell in nb.cells for output in cell.get("outputs", []) if output.output_type == "stream"]
