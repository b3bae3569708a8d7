"""Direct execution, and kernels that are forked, give what papermill's own engine gives; what differs is named here:

- A cell's code is called ``<cell id>`` in warnings and syntax errors, as a kernel calls it after a temporary file.
- Frames of a traceback: a kernel's own are missing, and the lines around an exception may be others.
- Texts on the two streams may interleave in another order.
- What is written past Python stands in its cell, where a kernel may hand it over too late; so does what forks print.
"""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from uuid import uuid4

import nbformat
import papermill
import pytest

from nbprocessor.execution import collection, scratch
from nbprocessor.execution.executor import Run
from nbprocessor.execution.fork_executor import ForkExecutor, KernelForkExecutor
from nbprocessor.execution.sandbox.isolation import NoIsolation
from tests.differential.corpus import CORPUS

ROOT = Path(__file__).parents[2]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(sources: Sequence[str]) -> nbformat.NotebookNode:
    cells = []
    for number, source in enumerate(sources):
        cell = nbformat.v4.new_code_cell(source, id=f"c{number}")
        if source.startswith("#raises-exception"):
            cell.metadata["tags"] = ["raises-exception"]
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def stock(source: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook with papermill as it comes."""
    folder.mkdir()
    target = folder / "executed.ipynb"
    with contextlib.suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(str(source), str(target), cwd=str(folder), progress_bar=False, kernel_name="python3")
    return nbformat.read(target, as_version=4)


class Mode:
    """One fork server for all notebooks."""

    def __init__(self, kind: type[ForkExecutor]) -> None:
        self.loop = asyncio.new_event_loop()
        self.executor = self.loop.run_until_complete(self._opened(kind))

    async def _opened(self, kind: type[ForkExecutor]) -> ForkExecutor:
        executor = kind(NoIsolation())
        await executor.open()
        return executor

    def run(self, source: Path, folder: Path) -> nbformat.NotebookNode:
        folder.mkdir()
        (folder / "notebook.ipynb").write_bytes(source.read_bytes())
        collection.prepare(folder)
        job_id = uuid4()
        place = scratch.make(job_id)
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"} | scratch.environment(place)
        run = Run(job_id, folder, place, "python3", "python", {}, environment)
        self.loop.run_until_complete(self._finished(run))
        scratch.remove(place)
        return nbformat.read(folder / "executed.ipynb", as_version=4)

    async def _finished(self, run: Run) -> None:
        running = await self.executor.start(run, lambda _: None)
        await running.wait()

    def close(self) -> None:
        self.loop.run_until_complete(self.executor.close())
        self.loop.close()


@pytest.fixture(scope="module", params=[ForkExecutor, KernelForkExecutor], ids=lambda kind: kind.name)
def mode(request: pytest.FixtureRequest):
    opened = Mode(request.param)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def direct():
    opened = Mode(ForkExecutor)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory):
    """Give a function that returns what papermill makes of a notebook of the corpus, and asks it once."""

    @cache
    def made(name: str) -> list[object]:
        folder = tmp_path_factory.mktemp("stock")
        nbformat.write(notebook(CORPUS[name]), folder / "notebook.ipynb")
        return outputs(stock(folder / "notebook.ipynb", folder / "stock"))

    return made


def outputs(nb: nbformat.NotebookNode) -> list[object]:
    """Return what a reader sees of each cell, without what differs by design."""
    return [
        (cell.execution_count, _joined(cell.outputs), cell.metadata.papermill.status)
        for cell in nb.cells
        if cell.cell_type == "code" and "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]


def _plain(output: nbformat.NotebookNode) -> object:
    kept = {key: value for key, value in output.items() if key not in {"traceback", "data"}}
    data = dict(output.get("data", {}))
    # A picture's bytes depend on versions and fonts; that there is one is what counts.
    if "image/png" in data:
        data["image/png"] = "a picture"
    if "traceback" in output:
        kept["traceback"] = re.sub(r"\x1b\[[0-9;]*m", "", output["traceback"][-1]).strip().splitlines()[-1]
    return kept | {"data": data}


def _joined(found: Sequence[nbformat.NotebookNode]) -> object:
    streams = {"stdout": "", "stderr": ""}
    others = []
    for output in found:
        if output.output_type == "stream":
            streams[output.name] += output.text
        else:
            others.append(_plain(output))
    text = json.dumps([streams, others])
    for what, written in {r"0x[0-9a-f]{6,}": "0x", r"(/\S*ipykernel_\d+/)?\d+\.py|<cell c\d>": "<cell>"}.items():
        text = re.sub(what, written, text)
    return json.loads(text)


@pytest.mark.kernel
@pytest.mark.parametrize("name", sorted(CORPUS))
def test_forks_give_what_papermill_gives(
    name: str, mode: Mode, expected: Callable[[str], list[object]], tmp_path: Path
):
    source = tmp_path / "notebook.ipynb"
    nbformat.write(notebook(CORPUS[name]), source)
    assert outputs(mode.run(source, tmp_path / "run")) == expected(name)


@pytest.mark.kernel
def test_what_is_written_past_python_stands_in_its_cell(direct: Mode, tmp_path: Path):
    sources = [
        "import os\nwritten = os.write(1, b'by the system\\n')",
        "import subprocess\ndone = subprocess.run(['echo', 'by a program'])",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'by C') and libc.fflush(None)",
    ]
    nbformat.write(notebook(sources), tmp_path / "notebook.ipynb")
    executed = direct.run(tmp_path / "notebook.ipynb", tmp_path / "direct")
    texts = ["".join(output.get("text", "") for output in cell.outputs) for cell in executed.cells]
    assert texts == ["by the system\n", "by a program\n", "by C\n"]


@pytest.mark.kernel
def test_an_executed_notebook_has_the_metadata_papermill_gives_it(direct: Mode, tmp_path: Path):
    source = tmp_path / "notebook.ipynb"
    nbformat.write(notebook(["1 + 1"]), source)
    ours, theirs = direct.run(source, tmp_path / "direct"), stock(source, tmp_path / "stock")
    assert ours.metadata.keys() == theirs.metadata.keys()
    assert ours.metadata.language_info == theirs.metadata.language_info
    assert ours.metadata.papermill.keys() == theirs.metadata.papermill.keys()
    assert ours.cells[0].metadata.papermill.keys() == theirs.cells[0].metadata.papermill.keys()
    assert ours.cells[0].metadata.execution.keys() == theirs.cells[0].metadata.execution.keys()


@pytest.mark.kernel
def test_runs_share_no_state_and_no_randomness(direct: Mode, tmp_path: Path):
    code = "import random, uuid, tempfile, os, numpy\nassert 'left' not in globals()\nleft = 1\n"
    code += "print(random.random(), numpy.random.random(), uuid.uuid4(), tempfile.mkdtemp(), os.getpid())"
    nbformat.write(notebook([code]), tmp_path / "notebook.ipynb")
    runs = [direct.run(tmp_path / "notebook.ipynb", tmp_path / f"run{number}") for number in range(3)]
    texts = [run.cells[0].outputs[0].text.split() for run in runs]
    assert all(len({text[position] for text in texts}) == 3 for position in range(5))
