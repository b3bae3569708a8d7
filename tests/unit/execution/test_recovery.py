"""What a worker does with the jobs of workers that are gone."""

import asyncio
import json
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nbprocessor import contract
from nbprocessor.execution import identity
from nbprocessor.execution.presence import Presence
from nbprocessor.model.job import JobStatus
from nbprocessor.store.files import atomic_write
from nbprocessor.store.workers import WorkerRegister
from tests.unit.notebook.written import code

BOOT, NAMESPACE, PID, START = identity.own().split("/")
DEAD = f"{BOOT}/{NAMESPACE}/{PID}/1"
ELSEWHERE = "another-boot/1/1/1"


def lost(shop, worker=DEAD, **facts):
    """A job that runs at a worker."""
    job = shop.submit(code("1"), **facts)
    return shop.store.claim(worker, job.id)


def recover(shop):
    asyncio.run(shop.worker.recover())


def end_in_folder(shop, job, status="successful", attempt=None):
    """Complete a job's folder, as a worker does right before it changes the row."""
    now = datetime.now(UTC).isoformat()
    facts = {"status": status, "message": "", "finished": now, "attempt": job.attempt if attempt is None else attempt}
    atomic_write(shop.results.folder(job.id) / contract.FILE_EXECUTED, b"{}")
    shop.results.write_manifest(job.id, job=facts, process={}, outputs=(), environment={})


def test_a_lost_job_is_closed_as_failed_with_the_notebook_it_left(shop):
    job = lost(shop)
    recover(shop)
    closed = shop.store.get(job.id)
    assert (closed.status, "was lost" in closed.message) == (JobStatus.FAILED, True)
    assert shop.results.verify(job.id) == []
    assert shop.executed(job)["cells"]


def test_a_lost_job_that_may_be_repeated_waits_again_until_it_was_lost_too_often(shop):
    job = lost(shop, facts="  retry_safe: true")
    for attempt in range(1, shop.settings.execution.retry_attempts):
        recover(shop)
        waiting = shop.store.get(job.id)
        assert waiting.status is JobStatus.ACCEPTED
        assert waiting.message.startswith(f"attempt {attempt} of 3 failed"), waiting.message
        assert shop.store.claim(DEAD).attempt == attempt + 1
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.FAILED


def test_a_lost_job_whose_dismissal_was_asked_for_is_dismissed(shop):
    job = lost(shop, facts="  retry_safe: true")
    shop.store.request_dismissal(job.id)
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.DISMISSED


def test_a_job_whose_folder_was_complete_ends_as_its_folder_tells(shop):
    job = lost(shop, facts="  retry_safe: true")
    end_in_folder(shop, job)
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.SUCCESSFUL
    assert shop.results.verify(job.id) == []


def test_a_folder_that_is_not_as_it_was_recorded_is_not_believed(shop):
    job = lost(shop)
    end_in_folder(shop, job)
    (shop.results.folder(job.id) / contract.FILE_EXECUTED).write_bytes(b'{"cells": []}')
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.FAILED


def test_the_record_of_an_earlier_attempt_is_not_believed(shop):
    job = lost(shop)
    end_in_folder(shop, job, attempt=0)
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.FAILED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (contract.FILE_MANIFEST, b"[" * 100_000),
        (contract.FILE_PROCESS, b"[" * 100_000),
        (contract.FILE_MANIFEST, {"status": "running"}),
        (contract.FILE_MANIFEST, {"finished": "2026-01-01T00:00:00"}),
    ],
    ids=["deep manifest", "deep process", "manifest of a running job", "manifest without a zone"],
)
def test_what_a_lost_job_left_keeps_no_server_from_its_start(shop, name, content):
    job = lost(shop)
    end_in_folder(shop, job)
    path = shop.results.folder(job.id) / name
    if isinstance(content, dict):
        manifest = json.loads(path.read_bytes())
        content = json.dumps({**manifest, "job": {**manifest["job"], **content}}).encode()
    atomic_write(path, content)
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.FAILED


def test_a_lost_job_whose_notebook_was_changed_is_not_repeated(shop):
    job = lost(shop, facts="  retry_safe: true")
    atomic_write(shop.results.folder(job.id) / contract.FILE_NOTEBOOK, b"{}")
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.FAILED


def test_a_job_whose_folder_is_gone_ends_all_the_same(shop):
    job = lost(shop)
    shop.results.delete(job.id)
    recover(shop)
    assert shop.store.get(job.id).status is JobStatus.FAILED


def test_a_job_of_a_living_worker_is_left_alone(shop):
    job = lost(shop, worker=identity.own())
    recover(shop)
    assert shop.store.get(job.id) == job


def test_a_worker_that_was_taken_over_from_writes_nothing_any_more(shop):
    job = lost(shop)
    adopted = shop.store.adopt(job, "new")
    assert (adopted.worker, adopted.attempt) == ("new", job.attempt)
    assert shop.store.adopt(job, "third") is None
    assert not shop.store.progress(job, 50, "late")
    assert shop.store.finish(job, JobStatus.SUCCESSFUL, "late") is None
    assert shop.store.finish(adopted, JobStatus.FAILED, "").status is JobStatus.FAILED


def test_two_servers_that_start_at_once_settle_a_lost_job_once(shop):
    for _ in range(5):
        lost(shop, facts="  retry_safe: true")
    other = shop.make_worker()

    async def both():
        await asyncio.gather(shop.worker.recover(), other.recover())

    asyncio.run(both())
    jobs = shop.store.unfinished()
    assert [(job.status, job.attempt) for job in jobs] == [(JobStatus.ACCEPTED, 1)] * 5


def test_a_server_that_comes_too_late_leaves_the_next_attempt_alone(shop, monkeypatch):
    job = lost(shop, facts="  retry_safe: true")
    monkeypatch.setattr(shop.worker._presence, "lost", lambda: [job])  # what it had found before it was overtaken
    asyncio.run(shop.make_worker().recover())
    assert shop.store.claim(identity.own()).attempt == 2
    again = subprocess.Popen(["sleep", "600"], env={contract.JOB_ID: str(job.id)})
    try:
        recover(shop)
        assert again.poll() is None
    finally:
        again.kill()
        again.wait()


class TestOfAnotherMachine:
    def test_a_worker_that_beats_keeps_its_jobs(self, shop):
        job, register = lost(shop, worker=ELSEWHERE), WorkerRegister(shop.store.engine)
        presence = Presence(shop.store, lease=0.05)
        for _ in range(5):
            register.beat(ELSEWHERE)
            assert presence.lost() == []
            time.sleep(0.06)  # longer than the lease: only the beat keeps it
        assert shop.store.get(job.id) == job

    @pytest.mark.parametrize("entered", [True, False])
    def test_a_worker_whose_beat_stands_still_loses_its_jobs_after_the_lease(self, shop, entered):
        job, register = lost(shop, worker=ELSEWHERE), WorkerRegister(shop.store.engine)
        if entered:
            register.beat(ELSEWHERE)
        presence = Presence(shop.store, lease=0.05)
        assert presence.lost() == []
        time.sleep(0.06)  # the lease itself
        assert presence.lost() == [job]
        assert register.beats() == {}

    def test_a_server_that_just_started_takes_nothing_from_it(self, shop):
        job = lost(shop, worker=ELSEWHERE)
        recover(shop)
        assert shop.store.get(job.id) == job


def test_a_worker_is_entered_while_it_works_and_forgotten_afterwards(shop):
    register = WorkerRegister(shop.store.engine)
    presence = Presence(shop.store, beat=0.01)

    async def watch():
        async with presence.beating(), asyncio.timeout(10):
            while register.beats().get(presence.identity, 0) < 3:
                await asyncio.sleep(0.01)

    asyncio.run(watch())
    assert register.beats() == {}


def test_it_is_told_how_many_workers_are_known_and_live(shop):
    register, presence = WorkerRegister(shop.store.engine), Presence(shop.store, lease=0.05)
    for worker in (identity.own(), DEAD, ELSEWHERE):
        register.beat(worker)
    assert presence.known() == {"known": 3, "alive": 2}
    presence.lost()
    time.sleep(0.06)  # the lease itself
    assert presence.known() == {"known": 2, "alive": 1}
    register.beat(ELSEWHERE)
    presence.lost()
    assert presence.known() == {"known": 2, "alive": 2}


def test_an_end_waits_for_a_locked_database(shop):
    import sqlite3

    job = lost(shop, worker=identity.own())
    file = shop.settings.results.folder / "nbprocessor.db"

    async def close_while_locked():
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            closing_job = asyncio.ensure_future(shop.worker._recorder.close(job, JobStatus.FAILED, "why"))
            done, _ = await asyncio.wait({closing_job}, timeout=0.5)
            assert not done
            other.execute("ROLLBACK")
        await closing_job

    asyncio.run(close_while_locked())
    assert (shop.store.get(job.id).status, shop.store.get(job.id).message) == (JobStatus.FAILED, "why")


def test_an_end_that_comes_too_late_does_not_touch_the_folder(shop):
    job = lost(shop)
    again = shop.store.adopt(job, identity.own())
    asyncio.run(shop.worker._recorder.close(job, JobStatus.FAILED, "late"))
    assert shop.store.get(job.id) == again
    assert not shop.results.exists(job.id, contract.FILE_MANIFEST)


def test_a_notebook_that_was_exchanged_is_not_run(shop):
    from nbprocessor.errors import ExecutionError

    job = lost(shop)
    with pytest.raises(ExecutionError, match="not the one the job was accepted with"):
        shop.worker._recorder.accepted(replace(job, notebook_sha256="0" * 64))
