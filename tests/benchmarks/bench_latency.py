"""How long one job takes from request to answer, beside papermill alone with the same notebook in one process."""

import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import papermill

from tests.benchmarks.measurement import Measurement
from tests.benchmarks.quiet import kernels_are_silent
from tests.benchmarks.timing import medians
from tests.servers.nbprocessor import REPOSITORY, Server, start

ROUNDS = 9
NOTEBOOKS = REPOSITORY / "notebooks"
HELLO, DIVIDE = "kommonitor/hello_world.ipynb", "kommonitor/km_indicator_divide.ipynb"


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with start(NOTEBOOKS, folder / "results") as server:
            inputs = {
                HELLO: {"name": "Ada"},
                DIVIDE: server.get("/processes/km_indicator_divide").json()["example"]["inputs"],
            }
            for notebook, given in inputs.items():
                yield _beside_papermill(server, notebook, given, folder)
            yield _beside_its_engine(server, inputs[HELLO])


def _beside_papermill(server: Server, notebook: str, inputs: Mapping[str, Any], folder: Path) -> Measurement:
    process = Path(notebook).stem
    calls = {
        "server": lambda: server.execute(process, inputs).raise_for_status(),
        "papermill": partial(_papermill, NOTEBOOKS / notebook, folder),
    }
    times = medians(calls, ROUNDS)
    what = f"{process} over HTTP, from request to answer"
    return Measurement(what, times["server"], "s", "papermill in-process", times["papermill"], at_most=1)


def _beside_its_engine(server: Server, inputs: Mapping[str, Any]) -> Measurement:
    """Compare a request with the time that papermill says it took for the same job, from first cell to last."""
    asked, engine = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = server.execute(Path(HELLO).stem, inputs)
        asked.append(time.perf_counter() - began)
        answer.raise_for_status()
        notebook = server.get(f"{urlsplit(answer.headers['Location']).path}/notebook").json()
        engine.append(notebook["metadata"]["papermill"]["duration"])
    over = statistics.median(whole - own for whole, own in zip(asked, engine, strict=True))
    return Measurement("request to answer, over its engine's own time", over * 1000, "ms", at_most=60)


def _papermill(notebook: Path, folder: Path) -> None:
    """Run the notebook with the example values it has."""
    with warnings.catch_warnings(), kernels_are_silent():
        warnings.simplefilter("ignore")  # papermill's, of what it does not know in the notebook
        papermill.execute_notebook(notebook, folder / "papermill.ipynb", cwd=str(folder), progress_bar=False)
