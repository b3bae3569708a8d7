"""Disks that are full, databases that are locked or damaged: a sentence, 503 instead of 500, and nothing lost."""

import os
import random
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from nbprocessor.store.results import ResultStore
from tests.faults import instant
from tests.faults.conftest import accepted, at_work, serve
from tests.faults.invariants import DATABASE, assert_nothing_lost, audited
from tests.servers.nbprocessor import start

KERNELS = {"NBPROCESSOR_EXECUTION__EXECUTOR": "subprocess", "NBPROCESSOR_RESULTS__RESERVE": "0"}

MOMENTS = int(os.environ.get("MOMENTS", "3"))
"""``MOMENTS=50 make faults``."""


@contextmanager
def small_disk(folder, size):
    """Mount a file system of some megabytes in memory; only root may."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = f"a tmpfs cannot be mounted here ({done.stderr.strip()})"
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.kernel
def test_a_run_that_fills_the_disk_fails_and_gives_the_room_back(tmp_path, notebooks):
    with small_disk(tmp_path / "disk", "24m"):
        results = tmp_path / "disk" / "results"
        with start(notebooks, results, env=KERNELS) as server:
            before = server.job("quick")
            filled = server.job("fill")
            assert filled["status"] == "failed"
            assert "No space left" in filled["message"] or "disk" in filled["message"], filled["message"]
            after = server.job("quick")
            assert (before["status"], after["status"]) == ("successful", "successful")
        assert_nothing_lost(results, [job["jobID"] for job in (before, filled, after)])


@pytest.mark.kernel
def test_on_a_full_disk_requests_are_refused_with_503_and_what_is_there_can_be_read(tmp_path, notebooks):
    with small_disk(tmp_path / "disk", "24m"):
        results = tmp_path / "disk" / "results"
        with start(notebooks, results, env=KERNELS) as server:
            before = server.job("quick")
            running = at_work(server, "slow", seconds=3)
            ballast = tmp_path / "disk" / "ballast"
            _fill(ballast)
            for _ in range(5):
                refused = server.execute("quick", prefer="respond-async")
                assert refused.status_code == 503, refused.text
                assert int(refused.headers["Retry-After"]) > 0
                assert "disk" in refused.json()["detail"]
            assert server.get(f"/jobs/{before['jobID']}/results").status_code == 200
            assert server.get("/jobs?f=json").status_code == 200
            ballast.unlink()
            ended = server.ended(running)
            assert ended["status"] in {"successful", "failed"}
            after = server.job("quick")
            assert after["status"] == "successful"
            assert "Traceback" not in server.log.read_text()
        jobs = assert_nothing_lost(results, [before["jobID"], running, after["jobID"]])
        assert len(jobs) == 3
        # What was refused has left nothing behind.
        assert len(ResultStore(results).job_ids()) == 3


def test_a_disk_that_is_full_at_any_moment_loses_nothing(tmp_path, notebooks):
    drawn, acknowledged = random.Random(20260302), []
    with small_disk(tmp_path / "disk", "24m"):
        results = audited(tmp_path / "disk" / "results")
        with instant.serving(notebooks, results) as server, ThreadPoolExecutor(2) as clients:
            for _ in range(MOMENTS):
                over = threading.Event()
                under_way = [clients.submit(_load, server, acknowledged, over) for _ in range(2)]
                # The moment is what is drawn; it is no event that could be waited for.
                time.sleep(drawn.uniform(0, 1))
                ballast = tmp_path / "disk" / "ballast"
                _fill(ballast)
                time.sleep(drawn.uniform(0, 0.5))
                ballast.unlink()
                over.set()
                assert [client.result() for client in under_way] == [None, None]
            for job_id in acknowledged:
                assert server.ended(job_id)["status"] in {"successful", "failed"}
            after = accepted(server, "quick")
            assert server.ended(after)["status"] == "successful"
            assert "Traceback" not in server.log.read_text()
        assert_nothing_lost(results, [*acknowledged, after])


def _load(server, acknowledged, over):
    """Execute until it is over; whoever is refused is told why with 503."""
    while not over.is_set():
        answer = server.execute("quick", prefer="respond-async")
        assert answer.status_code in {201, 503}, answer.text
        if answer.status_code == 201:
            acknowledged.append(answer.json()["jobID"])


@pytest.mark.kernel
def test_while_the_database_is_locked_changes_are_refused_with_503_and_runs_go_on(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results, env=KERNELS) as server:
        running = at_work(server, "slow", seconds=2)
        with closing(sqlite3.connect(results / DATABASE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            refused = server.execute("quick", prefer="respond-async")
            assert refused.status_code == 503, refused.text
            assert int(refused.headers["Retry-After"]) > 0
            assert "locked" in refused.json()["detail"]
            assert server.delete(f"/jobs/{running}").status_code == 503
            assert server.get(f"/jobs/{running}").json()["status"] == "running"
            other.execute("ROLLBACK")
        assert server.ended(running)["status"] == "successful"
        after = accepted(server, "quick")
        assert server.ended(after)["status"] == "successful"
        assert "Traceback" not in server.log.read_text()
    jobs = assert_nothing_lost(results, [running, after])
    assert len(jobs) == 2


def test_a_locked_database_is_named_at_the_start(tmp_path, notebooks):
    results = tmp_path / "results"
    results.mkdir()
    _database(results / DATABASE, jobs=0)
    with closing(sqlite3.connect(results / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = serve(notebooks, results)
    assert (said.code, f"{results / DATABASE} is locked by another program" in said.text) == (4, True), said
    assert_nothing_lost(results, [])


def test_a_damaged_database_is_named_with_what_to_do(tmp_path, notebooks):
    results = tmp_path / "results"
    results.mkdir()
    file = results / DATABASE
    _database(file)
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(half)
    said = serve(notebooks, results)
    assert (said.code, f"The database {file} is damaged" in said.text) == (4, True), said
    assert "put a backup in its place" in said.text
    assert file.read_bytes() == half


def _database(file, jobs=200):
    from nbprocessor.store.database import open_database
    from nbprocessor.store.jobs import JobStore
    from tests.unit.store.samples import a_job

    engine = open_database(f"sqlite:///{file}")
    store = JobStore(engine)
    for minute in range(jobs):
        store.add(a_job(minute))
    engine.dispose()


def _fill(file):
    """Take the last byte there is."""
    size = 1 << 20
    with file.open("wb", buffering=0) as ballast:
        while size:
            try:
                ballast.write(bytes(size))
            except OSError:
                size //= 2
