"""Servers that are killed or stopped: their jobs end, and nothing that was acknowledged is lost."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import requests

from nbprocessor.model.job import JobStatus
from tests.faults.conftest import accepted, at_work
from tests.faults.invariants import assert_nothing_lost, audited, wait_until_gone
from tests.servers.nbprocessor import Server, start

pytestmark = pytest.mark.kernel
KERNELS = {
    "NBPROCESSOR_EXECUTION__EXECUTOR": "subprocess",
    "NBPROCESSOR_EXECUTION__ISOLATION": "none",
    "NBPROCESSOR_EXECUTION__SLOTS": "2",
}
"""No fork server, for faults that have nothing to do with it; runs may leave marks outside of their folders."""
TWO_SLOTS = {"NBPROCESSOR_EXECUTION__SLOTS": "2"}
KILLS = int(os.environ.get("KILLS", "3"))
"""``KILLS=500 make faults``; every second one meets the server itself."""


@pytest.mark.parametrize("executor", ["direct", "subprocess"])
def test_a_killed_servers_run_ends_and_the_next_server_closes_its_job(tmp_path, notebooks, executor):
    results = tmp_path / "results"
    environment = {"NBPROCESSOR_EXECUTION__EXECUTOR": executor}
    with start(notebooks, results, env=environment) as server:
        job_id = at_work(server, "slow")
        server.process.kill()
        server.process.wait()
    wait_until_gone(tmp_path)
    with start(notebooks, results, env=environment) as server:
        job = server.get(f"/jobs/{job_id}").json()
        assert (job["status"], "lost" in job["message"]) == ("failed", True)
        assert "the first cell ran" in server.get(f"/jobs/{job_id}/notebook").text
        assert server.get(f"/jobs/{job_id}/manifest").json()["job"]["status"] == "failed"
    assert_nothing_lost(results, [job_id])


def test_a_job_is_kept_from_the_moment_it_is_acknowledged(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results) as server:
        job_ids = [accepted(server, "quick", number=number) for number in range(8)]
        server.process.kill()
        server.process.wait()
    wait_until_gone(tmp_path)
    with start(notebooks, results) as server:
        ended = [server.ended(job_id) for job_id in job_ids]
    jobs = assert_nothing_lost(results, job_ids)
    # Two of them at most were running, in a notebook that does not say it may be repeated.
    assert sum(job["status"] == "successful" for job in ended) >= 6
    assert all(jobs[job["jobID"]].status == job["status"] for job in ended)


def test_what_may_be_repeated_is_run_again_after_a_kill(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results, env=KERNELS) as server:
        job_id = at_work(server, "again", mark=str(tmp_path / "mark"))
        server.process.kill()
        server.process.wait()
    wait_until_gone(tmp_path)
    with start(notebooks, results, env=KERNELS) as server:
        assert server.ended(job_id)["status"] == "successful"
    assert assert_nothing_lost(results, [job_id])[job_id].attempt == 2


def test_a_server_that_is_told_to_stop_leaves_every_job_settled(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results, env=KERNELS) as server:
        lost = at_work(server, "slow")
        again = at_work(server, "again", mark=str(tmp_path / "mark"))
        with ThreadPoolExecutor() as requests_under_way:
            answer = requests_under_way.submit(server.execute, "quick")
            while not (waits := server.get("/jobs?status=accepted").json()["jobs"]):
                time.sleep(0.05)
            waiting = waits[0]["jobID"]
            server.process.send_signal(signal.SIGTERM)
            # Whoever waits for a job that does not come to run here is told where to find it.
            told = answer.result(20)
            assert (told.status_code, told.json()["jobID"]) == (201, waiting)
        server.process.wait(20)
        assert server.process.returncode in {0, -signal.SIGTERM}
        assert "Traceback" not in server.log.read_text()
    jobs = assert_nothing_lost(results, [lost, again, waiting], waiting=2)
    assert (jobs[lost].status, "server stopped" in jobs[lost].message) == (JobStatus.FAILED, True)
    with start(notebooks, results, env=KERNELS) as server:
        assert {server.ended(job_id)["status"] for job_id in (again, waiting)} == {"successful"}
    assert_nothing_lost(results, [lost, again, waiting])


def test_a_run_of_the_command_line_beside_a_server_is_dismissed_there_and_closed_when_it_was_killed(
    tmp_path, notebooks
):
    results = tmp_path / "results"
    command = [sys.executable, "-m", "nbprocessor", "run", "slow", "--quiet", "-p", "seconds", "600"]
    command += ["--notebooks", str(notebooks), "--results", str(results)]
    with start(notebooks, results, env=KERNELS) as server:
        with subprocess.Popen(
            command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ | KERNELS
        ) as run:
            dismissed = _running(server)
            server.delete(f"/jobs/{dismissed}")
            assert server.ended(dismissed)["status"] == "dismissed"
            assert "dismissed" in run.communicate(timeout=20)[1]
        assert run.returncode == 1
        taken, by_the_server = [], True
        while by_the_server:  # the server may have been faster than the command line to take the job
            with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, env=os.environ | KERNELS) as run:
                taken.append(_running(server))
                by_the_server = f"/{run.pid}/" not in _worker_of(results, taken[-1])
                if by_the_server:
                    server.delete(f"/jobs/{taken[-1]}")
                else:
                    run.kill()
            job = server.ended(taken[-1])
        assert (job["status"], "lost" in job["message"]) == ("failed", True)
    assert_nothing_lost(results, [dismissed, *taken])


def test_nothing_is_lost_when_processes_are_killed_under_load(tmp_path, notebooks):
    results, drawn, killed = audited(tmp_path / "results"), random.Random(20260301), 0
    acknowledged: list[str] = []
    while killed < KILLS:
        with start(notebooks, results, env=TWO_SLOTS) as server, _loaded(server, acknowledged):
            while killed < KILLS and server.process.poll() is None:
                # The moment of the kill is what is drawn; it is no event that could be waited for.
                time.sleep(drawn.uniform(0.1, 4))
                killed += 1
                with suppress(psutil.NoSuchProcess):  # it has just ended by itself
                    _victim(server, drawn).kill()
                if killed % 2:
                    server.process.kill()
                    server.process.wait()
        wait_until_gone(tmp_path)
    with start(notebooks, results, env=TWO_SLOTS) as server:
        for job_id in acknowledged:
            assert server.ended(job_id)["status"] in {"successful", "failed"}
    jobs = assert_nothing_lost(results, acknowledged)
    # Those that ran, in two slots, when something was killed or the load was over.
    assert sum(job.status is JobStatus.FAILED for job in jobs.values()) <= 2 * (2 * KILLS + 1)


def _victim(server: Server, drawn: random.Random) -> psutil.Process:
    """Draw a process of the server's: its fork server, a run, a kernel; itself where there is no other."""
    process = psutil.Process(server.process.pid)
    return drawn.choice(sorted(process.children(recursive=True), key=lambda child: child.pid) or [process])


@contextmanager
def _loaded(server: Server, acknowledged: list[str]) -> Iterator[None]:
    """Execute from two clients while the body runs, or until the server is gone."""
    over = threading.Event()

    def load() -> None:
        while not over.wait(0.2):
            try:
                answer = server.execute("quick", prefer="respond-async")
            except requests.RequestException:
                return
            if answer.status_code != 503:
                assert answer.status_code == 201, answer.text
                acknowledged.append(answer.json()["jobID"])

    with ThreadPoolExecutor(2) as clients:
        under_way = [clients.submit(load) for _ in range(2)]
        try:
            yield
        finally:
            over.set()
            for client in under_way:
                client.result()


def _worker_of(results: Path, job_id: str) -> str:
    """Return who runs a job: host, boot, process and its start, between slashes."""
    query = "SELECT worker FROM jobs WHERE id IN (?, ?)"
    with closing(sqlite3.connect(results / "nbprocessor.db")) as database:
        ((worker,),) = database.execute(query, (job_id, UUID(job_id).hex)).fetchall()
    return str(worker)


def _running(server) -> str:
    """Wait until a job runs, and return its id."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for job in server.get("/jobs?status=running").json()["jobs"]:
            if job["message"].startswith("Work"):
                return job["jobID"]
        time.sleep(0.1)
    raise AssertionError("no job runs")
