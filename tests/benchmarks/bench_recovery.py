"""A server is ready as soon with 10,000 finished jobs as with 10; and how long their rows take to be made anew."""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nbprocessor import contract
from nbprocessor.model.job import JobFilter
from nbprocessor.store import jobfile
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.rebuilding import rebuild
from nbprocessor.store.results import ResultStore
from tests.benchmarks import stores
from tests.benchmarks.measurement import Measurement
from tests.servers.nbprocessor import REPOSITORY, start

FEW, MANY = 10, 10_000
ROUNDS = 5
NOTEBOOKS = REPOSITORY / "notebooks" / "examples"
NOTEBOOK = (NOTEBOOKS / "echo.ipynb").read_bytes()


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folders = {count: _finished(Path(name) / str(count), count) for count in (FEW, MANY)}
        # In turns, so that whatever else the machine does meets both.
        taken = [{count: _ready(folder) for count, folder in folders.items()} for _ in range(ROUNDS)]
        few, many = (statistics.median(times[count] for times in taken) for count in (FEW, MANY))
        yield Measurement(f"start to ready, {MANY:,} finished jobs", many, "s", at_most=5)
        yield Measurement(f"start to ready, {MANY:,} finished jobs", many, "s", f"{FEW} jobs", few, at_most=1.5)
        yield _rebuilt(folders[MANY])


def _finished(folder: Path, count: int) -> Path:
    """Make a results folder with so many jobs that ended, rows and folders."""
    results = ResultStore(folder)
    store = stores.filled(f"sqlite:///{folder / 'nbprocessor.db'}", count)
    for job in store.list(JobFilter(), limit=count):
        place = folder / str(job.id)
        place.mkdir()
        (place / contract.FILE_NOTEBOOK).write_bytes(NOTEBOOK)
        (place / contract.FILE_EXECUTED).write_bytes(NOTEBOOK)
        (place / contract.FILE_JOB).write_bytes(jobfile.dump(job))
        facts = {"job": jobfile.facts(job), "process": jobfile.process_facts(job)}
        record = facts | {"outputs": [], "files": [], "environment": {}}
        (place / contract.FILE_MANIFEST).write_text(json.dumps(record))
    store.engine.dispose()
    assert len(results.job_ids()) == count
    return folder


def _ready(folder: Path) -> float:
    """Start the server, ask it whether it can do its work, and return the seconds until it said yes."""
    begun = time.perf_counter()
    with start(NOTEBOOKS, folder) as server:
        server.get("/health").raise_for_status()
        return time.perf_counter() - begun


def _rebuilt(folder: Path) -> Measurement:
    engine = open_database(f"sqlite:///{folder / 'anew.db'}")
    begun = time.perf_counter()
    done = rebuild(JobStore(engine), ResultStore(folder))
    taken = time.perf_counter() - begun
    engine.dispose()
    assert (done.entered, done.faults) == (MANY, {})
    return Measurement(f"database made anew from {MANY:,} job folders", taken, "s")
