"""The queue on both databases: who is next, how many may wait and run, and that nobody waits for ever."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from nbprocessor.errors import QueueFull, UserQueueFull
from nbprocessor.model.job import JobStatus, Priority
from nbprocessor.store.queue import AGEING
from tests.unit.store.samples import a_job, ended


def waiting(store, owner=None, seconds=0.0, **facts):
    """Add a job that was accepted some seconds ago."""
    created = datetime.now(UTC) - timedelta(seconds=seconds)
    job = a_job(created=created, updated=created, owner=owner, **facts)
    store.add(job)
    return job


def claimed(store, **limits):
    """Claim and finish jobs one after the other, as one worker with one slot does, until none is left."""
    order = []
    while (job := store.claim("worker", **limits)) is not None:
        order.append(job)
        store.finish(job, JobStatus.SUCCESSFUL, "")
    return order


def test_one_users_many_jobs_do_not_hold_up_anothers_single_one(store):
    for age in range(150, 0, -1):
        waiting(store, "many", age)
    first = store.claim("worker")
    waiting(store, "single", 0)
    store.finish(first, JobStatus.SUCCESSFUL, "")
    assert [job.owner for job in claimed(store)][:3] == ["single", "many", "many"]


def test_users_take_turns_and_each_ones_oldest_job_is_first(store):
    for age, owner in enumerate(["c", "b", "b", "b", "a", "a", "a"]):
        waiting(store, owner, age)
    order = claimed(store)
    assert [job.owner for job in order] == ["a", "b", "c", "a", "b", "a", "b"]
    for owner in "ab":
        ages = [job.created for job in order if job.owner == owner]
        assert ages == sorted(ages)


def test_who_has_fewer_jobs_running_is_served_first(store):
    waiting(store, "busy", 9)
    assert store.claim("worker").owner == "busy"
    waiting(store, "idle", 1)
    store.finish(store.claim("worker"), JobStatus.SUCCESSFUL, "")
    waiting(store, "busy", 9)
    waiting(store, "idle", 1)
    # Served last, and yet first: the other has a job running.
    assert store.claim("worker").owner == "idle"


def test_jobs_without_an_owner_count_as_those_of_one_user(store):
    for age in range(9, 3, -1):
        waiting(store, None, age)
    waiting(store, "somebody", 1)
    assert [job.owner for job in claimed(store)][:3] == [None, "somebody", None]


def test_without_owners_the_oldest_job_is_first(store):
    ages = [3, 9, 6]
    for age in ages:
        waiting(store, None, age)
    order = [job.created for job in claimed(store)]
    assert order == sorted(order)


def test_who_waits_for_an_answer_goes_first_and_schedules_last(store):
    for age, priority in enumerate(Priority):
        waiting(store, f"user {age}", age, priority=priority)
    assert [job.priority for job in claimed(store)] == sorted(Priority)


def test_nothing_waits_for_ever(store):
    """What has waited for long goes before a later one that somebody waits for."""
    old = waiting(store, None, AGEING.total_seconds() + 5, priority=Priority.SCHEDULED)
    waiting(store, None, AGEING.total_seconds() - 60, priority=Priority.BATCH)
    waiting(store, None, 1, priority=Priority.INTERACTIVE)
    order = claimed(store)
    assert order[0].id == old.id
    assert [job.priority for job in order] == [Priority.SCHEDULED, Priority.INTERACTIVE, Priority.BATCH]


def test_the_queue_of_one_user_has_a_limit_that_is_nobody_elses(store):
    mine = waiting(store, "me")
    store.add(a_job(owner="me"), queue_limit=10, per_user=2)
    with pytest.raises(UserQueueFull, match="2 jobs of yours") as caught:
        store.add(a_job(owner="me"), queue_limit=10, per_user=2)
    assert (caught.value.limit, caught.value.retry_after > 0) == (2, True)
    store.add(a_job(owner="you"), queue_limit=10, per_user=2)
    assert store.claim("worker", mine.id) is not None
    store.add(a_job(owner="me"), queue_limit=10, per_user=2)


def test_jobs_without_an_owner_have_the_whole_queues_limit_only(store):
    for _ in range(3):
        store.add(a_job(), queue_limit=3, per_user=1)
    with pytest.raises(QueueFull):
        store.add(a_job(), queue_limit=3, per_user=1)
    assert [store.claim("worker", per_user=1) is not None for _ in range(4)] == [True, True, True, False]


def test_the_limit_of_one_users_queue_holds_for_many_at_once(store):
    def add(_):
        try:
            store.add(a_job(owner="me"), per_user=4)
        except UserQueueFull:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(20))) == 4


def test_a_user_runs_as_many_jobs_at_once_as_he_may(store):
    for age, owner in enumerate(["you", "me", "me", "me"]):
        waiting(store, owner, age)
    running = [store.claim("worker", per_user=1) for _ in range(3)]
    assert [job and job.owner for job in running] == ["me", "you", None]
    store.finish(running[0], JobStatus.SUCCESSFUL, "")
    assert store.claim("worker", per_user=1).owner == "me"


def test_many_claimers_at_once_keep_to_a_users_limit(store):
    for age in range(30):
        waiting(store, f"user {age % 3}", age)
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: store.claim(f"w{n}", per_user=2), range(20)))
    found = [job for job in taken if job is not None]
    assert len({job.id for job in found}) == len(found) == 6
    assert {owner: sum(job.owner == owner for job in found) for owner in ("user 0", "user 1", "user 2")} == {
        "user 0": 2,
        "user 1": 2,
        "user 2": 2,
    }


def test_the_one_job_that_is_wanted_is_taken_out_of_turn(store):
    waiting(store, "early", 9)
    late = waiting(store, "late", 1)
    assert store.claim("worker", late.id).id == late.id
    assert store.claim("worker", late.id) is None


def test_a_job_that_is_to_begin_later_waits_and_holds_nobody_up(store):
    waiting(store, "me", 9)
    failed = store.claim("worker")
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert store.requeue(failed, soon, "attempt 1 failed")
    job = store.get(failed.id)
    assert (job.status, job.not_before, job.message) == (JobStatus.ACCEPTED, soon, "attempt 1 failed")
    assert store.claim("worker") is None
    other = waiting(store, "me", 1)
    assert [job.id for job in claimed(store)] == [other.id]


def test_a_job_whose_time_has_come_is_claimed_again(store):
    waiting(store)
    assert store.requeue(store.claim("worker"), datetime.now(UTC), "again")
    again = store.claim("worker")
    assert (again.attempt, again.not_before) == (2, None)


def test_the_oldest_waiting_job_is_known(store):
    assert store.oldest_waiting() is None
    store.add(ended(0, 1))
    early, _ = waiting(store, seconds=9), waiting(store, seconds=1)
    assert store.oldest_waiting() == early.created
