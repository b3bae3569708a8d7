from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import event

from nbprocessor.errors import NoSuchJob, QueueFull
from nbprocessor.model.job import JobFilter, JobStatus, Subscriber
from nbprocessor.store.callbacks import CallbackQueue
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from tests.unit.store.samples import START, a_job, ended

ALL = JobFilter()
FAR = timedelta(minutes=10)


def ids(jobs):
    return [job.id for job in jobs]


@contextmanager
def closing_engines(url):
    """Open a database twice, as two processes do."""
    engines = [open_database(url) for _ in range(2)]
    try:
        yield engines
    finally:
        for engine in engines:
            engine.dispose()


@pytest.fixture
def running(store):
    store.add(a_job(subscriber=Subscriber("http://a.test/s", "http://a.test/p", "http://a.test/f")))
    return store.claim("worker")


def test_a_job_comes_back_as_it_was_added(store):
    job = a_job(
        owner="https://issuer#me",
        mode="sync",
        response="document",
        requested_outputs={"a": {"transmissionMode": "reference"}},
        subscriber=Subscriber("http://a.test/success"),
        concurrency=2,
        trigger="schedule",
        message="ÄÖÜ 🗺",
    )
    store.add(job)
    assert store.get(job.id) == job
    assert store.get(job.id).created.microsecond == 123456


def test_times_are_read_in_utc_wherever_they_were_written(store):
    job = a_job(created=START.astimezone(timezone(timedelta(hours=5))))
    store.add(job)
    assert store.get(job.id).created == START
    assert store.get(job.id).created.tzinfo is UTC


def test_a_time_without_zone_is_refused(store):
    with pytest.raises(Exception, match="offset-naive"):
        store.add(a_job(created=START.replace(tzinfo=None)))


def test_an_unknown_job_is_named_in_the_error(store):
    job_id = uuid4()
    with pytest.raises(NoSuchJob, match=str(job_id)):
        store.get(job_id)


def test_another_owners_job_is_not_there(store):
    job = a_job(owner="me")
    store.add(job)
    assert store.get(job.id, owner="me") == job
    with pytest.raises(NoSuchJob):
        store.get(job.id, owner="you")
    with pytest.raises(NoSuchJob):
        store.request_dismissal(job.id, owner="you")
    assert store.list(JobFilter(owner="you"), limit=10) == []


def test_jobs_are_listed_newest_first_with_pages(store):
    jobs = [a_job(minute) for minute in range(5)]
    for job in jobs:
        store.add(job)
    assert ids(store.list(ALL, limit=2)) == ids([jobs[4], jobs[3]])
    assert ids(store.list(ALL, limit=2, offset=2)) == ids([jobs[2], jobs[1]])
    assert store.list(ALL, limit=2, offset=5) == []


def test_jobs_of_one_moment_have_one_order(store):
    for _ in range(10):
        store.add(a_job())
    pages = [store.list(ALL, limit=3, offset=offset) for offset in range(0, 10, 3)]
    assert len({job.id for page in pages for job in page}) == 10


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(process_ids=("echo",)), {0, 1}),
        (JobFilter(process_ids=("echo", "sum")), {0, 1, 2}),
        (JobFilter(statuses=(JobStatus.FAILED,)), {1}),
        (JobFilter(statuses=(JobStatus.FAILED, JobStatus.ACCEPTED)), {1, 3}),
        (JobFilter(created_from=START + timedelta(minutes=1)), {1, 2, 3}),
        (JobFilter(created_to=START + timedelta(minutes=1)), {0, 1}),
        (JobFilter(owner="me"), {2}),
        (JobFilter(min_duration=10), {1, 2}),
        (JobFilter(max_duration=10), {0, 1}),
        (JobFilter(min_duration=10, max_duration=10.5, process_ids=("echo",)), {1}),
        (JobFilter(process_ids=("' OR 1=1 --",)), set()),
    ],
)
def test_the_list_is_filtered(store, wanted, found):
    jobs = [ended(0, 1.5), ended(1, 10, JobStatus.FAILED), ended(2, 3600, process_id="sum", owner="me")]
    jobs.append(a_job(3, process_id="other"))
    for job in jobs:
        store.add(job)
    assert {jobs.index(job) for job in store.list(wanted, limit=10)} == found


def test_a_running_jobs_duration_lasts_until_now(store):
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    store.add(a_job(status=JobStatus.RUNNING, started=an_hour_ago, attempt=1))
    assert store.list(JobFilter(min_duration=3599), limit=1)
    assert not store.list(JobFilter(min_duration=3700), limit=1)


def test_the_queue_has_a_limit(store):
    store.add(a_job(), queue_limit=2)
    store.add(a_job(), queue_limit=2)
    with pytest.raises(QueueFull) as caught:
        store.add(a_job(), queue_limit=2)
    assert caught.value.limit == 2
    assert len(store.list(ALL, limit=10)) == 2
    store.claim("worker")
    store.add(a_job(), queue_limit=2)


def test_the_queues_limit_holds_for_many_at_once(store):
    def add(_):
        try:
            store.add(a_job(), queue_limit=5)
        except QueueFull:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(20))) == 5
    assert store.counts()[JobStatus.ACCEPTED] == 5


def test_the_oldest_job_is_claimed_first(store):
    late, early = a_job(2), a_job(1)
    store.add(late)
    store.add(early)
    claimed = store.claim("worker")
    assert claimed is not None
    assert claimed.id == early.id
    assert (claimed.status, claimed.attempt, claimed.worker) == (JobStatus.RUNNING, 1, "worker")
    assert claimed.started is not None
    assert claimed == store.get(early.id)


def test_nothing_is_claimed_when_nothing_waits(store):
    assert store.claim("worker") is None


def test_a_process_runs_as_many_jobs_at_once_as_it_may(store):
    first, second, other = a_job(1, concurrency=1), a_job(2, concurrency=1), a_job(3, process_id="other")
    for job in (first, second, other):
        store.add(job)
    claimed = store.claim("worker")
    assert claimed is not None and claimed.id == first.id
    assert [job.id for job in [store.claim("worker")] if job] == [other.id]
    assert store.claim("worker") is None
    store.finish(claimed, JobStatus.SUCCESSFUL, "")
    assert [job.id for job in [store.claim("worker")] if job] == [second.id]


def test_many_claimers_never_take_the_same_job(store):
    jobs = [a_job(minute, process_id=f"p{minute % 3}", concurrency=4) for minute in range(24)]
    for job in jobs:
        store.add(job)
    with ThreadPoolExecutor(8) as threads:
        claimed = [job for job in threads.map(store.claim, [f"w{n}" for n in range(40)]) if job]
    assert len({job.id for job in claimed}) == len(claimed) == 12
    assert {process: sum(job.process_id == process for job in claimed) for process in ("p0", "p1", "p2")} == {
        "p0": 4,
        "p1": 4,
        "p2": 4,
    }


def test_an_estimate_is_kept_while_a_job_runs_and_gone_when_nobody_knows_or_it_ends(store, running):
    until = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for forgotten in (
        lambda: store.progress(running, 60, ""),
        lambda: store.finish(running, JobStatus.FAILED, "no"),
    ):
        store.progress(running, 40, "", until)
        assert store.get(running.id).estimated_completion == until
        assert forgotten()
        assert store.get(running.id).estimated_completion is None


def test_a_job_that_waits_again_has_no_estimate(store, running):
    store.progress(running, 40, "", datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert store.requeue(running)
    assert store.get(running.id).estimated_completion is None


def test_progress_never_falls(store, running):
    assert store.progress(running, 40, "cell 2")
    assert store.progress(running, 30, "cell 1")
    job = store.get(running.id)
    assert (job.progress, job.message) == (40, "cell 1")
    assert job.updated >= running.updated


def test_a_successful_job_is_complete(store, running):
    done = store.finish(running, JobStatus.SUCCESSFUL, "done")
    assert done == store.get(running.id)
    assert (done.status, done.progress, done.message) == (JobStatus.SUCCESSFUL, 100, "done")
    assert done.finished == done.updated >= done.started


def test_a_failed_job_keeps_how_far_it_was(store, running):
    store.progress(running, 40, "")
    done = store.finish(running, JobStatus.FAILED, 'cell "a": KeyError')
    assert (done.status, done.progress) == (JobStatus.FAILED, 40)


def test_a_clock_that_was_set_back_does_not_end_a_job_before_its_start(store, running):
    tomorrow = replace(running, started=datetime.now(UTC) + timedelta(days=1))
    done = store.finish(tomorrow, JobStatus.SUCCESSFUL, "")
    assert done.finished == tomorrow.started


@pytest.mark.parametrize("status", [status for status in JobStatus if status.ended])
def test_the_status_of_an_ended_job_never_changes(store, running, status):
    done = store.finish(running, status, "first")
    assert store.finish(running, JobStatus.FAILED, "second") is None
    assert not store.progress(running, 99, "late")
    assert not store.requeue(running)
    assert store.request_dismissal(running.id) == done
    assert store.claim("worker") is None
    assert store.get(running.id) == done


def test_only_a_status_that_ends_a_job_finishes_it(store, running):
    with pytest.raises(ValueError, match="does not end"):
        store.finish(running, JobStatus.RUNNING, "")


def test_a_worker_that_was_taken_for_dead_changes_nothing_any_more(store, running):
    assert store.requeue(running)
    again = store.claim("other")
    assert again.attempt == 2
    assert not store.progress(running, 50, "late")
    assert store.finish(running, JobStatus.FAILED, "late") is None
    assert store.get(running.id) == again


def test_a_requeued_job_waits_as_if_it_had_never_run(store, running):
    store.progress(running, 50, "half")
    assert store.requeue(running)
    job = store.get(running.id)
    assert (job.status, job.started, job.worker, job.progress, job.attempt) == (
        JobStatus.ACCEPTED,
        None,
        None,
        0,
        1,
    )


def test_a_job_whose_dismissal_is_asked_for_is_not_run_again(store, running):
    store.request_dismissal(running.id)
    assert not store.requeue(running)
    assert store.finish(running, JobStatus.DISMISSED, "").status is JobStatus.DISMISSED


def test_a_waiting_job_is_dismissed_at_once(store):
    job = a_job()
    store.add(job)
    dismissed = store.request_dismissal(job.id)
    assert dismissed == store.get(job.id)
    assert (dismissed.status, dismissed.started) == (JobStatus.DISMISSED, None)
    assert dismissed.finished is not None
    assert store.claim("worker") is None


def test_a_running_jobs_dismissal_is_passed_to_its_worker(store, running):
    asked = store.request_dismissal(running.id)
    assert (asked.status, asked.dismiss_requested) == (JobStatus.RUNNING, True)
    assert [(job.id, job.dismiss_requested) for job in store.running_of("worker")] == [(running.id, True)]
    assert store.running_of("another") == []
    assert store.request_dismissal(running.id).dismiss_requested
    store.finish(running, JobStatus.DISMISSED, "")
    assert store.running_of("worker") == []


@pytest.mark.parametrize(
    ("change", "ends_as"),
    [
        (lambda other, job: other.requeue(job), (JobStatus.DISMISSED, False)),
        (lambda other, job: other.requeue(job) and other.claim("another"), (JobStatus.RUNNING, True)),
        (lambda other, job: other.finish(job, JobStatus.FAILED, ""), (JobStatus.FAILED, False)),
    ],
    ids=["waits again", "is another's", "ends"],
)
def test_a_dismissal_is_not_lost_on_a_job_that_changes_under_it(postgresql_url, change, ends_as):
    with closing_engines(postgresql_url) as (ours, others):
        store, other = JobStore(ours), JobStore(others)
        store.add(a_job())
        job = store.claim("worker")
        changes = [change]

        @event.listens_for(ours, "before_cursor_execute")
        def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if changes and "dismiss_requested=" in statement.partition("WHERE")[0]:
                assert changes.pop()(other, job)

        dismissed = store.request_dismissal(job.id)
        assert dismissed == store.get(job.id)
        assert (dismissed.status, dismissed.dismiss_requested) == ends_as
        assert changes == []


def test_an_unknown_job_cannot_be_dismissed(store):
    with pytest.raises(NoSuchJob):
        store.request_dismissal(uuid4())


def test_jobs_of_dead_workers_are_found(store):
    for minute, worker in enumerate(["dead", "alive", "dead"]):
        store.add(a_job(minute))
        store.claim(worker)
    store.add(a_job(9))
    lost = store.lost(lambda worker: worker == "alive")
    assert [job.worker for job in lost] == ["dead", "dead"]
    assert lost[0].created < lost[1].created


def test_waiting_and_running_jobs_are_unfinished_and_counted(store, running):
    store.add(a_job(1))
    store.add(ended(2, 1))
    assert [job.status for job in store.unfinished()] == [JobStatus.RUNNING, JobStatus.ACCEPTED]
    assert store.counts() == {JobStatus.ACCEPTED: 1, JobStatus.RUNNING: 1}


def test_a_deleted_job_is_gone_with_its_callbacks(store, running):
    store.delete(running.id)
    store.delete(running.id)
    with pytest.raises(NoSuchJob):
        store.get(running.id)
    assert store.finish(running, JobStatus.FAILED, "late") is None
    assert CallbackQueue(store.engine).of_job(running.id) == []


@pytest.mark.parametrize(
    ("status", "events"),
    [
        (JobStatus.SUCCESSFUL, [("in-progress", "http://a.test/p"), ("success", "http://a.test/s")]),
        (JobStatus.FAILED, [("in-progress", "http://a.test/p"), ("failed", "http://a.test/f")]),
        (JobStatus.DISMISSED, [("in-progress", "http://a.test/p"), ("failed", "http://a.test/f")]),
    ],
)
def test_what_a_subscriber_is_to_be_told_is_stored_with_the_change(store, running, status, events):
    store.finish(running, status, "")
    store.finish(running, status, "again")
    told = CallbackQueue(store.engine).of_job(running.id)
    assert [(callback.event, callback.url) for callback in told] == events


def test_a_second_attempt_is_no_news_to_a_subscriber(store, running):
    store.requeue(running)
    store.claim("other")
    assert len(CallbackQueue(store.engine).of_job(running.id)) == 1


def test_nobody_is_told_who_did_not_ask(store):
    for subscriber in (None, Subscriber(success_uri="http://a.test/s")):
        job = a_job(subscriber=subscriber)
        store.add(job)
        store.finish(store.claim("worker"), JobStatus.FAILED, "")
        assert CallbackQueue(store.engine).of_job(job.id) == []


def test_two_stores_of_one_database_see_the_same_jobs(store, database_url):
    job = a_job()
    store.add(job)
    engine = open_database(database_url)
    assert JobStore(engine).get(job.id) == job
    engine.dispose()
