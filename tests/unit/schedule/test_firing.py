"""What becomes of each fire: run, waiting, skipped by a policy, failed with a reason; tried again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from nbprocessor import contract
from nbprocessor.errors import StoreUnavailable
from nbprocessor.model.job import JobFilter, JobStatus
from nbprocessor.model.schedule import FireOutcome
from nbprocessor.store.database import writing
from tests.unit.schedule.timetable import HOUR, HOURLY, NOW, process

MINUTE = timedelta(minutes=1)


def test_each_fire_makes_one_job_in_the_schedules_name(table):
    schedule = table.made(HOURLY)
    for _ in range(3):
        table.hours(1)
        table.end()
    assert table.told(schedule)[:2] == ["15 10:00 successful", "15 11:00 successful"]
    jobs = table.jobs.list(JobFilter(schedule_id=schedule.id), limit=10)
    assert [(job.trigger, job.schedule_id) for job in jobs] == [("schedule", schedule.id)] * 3
    assert [job.fire_time.hour for job in jobs] == [12, 11, 10]


def test_looking_often_or_twice_at_once_changes_nothing(table):
    schedule = table.made(HOURLY)
    table.round(NOW.replace(hour=10, minute=0))
    for _ in range(5):
        table.round()
    assert len(table.waiting_jobs()) == len(table.fired(schedule)) == 1


def test_relative_values_are_recorded_as_the_dates_they_were(table):
    schedule = table.made(HOURLY, inputs={"day": "{{ last_month_end }}", "word": "up to {{ today }}"})
    table.hours(1)
    (fire,) = table.fired(schedule)
    request = json.loads(table.results.read(fire.job_id, contract.FILE_INPUTS))
    assert request["inputs"] == {"day": "2026-05-31", "word": "up to 2026-06-15"}
    assert schedule.request["inputs"]["day"] == "{{ last_month_end }}"


def test_a_clock_that_is_put_forward_makes_the_latest_of_what_was_passed_over_run(table):
    schedule = table.made(HOURLY)
    table.round(2 * HOUR)
    assert table.told(schedule) == ["15 10:00 skipped", "15 11:00 queued"]


def test_a_clock_that_is_put_back_makes_nothing_run_again(table):
    schedule = table.made(HOURLY, overlapPolicy="allow")
    table.hours(2)
    table.end()
    table.round(-2 * HOUR)
    table.hours(3)
    table.end()
    table.round()
    assert table.told(schedule) == ["15 10:00 successful", "15 11:00 successful", "15 12:00 successful"]


def test_a_schedule_changed_while_the_clock_was_back_does_not_fire_twice_for_one_moment(table):
    schedule = table.made(HOURLY)
    table.hours(2)
    table.end()
    table.now -= 2 * HOUR
    table.schedules.patch(schedule.id, {"schedule": {"cron": "0 */1 * * *"}}, None)
    table.hours(3)
    assert [fire.fire_time.hour for fire in table.fired(schedule)] == [10, 11, 12]
    assert len({fire.job_id for fire in table.fired(schedule)}) == 3


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("skip", ["15 10:00 skipped through 15 16:00"]),
        ("once", ["15 10:00 skipped through 15 15:00", "15 16:00 queued"]),
        ("all", ["15 10:00 queued", *(f"15 {hour}:00 waiting" for hour in range(11, 17))]),
    ],
)
def test_missed_fires_are_treated_by_the_policy_and_all_accounted_for(table, policy, expected):
    schedule = table.made(HOURLY, misfirePolicy=policy, overlapPolicy="queue")
    table.round(timedelta(hours=6, minutes=45))
    shown = [
        f"{fire.fire_time:%d %H:%M} {fire.outcome}" + (f" through {fire.through:%d %H:%M}" if fire.through else "")
        for fire in table.fired(schedule)
    ]
    assert shown == expected
    assert table.get(schedule).next_fire == datetime(2026, 6, 15, 17, tzinfo=UTC)


def test_of_missed_fires_ten_run_at_most(table):
    schedule = table.made(HOURLY, misfirePolicy="all", overlapPolicy="allow")
    table.round(30 * HOUR)
    first, *ran = table.fired(schedule)
    assert (first.outcome, first.fire_time.hour, first.through.hour) == (FireOutcome.SKIPPED, 10, 5)
    assert [fire.outcome for fire in ran] == [FireOutcome.QUEUED] * 10
    assert ran[0].fire_time - first.through == HOUR


def test_one_missed_longer_ago_than_the_grace_does_not_run(table):
    schedule = table.made("0 12 * * *")
    table.round(NOW.replace(hour=13, minute=1))
    assert table.told(schedule) == ["15 12:00 skipped"]
    assert "not too old" in table.fired(schedule)[0].reason


def test_a_fire_while_the_earlier_run_goes_on_is_skipped_unless_wished_otherwise(table):
    forbids, queues, allows = (
        table.made(HOURLY, overlapPolicy=policy, name=policy) for policy in ("forbid", "queue", "allow")
    )
    table.hours(2)
    assert table.told(forbids) == ["15 10:00 queued", "15 11:00 skipped"]
    assert "10:00" in table.fired(forbids)[1].reason
    assert table.told(queues) == ["15 10:00 queued", "15 11:00 waiting"]
    assert table.told(allows) == ["15 10:00 queued", "15 11:00 queued"]
    table.end()
    table.round(MINUTE)
    assert table.told(queues) == ["15 10:00 successful", "15 11:00 queued"]
    table.end()
    table.hours(1)
    assert table.told(forbids)[2] == "15 12:00 queued"


def test_what_waits_runs_one_after_the_other_in_its_order(table):
    schedule = table.made(HOURLY, overlapPolicy="queue")
    table.hours(4)
    for _ in range(4):
        assert len(table.waiting_jobs()) == 1
        table.end()
        table.round(MINUTE)
    assert [fire.outcome for fire in table.fired(schedule)] == [FireOutcome.SUCCESSFUL] * 4
    jobs = [table.jobs.get(fire.job_id) for fire in table.fired(schedule)]
    assert [job.created for job in jobs] == sorted(job.created for job in jobs)


def test_a_failed_run_is_tried_again_later_each_time_and_linked(table):
    schedule = table.made(retries=2, retryDelay=60)
    table.round(NOW.replace(day=16, hour=0, minute=0))
    table.end(status=JobStatus.FAILED, message="cell broke")
    table.round(timedelta(seconds=1))
    assert table.told(schedule) == ["16 00:00 failed", "16 00:00 waiting"]
    table.round(timedelta(seconds=59))
    assert table.waiting_jobs() == []
    table.round(timedelta(seconds=1))
    first, second = table.fired(schedule)
    assert (second.outcome, str(first.job_id) in second.reason) == ("queued", True)
    table.end(status=JobStatus.FAILED, message="cell broke")
    table.round()
    table.round(timedelta(seconds=119))
    assert table.waiting_jobs() == []
    table.round(timedelta(seconds=1))
    table.end()
    table.round()
    fires = table.fired(schedule)
    assert [(fire.attempt, fire.outcome) for fire in fires] == [(0, "failed"), (1, "failed"), (2, "successful")]
    assert (fires[0].reason, table.waiting_jobs()) == ("cell broke", [])
    assert len({table.jobs.get(fire.job_id).fire_time for fire in fires}) == 1


def test_a_dismissed_run_is_not_tried_again(table):
    schedule = table.made(HOURLY, retries=3)
    table.hours(1)
    for job in table.waiting_jobs():
        table.jobs.request_dismissal(job.id)
    table.hours(1)
    assert table.told(schedule) == ["15 10:00 dismissed", "15 11:00 queued"]


def test_a_process_that_no_longer_takes_the_inputs_pauses_the_schedule_and_says_why(table):
    schedule = table.made(HOURLY, inputs={"word": "x"})
    table.processes["trial"] = process(table.folder / "notebooks", "day: date = date(2020, 1, 1)\nword: int = 1")
    table.hours(2)
    (fire,) = table.fired(schedule)
    assert fire.outcome is FireOutcome.FAILED
    paused = table.get(schedule)
    assert (paused.active, paused.next_fire) == (False, None)
    assert "has changed" in paused.message and "/inputs/word" in paused.message
    assert table.waiting_jobs() == []
    assert not list(table.results.folder(schedule.id).parent.glob("*-*"))


def test_three_refusals_in_a_row_pause_and_two_do_not(table):
    schedule = table.made(HOURLY)
    table.denied = "the role is gone"
    table.hours(2)
    table.denied = ""
    table.hours(1)
    assert table.get(schedule).active
    table.end()
    table.denied = "the role is gone"
    table.hours(4)
    assert [line.split()[2] for line in table.told(schedule)] == ["failed"] * 2 + ["successful"] + ["failed"] * 3
    assert "3 times in a row" in table.get(schedule).message and "the role is gone" in table.get(schedule).message
    table.denied = ""
    resumed = table.schedules.resume(schedule.id, None)
    assert (resumed.active, resumed.message, resumed.refusals) == (True, "", 0)


def test_a_fire_whose_owner_cannot_be_asked_about_waits_and_is_not_lost(table):
    schedule = table.made(HOURLY)
    table.silent = "Keycloak does not answer"
    table.hours(1)
    (fire,) = table.fired(schedule)
    assert (fire.outcome, table.waiting_jobs()) == (FireOutcome.WAITING, [])
    assert "Keycloak does not answer" in fire.reason
    table.round(2 * MINUTE)
    assert table.get(schedule).active
    table.silent = ""
    table.round(2 * MINUTE)
    assert table.told(schedule) == ["15 10:00 queued"]
    assert table.fired(schedule)[0].reason == ""


def test_a_notebook_that_is_away_for_a_while_does_not_pause(table):
    schedule = table.made(HOURLY)
    known = table.processes.pop("trial")
    table.hours(2)
    table.processes["trial"] = known
    table.hours(1)
    assert table.told(schedule) == ["15 10:00 failed", "15 11:00 failed", "15 12:00 queued"]
    assert "no process" in table.fired(schedule)[0].reason


def test_jitter_puts_the_job_off_and_not_the_moment_it_stands_for(table):
    schedule = table.made("0 10 * * *", jitter=1200)
    due = table.store.next_due()
    fire = table.get(schedule).next_fire
    assert fire == NOW.replace(hour=10, minute=0) < due <= fire + timedelta(seconds=1200)
    table.round(due - timedelta(microseconds=1))
    assert table.fired(schedule) == []
    table.round(due)
    assert table.told(schedule) == ["15 10:00 queued"]


def test_a_job_whose_record_was_removed_does_not_hold_up_the_schedule(table):
    schedule = table.made(HOURLY)
    table.hours(1)
    for job in table.waiting_jobs():
        table.jobs.delete(job.id)
    table.hours(1)
    assert table.told(schedule) == ["15 10:00 failed", "15 11:00 queued"]


def test_while_the_database_is_locked_nothing_is_lost(table):
    schedule = table.made(HOURLY)
    with writing(table.engine), pytest.raises(StoreUnavailable):
        table.round(NOW.replace(hour=10, minute=0))
    assert table.fired(schedule) == []
    assert not list((table.folder / "results").glob("*-*"))
    table.round(timedelta(seconds=10))
    assert table.told(schedule) == ["15 10:00 queued"]


def test_while_the_disk_is_full_nothing_is_lost(table, monkeypatch):
    schedule = table.made(HOURLY)
    monkeypatch.setattr(table.results, "_reserve", 10**30)
    with pytest.raises(StoreUnavailable):
        table.round(NOW.replace(hour=10, minute=0))
    monkeypatch.undo()
    table.round(timedelta(seconds=10))
    assert table.told(schedule) == ["15 10:00 queued"]


def test_who_does_not_hold_the_lease_has_no_effect(table):
    schedule = table.made(HOURLY)
    table.now = NOW.replace(hour=10, minute=0)
    table.firing.round(table.now, "somebody else")
    assert table.fired(schedule) == [] and table.waiting_jobs() == []
    assert not list((table.folder / "results").glob("*-*"))
    with writing(table.engine) as connection:
        connection.execute(text("UPDATE leases SET holder = 'somebody else'"))
    table.round()
    assert table.fired(schedule) == []


def test_more_schedules_than_one_transaction_takes_are_all_fired(table):
    made = [table.made(HOURLY, name=str(number)) for number in range(105)]
    table.round(NOW.replace(hour=10, minute=0))
    assert len(table.waiting_jobs()) == 105
    assert {fire.outcome for schedule in made for fire in table.fired(schedule)} == {FireOutcome.QUEUED}


def test_a_schedule_ends_with_its_last_fire(table):
    schedule = table.made(HOURLY, end="2026-06-15T11:00:00Z")
    table.hours(5)
    assert [fire.fire_time.hour for fire in table.fired(schedule)] == [10, 11]
    assert (table.get(schedule).active, table.get(schedule).next_fire) == (True, None)
    assert table.store.next_due() is None
