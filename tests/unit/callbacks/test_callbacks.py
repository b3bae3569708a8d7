import asyncio
import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from nbprocessor import config
from nbprocessor.callbacks import CallbackSender
from nbprocessor.model.job import JobStatus, Subscriber
from nbprocessor.outbound import Outbound
from nbprocessor.store.callbacks import CallbackQueue
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from tests.unit.outbound.strangers import content, strangers, wait_for_callers
from tests.unit.store.samples import a_job

PATIENCE = 20.0


@pytest.fixture
def stranger():
    with strangers() as server:
        yield server


@pytest.fixture
def store(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield JobStore(engine)
    wait_for_callers()
    engine.dispose()


def subscribed(store, stranger, end=JobStatus.SUCCESSFUL):
    """A job that ran, and whose subscriber wants to know of everything."""
    urls = [f"{stranger.url}/{name}" for name in ("success", "progress", "failed")]
    job = a_job(subscriber=Subscriber(*urls))
    store.add(job)
    running = store.claim("worker", job.id)
    return store.finish(running, end, "") if end else running


def body(job, event):
    return json.dumps({"job": str(job.id), "event": event}).encode()


@contextmanager
def sending(store, body=body, **settings):
    """Let a sender work in a thread while the body runs."""
    allowed = config.Outbound(
        **{"allow_hosts": ("127.0.0.1",), "callback_backoff": 0.05, "read_timeout": 5.0, **settings}
    )
    stop, ready, loops = asyncio.Event(), threading.Event(), []

    async def work():
        sender = CallbackSender(store, Outbound(allowed), body, allowed, poll=0.05)
        loops.append(asyncio.get_running_loop())
        ready.set()
        await sender.run(stop)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def settled(store, job, patience=PATIENCE):
    """Wait until nothing of a job is to be sent any more; return state, attempts and error of each callback."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        callbacks = CallbackQueue(store.engine).of_job(job.id)
        if all(callback.state != "pending" for callback in callbacks):
            return [(callback.event, callback.state, callback.attempts) for callback in callbacks]
        time.sleep(0.02)
    raise AssertionError(callbacks)


def test_a_subscriber_is_told_of_start_and_end_in_this_order(store, stranger):
    job = subscribed(store, stranger)
    with sending(store):
        assert settled(store, job) == [("in-progress", "delivered", 1), ("success", "delivered", 1)]
    assert [(asked.method, asked.path) for asked in stranger.asked] == [("POST", "/progress"), ("POST", "/success")]
    assert json.loads(stranger.asked[1].body) == {"job": str(job.id), "event": "success"}
    assert stranger.asked[1].headers["Content-Type"] == "application/json"


def test_a_subscriber_that_does_not_answer_well_is_told_again(store, stranger):
    answers = iter([content(b"", status=500), content(b"", status=404)])

    def better_every_time(request):
        next(answers, content(b""))(request)

    stranger.answers["success"] = better_every_time
    job = subscribed(store, stranger)
    with sending(store):
        assert settled(store, job)[1] == ("success", "delivered", 3)
    assert store.get(job.id) == job


def test_what_cannot_be_delivered_is_given_up_and_the_job_stays_as_it_is(store, stranger):
    stranger.answers["success"] = content(b"", status=500)
    job = subscribed(store, stranger)
    with sending(store, callback_attempts=3):
        assert settled(store, job)[1] == ("success", "given-up", 3)
    assert "it answers 500" in CallbackQueue(store.engine).of_job(job.id)[1].last_error
    assert store.get(job.id) == job


def test_that_a_job_runs_is_no_news_once_it_has_ended(store, stranger):
    stranger.answers["progress"] = content(b"", status=500)
    job = subscribed(store, stranger)
    with sending(store):
        assert settled(store, job) == [("in-progress", "given-up", 1), ("success", "delivered", 1)]


def test_the_end_is_not_told_before_the_start_is(store, stranger):
    gate = threading.Event()
    stranger.answers["progress"] = lambda request: (gate.wait(PATIENCE), content(b"")(request))
    running = subscribed(store, stranger, end=None)
    with sending(store):
        assert stranger.reached.acquire(timeout=PATIENCE)
        store.finish(running, JobStatus.FAILED, "why")
        assert [callback.state for callback in CallbackQueue(store.engine).of_job(running.id)] == ["pending"] * 2
        gate.set()
        assert settled(store, running) == [("in-progress", "delivered", 1), ("failed", "delivered", 1)]
    assert [asked.path for asked in stranger.asked] == ["/progress", "/failed"]


def test_a_slow_subscriber_keeps_no_other_waiting(store, stranger):
    slow = a_job(subscriber=Subscriber(f"{stranger.url}/slow"))
    store.add(slow)
    store.finish(store.claim("worker", slow.id), JobStatus.SUCCESSFUL, "")
    with sending(store, read_timeout=60):
        assert stranger.reached.acquire(timeout=PATIENCE)
        for _ in range(6):
            assert settled(store, subscribed(store, stranger))[-1][1] == "delivered"
        stranger.released.set()
        assert settled(store, slow) == [("success", "delivered", 1)]


def test_a_server_that_stops_does_not_wait_for_slow_subscribers_and_their_callback_stays(store, stranger):
    job = a_job(subscriber=Subscriber(f"{stranger.url}/slow"))
    store.add(job)
    store.finish(store.claim("worker", job.id), JobStatus.SUCCESSFUL, "")
    with sending(store, read_timeout=60):
        assert stranger.reached.acquire(timeout=PATIENCE)
        began = time.monotonic()
    assert time.monotonic() - began < 8
    (callback,) = CallbackQueue(store.engine).of_job(job.id)
    assert (callback.state, callback.attempts) == ("pending", 0)
    # Its sender is taken for dead once the lease is over; then somebody else sends it.
    assert callback.next_attempt > datetime.now(UTC)
    stranger.released.set()


def test_what_is_leased_is_nobody_elses_until_the_lease_is_over(store, stranger):
    subscribed(store, stranger)
    queue = CallbackQueue(store.engine)
    (taken,) = queue.claim(10, timedelta(seconds=0.2))
    assert queue.claim(10, timedelta(seconds=30)) == []
    time.sleep(0.25)  # the lease itself
    (again,) = queue.claim(10, timedelta(seconds=30))
    assert again.id == taken.id
    queue.delivered(taken)  # whoever overslept changes nothing
    assert queue.of_job(taken.job_id)[0].state == "pending"
    queue.delivered(again)
    assert queue.of_job(taken.job_id)[0].state == "delivered"


def test_two_senders_tell_each_thing_once(store, stranger):
    jobs = [subscribed(store, stranger) for _ in range(10)]
    with sending(store), sending(store):
        for job in jobs:
            settled(store, job)
    assert len(stranger.asked) == 20
    assert len({asked.body for asked in stranger.asked}) == 20


def test_an_inner_address_is_never_told(store, stranger):
    job = subscribed(store, stranger)
    with sending(store, allow_hosts=(), callback_attempts=1):
        assert [state for _, state, _ in settled(store, job)] == ["given-up"] * 2
    assert stranger.asked == []


def test_a_body_that_cannot_be_written_ends_no_other_callbacks(store, stranger):
    bad, good = subscribed(store, stranger), subscribed(store, stranger)

    def partly(job, event):
        if job.id == bad.id:
            raise ValueError("broken results")
        return body(job, event)

    with sending(store, body=partly, callback_attempts=2):
        assert settled(store, good)[-1][1] == "delivered"
        assert settled(store, bad)[-1] == ("success", "given-up", 2)
    assert "broken results" in CallbackQueue(store.engine).of_job(bad.id)[1].last_error


def test_a_deleted_jobs_callbacks_are_gone(store, stranger):
    job = subscribed(store, stranger)
    store.delete(job.id)
    with sending(store):
        assert settled(store, job) == []
    assert stranger.asked == []


def test_a_locked_database_makes_callbacks_wait_and_loses_none(store, stranger, tmp_path):
    import sqlite3
    from contextlib import closing

    job = subscribed(store, stranger)
    with sending(store):
        with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(0.3)  # some looks into the store
            other.execute("ROLLBACK")
        assert [state for _, state, _ in settled(store, job)] == ["delivered"] * 2
