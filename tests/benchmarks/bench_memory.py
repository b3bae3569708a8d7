"""The server's memory stays flat, however many jobs it has run.

JOBS=5000 make bench ONLY=memory runs so many real echo jobs (1,000 by default);
5,000 more pass through a server whose executor runs nothing.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.benchmarks.measurement import Measurement
from tests.servers.nbprocessor import REPOSITORY, Server, start

REAL = int(os.environ.get("JOBS", "1000"))
REPLAYED = 5000
CLIENTS = 2
PATIENCE = 120
"""Seconds until a job counts as lost."""
SAMPLES = 50
"""Looks at the memory in a series of jobs."""
FLAT = 1.1
INPUTS = {"stringInput": "teststring", "arrayInput": [1, 2, 3]}
NOTEBOOKS = REPOSITORY / "notebooks" / "examples"


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with start(NOTEBOOKS, folder / "real") as server:
            recorded = folder / "real" / server.job("echo", INPUTS)["jobID"]
            yield from _series(server, REAL, f"{REAL:,} echo jobs")
        replay = ["tests.benchmarks.replay", str(recorded), str(NOTEBOOKS), str(folder / "replayed")]
        path = {"PYTHONPATH": str(REPOSITORY)}
        with start(NOTEBOOKS, folder / "replayed", command=replay, env=path) as server:
            yield from _series(server, REPLAYED, f"{REPLAYED:,} echo jobs, executor without a kernel")


def _series(server: Server, count: int, what: str) -> Iterator[Measurement]:
    """Run jobs and compare the memory at the end with that after the first tenth, when everything is warm."""
    used = list(_memory(server, count))
    window = max(1, SAMPLES // 10)
    early, late = statistics.median(used[window : 2 * window]), statistics.median(used[-window:])
    thousands = count * (SAMPLES - 2 * window) / SAMPLES / 1000
    yield Measurement(f"memory of the server after {what}", late, "MB", "after a tenth of them", early, at_most=FLAT)
    yield Measurement("growth for each 1,000 of them", (late - early) / thousands, "MB")


def _memory(server: Server, count: int) -> Iterator[float]:
    """Yield the server's own memory (MB) as its jobs go by."""
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
            yield process.memory_full_info().uss / 1e6


def _wait_for(server: Server, job_id: str) -> None:
    for _ in range(PATIENCE):
        if server.get(f"/jobs/{job_id}").json()["status"] == "successful":
            return
        time.sleep(1)
    raise AssertionError(f"job {job_id} did not end within {PATIENCE} s:\n{server.log.read_text()[-2000:]}")
