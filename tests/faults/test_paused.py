"""A worker that is stopped for longer than its lease: others have settled its jobs, what it writes then is late.

``LEASE=30 make faults`` waits as long as a server does whose settings say nothing; the tests of every day a second.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from nbprocessor.model.job import JobStatus
from tests.faults.conftest import accepted, at_work
from tests.faults.invariants import DATABASE, assert_nothing_lost, audited, wait_until_gone
from tests.servers.nbprocessor import start

pytestmark = pytest.mark.kernel
LEASE = float(os.environ.get("LEASE", "1"))
ENVIRONMENT = {
    "NBPROCESSOR_EXECUTION__EXECUTOR": "subprocess",
    "NBPROCESSOR_EXECUTION__ISOLATION": "none",  # no namespaces in a namespace
    "NBPROCESSOR_EXECUTION__SLOTS": "1",
    "NBPROCESSOR_EXECUTION__LEASE": str(LEASE),
}
ELSEWHERE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""In a namespace of its own a worker is for the others one of another machine: they know it by its beat only."""


@contextmanager
def worker_elsewhere(results) -> Iterator[psutil.Process]:
    if subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode != 0:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail("a namespace of processes cannot be made here")
        pytest.skip("a namespace of processes cannot be made here")
    command = [*ELSEWHERE, sys.executable, "-m", "nbprocessor", "worker", "--results", str(results)]
    with (results.parent / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=results.parent, stderr=log, env=os.environ | ENVIRONMENT)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def told(process: psutil.Process, number: int) -> None:
    """Send a signal to a worker and its fork server, but not to its runs: it is the worker that is late."""
    for each in [process, *process.children()]:
        each.send_signal(number)


def test_what_a_worker_writes_after_its_lease_is_late(tmp_path, notebooks):
    results = audited(tmp_path / "results")
    with start(notebooks, results, env=ENVIRONMENT) as server, worker_elsewhere(results) as worker:
        here, there = (at_work(server, "slow", seconds=600) for _ in range(2))
        again = accepted(server, "quick")
        with closing(sqlite3.connect(results / DATABASE, isolation_level=None)) as connection:
            # Not in the middle of its heartbeat: with SQLite's lock it would keep everybody waiting.
            connection.execute("BEGIN IMMEDIATE")
            told(worker, signal.SIGSTOP)
            connection.execute("ROLLBACK")
        server.delete(f"/jobs/{here}")
        assert server.ended(again)["status"] == "successful"
        lost = [job_id for job_id in (here, there) if server.ended(job_id)["status"] == "failed"]
        assert lost == [there]
        assert "lost" in server.get(f"/jobs/{there}").json()["message"]
        before = server.get(f"/jobs/{there}/manifest").content
        told(worker, signal.SIGCONT)
        # It is well again once it runs a job: by then it has learnt that the other one is no longer its own.
        occupied = [at_work(server, "slow", seconds=600) for _ in range(2)]
        for job_id in occupied:
            assert server.delete(f"/jobs/{job_id}").json()["status"] == "dismissed"
        assert server.get(f"/jobs/{there}/manifest").content == before
    # Whether anybody had taken it over it did not know, and did not ask while the run went on.
    assert (tmp_path / "worker.log").read_text().count("all runs here end") == 1
    wait_until_gone(tmp_path)
    jobs = assert_nothing_lost(results, [here, there, again, *occupied])
    assert (jobs[there].status, jobs[there].attempt) == (JobStatus.FAILED, 1)
