"""What is told of a schedule: each change of its state, once, to those who want it, without values of its runs."""

import json

import pytest

from nbprocessor import config
from nbprocessor.model.job import JobStatus
from nbprocessor.store.database import open_database
from nbprocessor.store.notices import NoticeQueue
from tests.unit.schedule.timetable import HOURLY, MAIL, process, timetable

WEBHOOK = {"webhook": "https://example.org/hook"}
SECRET = "the word nobody else may read"


def told(table, schedule):
    return [(notice.event, notice.address) for notice in NoticeQueue(table.engine).of_schedule(schedule.id)]


def events(table, schedule):
    return [event for event, _ in told(table, schedule)]


def runs(table, *states):
    """Let a run end in each state, an hour after the other."""
    for state in states:
        table.hours(1)
        table.end(status=state, message="")
        table.round()


def test_failures_are_told_once_until_a_run_succeeds_and_that_once_too(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    failed, successful = JobStatus.FAILED, JobStatus.SUCCESSFUL
    runs(table, successful, failed, failed, failed, successful, successful, failed)
    assert events(table, schedule) == ["failure", "recovery", "failure"]


def test_a_dismissed_run_changes_nothing(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    runs(table, JobStatus.FAILED, JobStatus.DISMISSED, JobStatus.FAILED)
    assert events(table, schedule) == ["failure"]


def test_a_failure_that_is_tried_again_is_told_only_when_the_last_retry_failed(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK], retries=1, retryDelay=60)
    table.hours(1)
    table.end(status=JobStatus.FAILED)
    table.round()
    assert told(table, schedule) == []
    table.hours(1)
    table.end(status=JobStatus.FAILED)
    table.round()
    assert events(table, schedule) == ["failure"]


def test_several_runs_that_end_between_two_looks_are_told_in_their_order(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK], overlapPolicy="allow")
    table.hours(2)
    first, second = table.waiting_jobs()
    table.end(first, status=JobStatus.FAILED)
    table.end(second)
    table.round()
    assert events(table, schedule) == ["failure", "recovery"]


def test_a_pause_that_comes_with_the_first_failure_stands_for_it(table):
    both = table.made(HOURLY, notify=[WEBHOOK], inputs={"word": "b"})
    failures = table.made(HOURLY, notify=[WEBHOOK | {"on": ["failure"]}], inputs={"word": "b"})
    table.processes = {"trial": process(table.folder / "changed", "day: date = date(2020, 1, 1)")}
    table.hours(1)
    assert not table.get(both).active
    assert (events(table, both), events(table, failures)) == (["pause"], ["failure"])


def test_runs_that_cannot_be_started_are_a_failure_first_and_then_a_pause(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    table.denied = "They may no longer run it."
    table.hours(4)
    assert not table.get(schedule).active
    assert events(table, schedule) == ["failure", "pause"]


def test_a_pause_that_somebody_asked_for_is_not_told(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    table.schedules.pause(schedule.id, None)
    table.hours(2)
    assert told(table, schedule) == []


def test_each_recipient_is_told_what_he_wants(table):
    mail = {"email": "a@example.org", "language": "en", "on": ["recovery"]}
    schedule = table.made(HOURLY, notify=[WEBHOOK | {"on": ["failure"]}, mail])
    runs(table, JobStatus.FAILED, JobStatus.SUCCESSFUL)
    assert told(table, schedule) == [("failure", WEBHOOK["webhook"]), ("recovery", "a@example.org")]
    assert [notice.language for notice in NoticeQueue(table.engine).of_schedule(schedule.id)] == ["de", "en"]


def test_the_operator_is_told_of_schedules_that_name_nobody(tmp_path):
    notice = config.Notice(**MAIL.model_dump() | {"operator": "operator@example.org"})
    with timetable(tmp_path, notice=notice) as table:
        nobody, somebody = table.made(HOURLY), table.made(HOURLY, notify=[WEBHOOK])
        runs(table, JobStatus.FAILED)
        assert told(table, nobody) == [("failure", "operator@example.org")]
        assert told(table, somebody) == [("failure", WEBHOOK["webhook"])]


def test_whoever_does_not_hold_the_lease_tells_nothing(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    table.hours(1)
    table.end(status=JobStatus.FAILED)
    table.firing.round(table.now, "somebody else")
    assert told(table, schedule) == []
    table.round()
    assert events(table, schedule) == ["failure"]


def test_a_definition_changed_meanwhile_does_not_take_back_that_it_fails(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    stale = table.get(schedule)
    runs(table, JobStatus.FAILED)
    assert table.store.replace(stale).failing
    runs(table, JobStatus.FAILED)
    assert events(table, schedule) == ["failure"]


def test_a_notice_has_neither_inputs_nor_messages_of_runs(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK], inputs={"word": SECRET})
    table.hours(1)
    table.end(status=JobStatus.FAILED, message=f"ValueError: {SECRET}")
    table.round()
    (notice,) = NoticeQueue(table.engine).of_schedule(schedule.id)
    assert SECRET not in json.dumps(notice.facts)
    assert notice.facts["jobID"] == str(table.fired(schedule)[0].job_id)


def test_what_is_still_to_be_told_goes_with_its_schedule(table):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    runs(table, JobStatus.FAILED)
    table.schedules.delete(schedule.id, None)
    assert told(table, schedule) == []


def test_what_is_to_be_told_is_there_after_the_server_has_gone(table, tmp_path):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    runs(table, JobStatus.FAILED)
    again = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")
    assert [notice.state for notice in NoticeQueue(again).of_schedule(schedule.id)] == ["pending"]
    again.dispose()


@pytest.mark.parametrize("states", [(JobStatus.SUCCESSFUL,), (JobStatus.DISMISSED,)])
def test_a_schedule_that_never_failed_tells_nothing(table, states):
    schedule = table.made(HOURLY, notify=[WEBHOOK])
    runs(table, *states)
    assert told(table, schedule) == []
