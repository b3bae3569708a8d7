"""What a job costs from its submission to its committed record, in sealed runs, beside papermill alone in this process.

Papermill runs the same notebook with the same values, without sandbox, record and database.
"""

import asyncio
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import UUID

import nbformat
import papermill
import psutil

from nbprocessor.app import House, build, submit_job
from nbprocessor.config import Notebooks, Results, Settings
from nbprocessor.model.job import Execution, JobStatus
from tests.benchmarks.measurement import Measurement
from tests.benchmarks.quiet import kernels_are_silent
from tests.benchmarks.timing import medians

ROUNDS = 9
PATIENCE = 120.0
SECONDS = 6.0
"""How long jobs are counted in a row."""
GEO = "import geopandas, pandas, scipy\nimport shapely\n"
SOURCES: Mapping[str, list[str]] = {
    "trivial": ["a + b"],
    "geo": [GEO, "geopandas.GeoSeries([shapely.Point(a, b)]).buffer(1).area"],
    "cells": [f"x{number} = {number}" for number in range(200)],
}
PROMISED = {"trivial": 1 / 15, "geo": 1 / 28, "cells": 1 / 50}
HELD = "import os, time\nopen('here', 'w').close()\nwhile not os.path.exists('go'):\n    time.sleep(0.01)"
"""Lets a job stay while its memory is looked at."""


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for process, cells in {**SOURCES, "held": [*SOURCES["geo"], HELD]}.items():
            _write(folder / "notebooks", process, cells)
        settings = Settings(
            notebooks=Notebooks(folder=folder / "notebooks"), results=Results(folder=folder / "results", reserve=0)
        )
        with _working(build(settings)) as (house, loop), kernels_are_silent():
            _run(house, loop, "trivial")
            yield from _latencies(house, loop, folder)
            yield _throughput(house, loop, folder)
            yield _memory(house, loop)


def _latencies(house: House, loop: asyncio.AbstractEventLoop, folder: Path) -> Iterator[Measurement]:
    for process, at_most in PROMISED.items():
        calls = {"job": partial(_run, house, loop, process), "papermill": partial(_papermill, folder, process)}
        times = medians(calls, ROUNDS if process != "cells" else 3)
        what = f"job `{process}`, submission to record"
        yield Measurement(what, times["job"], "s", "papermill in-process", times["papermill"], at_most)


def _throughput(house: House, loop: asyncio.AbstractEventLoop, folder: Path) -> Measurement:
    """Count what as many clients as there are slots get done, and what as many papermills do."""
    count = house.settings.slots
    ours = _in_a_row(partial(_run, house, loop, "geo"), count)
    # Kernels are processes of their own, so that threads are enough.
    theirs = _in_a_row(partial(_papermill, folder, "geo"), count)
    what = f"time for each job `geo`, {count} at once"
    return Measurement(what, 1 / ours, "s", "papermill, as many at once", 1 / theirs, 1 / 25)


def _in_a_row(call: partial[None], clients: int) -> float:
    """Return how many calls a second are done."""
    until = time.monotonic() + SECONDS

    def again(_: int) -> int:
        done = 0
        while time.monotonic() < until:
            call()
            done += 1
        return done

    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        done = sum(pool.map(again, range(clients)))
    return done / (time.monotonic() - began)


def _memory(house: House, loop: asyncio.AbstractEventLoop) -> Measurement:
    """Compare what all processes take while two jobs run with what they take while one does."""
    used, jobs = [], []
    for _ in range(2):
        jobs.append(_submit(house, "held"))
        _until((house.results.folder(jobs[-1]) / "work" / "here").exists)
        used.append(_family())
    for job_id in jobs:
        (house.results.folder(job_id) / "work" / "go").touch()
        _wait(house, loop, job_id)
    return Measurement("memory of one more running geo job", (used[1] - used[0]) / 1e6, "MB", at_most=30)


def _family() -> float:
    """Return the proportional set size of this process's descendants, in bytes."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def _run(house: House, loop: asyncio.AbstractEventLoop, process: str) -> None:
    _wait(house, loop, _submit(house, process))


def _submit(house: House, process: str) -> UUID:
    execution = Execution(process, {"a": 1, "b": 2}, response="document")
    return submit_job(house, house.catalogue.get(process), execution, None, "sync").id


def _wait(house: House, loop: asyncio.AbstractEventLoop, job_id: UUID) -> None:
    ended = asyncio.run_coroutine_threadsafe(house.events.wait(job_id, PATIENCE), loop).result()
    assert ended is not None and ended.status is JobStatus.SUCCESSFUL, house.store.get(job_id)


def _papermill(folder: Path, process: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source, target = folder / "notebooks" / f"{process}.ipynb", folder / f"{process}-{threading.get_ident()}.ipynb"
        papermill.execute_notebook(source, target, parameters={"a": 1, "b": 2}, cwd=str(folder), progress_bar=False)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _write(folder: Path, process: str, cells: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    front = f"---\nprocess:\n  id: {process}\n  title: {process}\n  description: Measures what a job costs.\n---"
    parameters = nbformat.v4.new_code_cell("a: int = 1\nb: int = 2", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_raw_cell(front), parameters, *map(nbformat.v4.new_code_cell, cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / f"{process}.ipynb")


@contextmanager
def _working(house: House) -> Iterator[tuple[House, asyncio.AbstractEventLoop]]:
    """Let the worker run jobs in a thread of its own while the body runs."""
    stop, loops = asyncio.Event(), []
    ready = threading.Event()

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        ready.set()
        await house.worker.run(stop)

    house.catalogue.refresh()
    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    ready.wait()
    try:
        yield house, loops[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()
        house.store.engine.dispose()
