"""Several processes for one database: they share its jobs, run none twice, and settle those of one that dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nbprocessor.model.job import Job, JobFilter, JobStatus
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from tests.faults.conftest import accepted, at_work, serve
from tests.faults.invariants import DATABASE, assert_nothing_lost, wait_until_gone
from tests.servers.nbprocessor import start

pytestmark = pytest.mark.kernel
ONE_SLOT = {
    "NBPROCESSOR_EXECUTION__EXECUTOR": "subprocess",
    "NBPROCESSOR_EXECUTION__ISOLATION": "none",  # runs leave marks outside of their folders
    "NBPROCESSOR_EXECUTION__SLOTS": "1",
}
JOBS = 20


def test_two_processes_share_jobs_and_run_none_twice(tmp_path, notebooks):
    results = tmp_path / "results"
    environment = ONE_SLOT | {"NBPROCESSOR_EXECUTION__EXECUTOR": "direct"}
    with start(notebooks, results, "--workers", "2", env=environment) as server:
        # Each has one slot: that both of these run takes both processes.
        slow = [at_work(server, "slow") for _ in range(2)]
        assert len({job.worker for job in jobs_of(results, slow)}) == 2
        quick = [accepted(server, "quick", number=number) for number in range(JOBS)]
        assert server.get("/health").json()["jobs"]["waiting"] == JOBS
        # Whichever process answers, and whichever runs them.
        assert [server.delete(f"/jobs/{job_id}").json()["status"] for job_id in slow] == ["dismissed"] * 2
        answered = [server.execute("quick", {"number": number}) for number in range(3)]
        assert [answer.status_code for answer in answered] == [200] * 3
        assert {server.ended(job_id)["status"] for job_id in quick} == {"successful"}
        assert "Traceback" not in server.log.read_text()
    found = assert_nothing_lost(results, [*slow, *quick])
    assert len(found) == 2 + JOBS + 3
    assert {job.attempt for job in found.values()} == {1}


def test_the_jobs_of_a_process_that_is_killed_are_settled_by_the_other(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results, "--workers", "2", env=ONE_SLOT) as server:
        lost, again = at_work(server, "slow"), at_work(server, "again", mark=str(tmp_path / "mark"))
        workers = {job.id: job.worker for job in jobs_of(results, [lost, again])}
        for worker in workers.values():
            os.kill(process_of(worker), signal.SIGKILL)
            waiting = accepted(server, "quick")
            assert server.ended(waiting)["status"] == "successful"
        assert (server.ended(lost)["status"], "lost" in server.get(f"/jobs/{lost}").json()["message"]) == (
            "failed",
            True,
        )
        assert server.ended(again)["status"] == "successful"
        until(lambda: server.get("/health").json()["workers"]["alive"] == 2)
        assert not {job.worker for job in jobs_of(results, [again])} & set(workers.values())
    found = assert_nothing_lost(results, [lost, again])
    assert found[again].attempt == 2


def test_when_the_supervisor_is_killed_its_processes_end_in_order(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results, "--workers", "2", env=ONE_SLOT) as server:
        lost = at_work(server, "slow")
        server.process.kill()
        server.process.wait()
        wait_until_gone(tmp_path)
    assert assert_nothing_lost(results, [lost])[lost].status is JobStatus.FAILED


def test_what_keeps_several_processes_from_starting_is_said_once(tmp_path, notebooks):
    said = serve(notebooks, tmp_path / "results", "--workers", "2", NBPROCESSOR_STORE__URL="mysql://host/name")
    assert (said.code, said.text.count("store.url")) == (3, 1), said.text


def test_a_worker_runs_what_a_server_accepted_and_its_jobs_are_settled_when_it_is_killed(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results, env=ONE_SLOT) as server:
        busy = at_work(server, "slow")
        with worker(tmp_path, results) as process:
            answer = server.execute("quick", {"number": 21})
            assert (answer.status_code, answer.json()) == (200, 42.0)
            lost = at_work(server, "slow")
            assert process_of(jobs_of(results, [lost])[0].worker) == process.pid
            process.kill()
            process.wait()
            job = server.ended(lost)
            assert (job["status"], "lost" in job["message"]) == ("failed", True)
        with worker(tmp_path, results) as process:
            stopped = at_work(server, "slow")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert server.ended(stopped)["status"] == "failed"
        server.delete(f"/jobs/{busy}")
    assert_nothing_lost(results, [busy, lost, stopped])


@contextmanager
def worker(folder: Path, results: Path) -> Iterator[subprocess.Popen]:
    """A process that only runs jobs."""
    command = [sys.executable, "-m", "nbprocessor", "worker", "--slots", "1", "--results", str(results)]
    with (folder / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stderr=log, env=os.environ | ONE_SLOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert "Traceback" not in (folder / "worker.log").read_text()


def jobs_of(results: Path, job_ids: list[str]) -> list[Job]:
    """Jobs as the database has them: who runs them is told to nobody else."""
    engine = open_database(f"sqlite:///{results / DATABASE}")
    try:
        found = JobStore(engine).list(JobFilter(), limit=1000)
    finally:
        engine.dispose()
    return [job for job in found if str(job.id) in job_ids]


def process_of(worker: str | None) -> int:
    """The number of a worker's process, as its name tells it."""
    pid = int(str(worker).split("/")[2])
    assert psutil.pid_exists(pid)
    return pid


def until(reached: Callable[[], bool], patience: float = 180.0) -> None:
    """Ask until it is so; that a process was started anew has no event."""
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)
