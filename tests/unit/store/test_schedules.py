"""Schedules and their fires in both databases: an outdated definition never fires, nothing is there twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import inspect

from nbprocessor.errors import NoSuchSchedule
from nbprocessor.model.job import JobFilter, JobStatus
from nbprocessor.model.schedule import Fire, FireOutcome, Schedule, ScheduleFilter, Timing
from nbprocessor.store import tables
from nbprocessor.store.fires import LEASE, FireStore, Step
from nbprocessor.store.leases import LeaseRegister
from nbprocessor.store.schedules import ScheduleStore
from tests.unit.store.samples import START, a_job

HOUR = timedelta(hours=1)
ME = "me"


@pytest.fixture
def schedules(engine):
    return ScheduleStore(engine)


@pytest.fixture
def fires(engine):
    assert LeaseRegister(engine).take(LEASE, ME, None)
    return FireStore(engine)


def a_schedule(minute: int = 0, **changes) -> Schedule:
    made = START + timedelta(minutes=minute)
    schedule = Schedule(
        uuid4(), "echo", {"inputs": {"a": [1, None]}}, Timing("0 * * * *"), made, made, next_fire=START + HOUR
    )
    return replace(schedule, **changes)


def step(before: Schedule, *times: datetime, **after) -> Step:
    """Fire at some times, each with a job."""
    jobs = [a_job(schedule_id=before.id, fire_time=time) for time in times]
    new = [
        Fire(before.id, time, outcome=FireOutcome.QUEUED, job_id=job.id, noted=time)
        for time, job in zip(times, jobs, strict=True)
    ]
    return Step(before, replace(before, **({"next_fire": START + 2 * HOUR} | after)), new, jobs)


def test_a_schedule_comes_back_as_it_was_stored(schedules):
    timing = Timing("0 0 1 * *", "Europe/Berlin", 60, START, START + HOUR)
    kept = a_schedule(timing=timing, name="n", owner="o", message="m", retries=3)
    schedules.add(kept)
    assert schedules.get(kept.id) == kept == schedules.get(kept.id, owner="o")
    for asked in ({"owner": "x"},):
        with pytest.raises(NoSuchSchedule):
            schedules.get(kept.id, **asked)


def test_the_list_is_filtered_paged_and_newest_first(schedules):
    kept = [a_schedule(n, owner="ab"[n % 2], process_id="pq"[n // 2], active=n != 3) for n in range(4)]
    for one in kept:
        schedules.add(one)

    def found(limit=None, offset=0, **wanted):
        listed = schedules.list(ScheduleFilter(**wanted), limit=limit, offset=offset)
        return [kept.index(one) for one in listed]

    assert found() == [3, 2, 1, 0]
    assert found(limit=2, offset=1) == [2, 1]
    assert found(owner="a") == [2, 0]
    assert found(process_ids=["q"], active=True) == [2]
    assert schedules.count() == {True: 3, False: 1}


def test_whoever_changes_an_outdated_definition_changes_nothing(schedules):
    kept = a_schedule()
    schedules.add(kept)
    changed = schedules.replace(replace(kept, name="first"))
    assert (changed.name, changed.revision) == ("first", 1)
    assert schedules.replace(replace(kept, name="second")) is None
    assert schedules.get(kept.id) == changed


def test_what_is_due_comes_the_longest_overdue_first(schedules):
    late, later, to_come = (a_schedule(next_fire=START + n * HOUR) for n in (1, 2, 5))
    for one in (to_come, later, late, a_schedule(next_fire=None)):
        schedules.add(one)
    assert schedules.due(START + 3 * HOUR, 10) == [late, later]
    assert schedules.due(START + 3 * HOUR, 1) == [late]
    assert schedules.next_due() == START + HOUR


def test_a_fire_its_job_and_the_next_fire_are_stored_together(schedules, fires, store):
    kept = a_schedule()
    schedules.add(kept)
    wanted = step(kept, START + HOUR)
    assert fires.store([wanted], ME).jobs == {wanted.jobs[0].id}
    assert schedules.get(kept.id).next_fire == START + 2 * HOUR
    assert fires.of(kept.id) == wanted.new
    assert store.list(JobFilter(schedule_id=kept.id), limit=5) == wanted.jobs


def test_what_fires_twice_at_once_fires_once(schedules, fires, store):
    kept = a_schedule()
    schedules.add(kept)
    first, second = step(kept, START + HOUR), step(kept, START + HOUR)
    assert fires.store([first], ME).steps == [first]
    assert fires.store([second], ME).steps == []
    assert len(store.list(JobFilter(), limit=5)) == 1


def test_a_moment_that_was_fired_before_makes_no_second_job_even_if_it_is_the_next_fire_again(schedules, fires, store):
    kept = a_schedule()
    schedules.add(kept)
    fires.store([step(kept, START + HOUR)], ME)
    back = schedules.replace(replace(schedules.get(kept.id), next_fire=START + HOUR))
    again = step(back, START + HOUR)
    assert fires.store([again], ME).jobs == frozenset()
    assert schedules.get(kept.id).next_fire == START + 2 * HOUR
    assert len(store.list(JobFilter(), limit=5)) == 1


def test_a_definition_that_was_changed_meanwhile_is_not_fired_by(schedules, fires, store):
    kept = a_schedule()
    schedules.add(kept)
    schedules.replace(replace(kept, request={"inputs": {"a": "new"}}))
    assert fires.store([step(kept, START + HOUR)], ME).steps == []
    assert (fires.of(kept.id), store.list(JobFilter(), limit=5)) == ([], [])


def test_who_lost_the_lease_stores_nothing(schedules, fires, engine):
    kept = a_schedule()
    schedules.add(kept)
    register = LeaseRegister(engine)
    assert register.take(LEASE, "other", register.get(LEASE))
    assert not register.beat(LEASE, ME)
    assert not fires.store([step(kept, START + HOUR)], ME).steps
    assert fires.of(kept.id) == []


def test_fires_are_noted_once_and_retries_wait_for_their_time(schedules, fires, store):
    kept = a_schedule()
    schedules.add(kept)
    fires.store([step(kept, START + HOUR)], ME)
    assert fires.ended(10) == []
    (queued,) = fires.of(kept.id)
    store.finish(store.claim("worker", queued.job_id), JobStatus.FAILED, "broke")
    (settled,) = fires.ended(10)
    assert (settled.fire, settled.schedule.id, settled.job.message) == (queued, kept.id, "broke")
    done = replace(queued, outcome=FireOutcome.FAILED, reason="broke")
    retry = Fire(kept.id, queued.fire_time, 1, due=START + 3 * HOUR, noted=START)
    noted = Step(settled.schedule, settled.schedule, [retry], changed=[(queued, done)])
    assert fires.store([noted], ME).steps == [noted]
    assert fires.store([noted], ME).steps == []
    assert fires.of(kept.id) == [retry, done]
    assert fires.waiting(START + 2 * HOUR, 10) == []
    assert [fire for fire, _ in fires.waiting(START + 3 * HOUR, 10)] == [retry]
    assert fires.latest([kept.id]) == {kept.id: retry}


def test_the_newest_jobs_of_each_schedule_are_named(schedules, fires):
    one, two = a_schedule(), a_schedule()
    for schedule in (one, two):
        schedules.add(schedule)
    wanted = step(one, *(START + n * HOUR for n in range(1, 5)))
    fires.store(
        [replace(wanted, jobs=[replace(job, created=START + n * HOUR) for n, job in enumerate(wanted.jobs)])], ME
    )
    found = fires.job_ids([one.id, two.id], 3)
    assert found == {one.id: [job.id for job in wanted.jobs[:0:-1]], two.id: []}


def test_a_schedule_that_is_removed_leaves_its_jobs_and_nothing_else(schedules, fires, store):
    kept = a_schedule()
    schedules.add(kept)
    fires.store([step(kept, START + HOUR)], ME)
    schedules.delete(kept.id)
    schedules.delete(kept.id)
    assert (fires.of(kept.id), fires.ended(5), schedules.next_due()) == ([], [], None)
    assert len(store.list(JobFilter(schedule_id=kept.id), limit=5)) == 1


def test_a_database_of_the_third_form_is_raised_and_keeps_its_jobs(store, raised_from):
    job = a_job()
    store.add(job)
    raised = raised_from(
        3,
        *(f"DROP TABLE {table}" for table in ("notices", "schedules", "fires", "leases")),
        "DROP INDEX jobs_by_schedule",
        *(f"ALTER TABLE jobs DROP COLUMN {column}" for column in ("schedule_id", "fire_time")),
    )
    assert type(store)(raised).get(job.id) == job
    assert "jobs_by_schedule" in {index["name"] for index in inspect(raised).get_indexes("jobs")}
    assert set(tables.metadata.tables) <= set(inspect(raised).get_table_names())
    assert ScheduleStore(raised).next_due() is None


def test_a_database_without_notices_is_raised_and_its_schedules_tell_nobody(schedules, raised_from):
    schedule = a_schedule()
    schedules.add(schedule)
    columns = ("notify", "failing")
    raised = raised_from(
        8, "DROP TABLE notices", *(f"ALTER TABLE schedules DROP COLUMN {column}" for column in columns)
    )
    assert ScheduleStore(raised).get(schedule.id) == schedule


def test_times_of_schedules_are_those_of_their_zone_to_the_microsecond(schedules):
    kept = a_schedule(next_fire=datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC))
    schedules.add(kept)
    assert schedules.get(kept.id).next_fire == kept.next_fire
