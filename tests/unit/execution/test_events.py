import asyncio
import sqlite3
import threading
from contextlib import aclosing, closing

import pytest

from nbprocessor.errors import NoSuchJob, StoreUnavailable
from nbprocessor.execution.events import JobEvents
from nbprocessor.model.job import JobStatus
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from tests.unit.store.samples import a_job, ended

LONG = 60.0


@pytest.fixture
def store(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield JobStore(engine)
    engine.dispose()


@pytest.fixture
def running(store):
    store.add(a_job())
    return store.claim("worker")


def test_who_waits_is_woken_by_the_end_and_leaves_nothing(store, running):
    async def scene():
        events = JobEvents(store, glance=LONG)
        waits = [asyncio.create_task(events.wait(running.id, LONG)) for _ in range(50)]
        while events.waiting < 50:
            await asyncio.sleep(0)
        events.publish(store.finish(running, JobStatus.SUCCESSFUL, ""))
        found = await asyncio.gather(*waits)
        return found, events.waiting

    found, waiting = asyncio.run(scene())
    assert {job.status for job in found} == {JobStatus.SUCCESSFUL}
    assert waiting == 0


def test_what_another_process_did_is_found_by_looking(store, running):
    async def scene():
        wait = asyncio.create_task(JobEvents(store, glance=0.02).wait(running.id, LONG))
        await asyncio.sleep(0)
        await asyncio.to_thread(store.finish, running, JobStatus.FAILED, "elsewhere")
        return await wait

    assert asyncio.run(scene()).message == "elsewhere"


def test_all_that_wait_look_together_and_each_is_told_of_its_job(store, monkeypatch):
    jobs = [a_job(minute) for minute in range(60)]
    for job in jobs:
        store.add(job)
    claimed = [store.claim("worker") for _ in jobs]
    looks, real = [], store.several
    monkeypatch.setattr(store, "several", lambda ids: looks.append(len(ids)) or real(ids))  # counts, changes nothing

    async def scene():
        events = JobEvents(store, glance=0.01)
        waits = [asyncio.create_task(events.wait(job.id, LONG)) for job in claimed]
        while events.waiting < len(jobs):
            await asyncio.sleep(0.01)
        before = threading.active_count()
        for job in claimed:
            await asyncio.to_thread(store.finish, job, JobStatus.SUCCESSFUL, "")
        found = await asyncio.gather(*waits)
        return found, before

    found, threads = asyncio.run(scene())
    assert [job.id for job in found] == [job.id for job in claimed]
    assert looks[0] == len(jobs)
    assert threads < len(jobs)


def test_an_older_reading_of_the_store_does_not_replace_the_end(store, running):
    async def scene():
        events, seen = JobEvents(store, glance=LONG), []
        async for job in events.subscribe(running.id):
            seen.append(job.status)
            if job.status is JobStatus.RUNNING:
                events.publish(store.finish(running, JobStatus.SUCCESSFUL, ""))
                events.publish(running)
        return seen

    assert asyncio.run(scene()) == [JobStatus.RUNNING, JobStatus.SUCCESSFUL]


def test_a_nudge_makes_waiters_look_at_once(store, running):
    async def scene():
        events = JobEvents(store, glance=LONG)
        wait = asyncio.create_task(events.wait(running.id, LONG))
        while not events.waiting:
            await asyncio.sleep(0)
        await asyncio.to_thread(store.finish, running, JobStatus.DISMISSED, "")
        events.nudge(running.id)
        return await wait

    assert asyncio.run(scene()).status is JobStatus.DISMISSED


def test_a_wait_that_is_over_returns_nothing_and_leaves_nothing(store, running):
    async def scene():
        events = JobEvents(store)
        return await events.wait(running.id, 0.05), events.waiting

    assert asyncio.run(scene()) == (None, 0)


def test_a_job_that_has_ended_is_returned_at_once(store):
    job = ended(0, 1)
    store.add(job)
    assert asyncio.run(JobEvents(store, glance=LONG).wait(job.id, LONG)) == job


def test_an_unknown_job_is_not_waited_for(store):
    with pytest.raises(NoSuchJob):
        asyncio.run(JobEvents(store).wait(a_job().id, LONG))


def test_a_subscriber_sees_each_change_once_and_the_end_last(store, running):
    async def scene():
        events, seen = JobEvents(store, glance=LONG), []
        async for job in events.subscribe(running.id):
            seen.append((job.status, job.progress))
            if job.progress == 0:
                store.progress(running, 50, "half")
                events.publish(store.get(running.id))
                events.publish(store.get(running.id))
            elif job.status is JobStatus.RUNNING:
                events.publish(store.finish(running, JobStatus.SUCCESSFUL, ""))
        return seen, events.waiting

    seen, waiting = asyncio.run(scene())
    assert seen == [(JobStatus.RUNNING, 0), (JobStatus.RUNNING, 50), (JobStatus.SUCCESSFUL, 100)]
    assert waiting == 0


def test_a_subscriber_that_goes_away_leaves_nothing(store, running):
    async def scene():
        events = JobEvents(store, glance=LONG)
        async with aclosing(events.subscribe(running.id)) as states:
            async for _ in states:
                break
        return events.waiting

    assert asyncio.run(scene()) == 0


def test_who_waits_already_outlasts_a_store_that_is_away(store, running, monkeypatch):
    async def scene():
        wait = asyncio.create_task(JobEvents(store, glance=0.01).wait(running.id, LONG))
        looks = asyncio.Event()
        loop, real = asyncio.get_running_loop(), store.several

        def away(job_ids):
            loop.call_soon_threadsafe(looks.set)
            raise StoreUnavailable("away")

        await asyncio.sleep(0.05)
        monkeypatch.setattr(store, "several", away)  # a database cannot be taken away in the middle otherwise
        store.progress(running, 10, "something to be looked at")
        await looks.wait()
        monkeypatch.setattr(store, "several", real)
        store.finish(running, JobStatus.SUCCESSFUL, "")
        return await wait

    assert asyncio.run(scene()).status is JobStatus.SUCCESSFUL


def test_reading_goes_on_while_another_program_writes(store, running, tmp_path):
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert store.get(running.id) == running
        other.execute("ROLLBACK")


class TestWhenTheProgramEnds:
    def test_who_waits_for_a_job_that_does_not_run_is_let_go_at_once(self, store):
        store.add(waiting := a_job())

        async def scene():
            events = JobEvents(store, glance=LONG)
            waits = [asyncio.create_task(events.wait(waiting.id, LONG)) for _ in range(3)]
            while events.waiting < 3:
                await asyncio.sleep(0)
            events.close()
            return await asyncio.gather(*waits), await events.wait(waiting.id, LONG), events.waiting

        assert asyncio.run(scene()) == ([None, None, None], None, 0)

    def test_who_waits_for_a_job_that_runs_learns_how_it_ended(self, store, running):
        async def scene():
            events = JobEvents(store, glance=LONG)
            wait = asyncio.create_task(events.wait(running.id, LONG))
            while not events.waiting:
                await asyncio.sleep(0)
            events.close()
            done, _ = await asyncio.wait({wait}, timeout=0.1)
            assert not done
            events.publish(store.finish(running, JobStatus.FAILED, "the server stopped"))
            return await wait

        assert asyncio.run(scene()).message == "the server stopped"
