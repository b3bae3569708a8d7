"""Memory stays flat, and nothing is left over, however many jobs a server has run.

JOBS=20000 make bench ONLY=memory runs so many real echo jobs (1,000 by default);
5,000 more pass through a server whose executor runs nothing.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from nbprocessor.execution.scratch import home
from tests.benchmarks.measurement import Measurement
from tests.servers.nbprocessor import REPOSITORY, Server, start

REAL = int(os.environ.get("JOBS", "1000"))
REPLAYED = 5000
CLIENTS = 2
PATIENCE = 120
"""Seconds until a job counts as lost."""
SAMPLES = 50
"""Looks at the memory in a series of jobs."""
SETTLED = 0.5
"""Seconds after a job in which its folder is tidied up and the next is prepared."""
FLAT = 1.1
DESCRIPTORS = 8
"""Connections of the database come and go."""
INPUTS = {"stringInput": "teststring", "arrayInput": [1, 2, 3]}
NOTEBOOKS = REPOSITORY / "notebooks" / "examples"


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, before = Path(name), set(home().iterdir())
        with start(NOTEBOOKS, folder / "real") as server:
            recorded = folder / "real" / server.job("echo", INPUTS)["jobID"]
            yield from _series(server, REAL, f"{REAL:,} echo jobs")
        left = set(home().iterdir()) - before
        yield Measurement("temporary folders left", len(left), "", at_most=0)
        replay = ["tests.benchmarks.replay", str(recorded), str(NOTEBOOKS), str(folder / "replayed")]
        path = {"PYTHONPATH": str(REPOSITORY)}
        with start(NOTEBOOKS, folder / "replayed", command=replay, env=path) as server:
            yield from _series(server, REPLAYED, f"{REPLAYED:,} echo jobs, executor without a kernel")


class _Look(NamedTuple):
    """What a server has in use."""

    server: float
    """Its own memory, MB."""
    below: float
    """That of the processes below it, each page counted once, MB."""
    processes: int
    """Below it."""
    descriptors: int
    """Open in all of them."""


def _series(server: Server, count: int, what: str) -> Iterator[Measurement]:
    """Run jobs and compare what is in use at the end with that after the first tenth, when everything is warm."""
    looks = list(_looks(server, count))
    window = max(1, SAMPLES // 10)
    early = _Look(*map(statistics.median, zip(*looks[window : 2 * window], strict=True)))
    late = _Look(*map(statistics.median, zip(*looks[-window:], strict=True)))
    thousands = count * (SAMPLES - 2 * window) / SAMPLES / 1000
    tenth = "after a tenth of them"
    yield Measurement(f"memory of the server after {what}", late.server, "MB", tenth, early.server, at_most=FLAT)
    yield Measurement("growth for each 1,000 of them", (late.server - early.server) / thousands, "MB")
    if early.below:
        yield Measurement("memory of the processes below it", late.below, "MB", tenth, early.below, at_most=FLAT)
    yield Measurement("processes more than before", late.processes - early.processes, "", at_most=0)
    yield Measurement("descriptors more than before", late.descriptors - early.descriptors, "", at_most=DESCRIPTORS)


def _looks(server: Server, count: int) -> Iterator[_Look]:
    """Yield what is in use as the jobs go by."""
    process = psutil.Process(server.process.pid)

    def execute(_: int) -> None:
        answer = server.execute("echo", INPUTS)
        if answer.status_code == 201:  # a busy machine: nobody is kept waiting longer than `execution.sync_wait`
            _wait_for(server, answer.json()["jobID"])
        else:
            assert answer.status_code == 200, answer.text

    with ThreadPoolExecutor(CLIENTS) as clients:
        for _ in range(SAMPLES):
            list(clients.map(execute, range(count // SAMPLES)))
            time.sleep(SETTLED)
            yield _look(process)


def _look(server: psutil.Process) -> _Look:
    below, descriptors, family = 0.0, server.num_fds(), server.children(recursive=True)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            below += process.memory_full_info().pss / 1e6
            descriptors += process.num_fds()
    return _Look(server.memory_full_info().uss / 1e6, below, len(family), descriptors)


def _wait_for(server: Server, job_id: str) -> None:
    for _ in range(PATIENCE):
        if server.get(f"/jobs/{job_id}").json()["status"] == "successful":
            return
        time.sleep(1)
    raise AssertionError(f"job {job_id} did not end within {PATIENCE} s:\n{server.log.read_text()[-2000:]}")
