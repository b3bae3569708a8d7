"""Schedules made, changed, paused, run by hand and for days gone by; what wrong input gets, what others see."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from nbprocessor.errors import InvalidRequest, NoSuchProcess, NoSuchSchedule, RightsLost, ScheduleDeclared
from nbprocessor.model.schedule import FireOutcome, MisfirePolicy, OverlapPolicy, ScheduleFilter, Timing
from nbprocessor.schedule import definition
from tests.unit.schedule.timetable import DAILY, DAY, HOURLY, NOW, process


def pointers(caught) -> set[str]:
    return {problem.pointer for problem in caught.value.problems}


def test_a_schedule_is_kept_as_it_was_sent(table):
    made = table.made(
        "0 3 1 * *", inputs={"day": "{{ today }}"}, name="monthly", timezone="Europe/Berlin", jitter=60,
        start="2026-07-01", end="2026-12-31", misfirePolicy="all", overlapPolicy="queue", retries=2, retryDelay=30,
    )  # fmt: skip
    assert table.get(made) == made
    assert made.timing == Timing(
        "0 3 1 * *",
        "Europe/Berlin",
        60,
        datetime(2026, 6, 30, 22, tzinfo=UTC),
        datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC),
    )
    assert (made.misfire, made.overlap, made.retries, made.retry_delay) == (
        MisfirePolicy.ALL,
        OverlapPolicy.QUEUE,
        2,
        30,
    )
    assert made.next_fire == datetime(2026, 7, 1, 1, tzinfo=UTC)


def test_what_is_written_of_a_schedule_can_be_sent_again(table):
    made = table.made(DAILY, inputs={"word": "x"}, jitter=5, end="2026-12-31", retries=1)
    again = table.schedules.create("trial", definition.document(made), owner=None)
    unlike = {"id": made.id, "created": made.created, "updated": made.updated}
    assert replace(again, **unlike) == made


def test_the_cron_text_may_stand_where_older_clients_send_it(table):
    body = {"inputs": {"word": "x", "execution_interval": {"cron": "0 0 1 * *"}}}
    made = table.schedules.create("trial", body, owner=None)
    assert (made.timing.cron, made.request["inputs"]) == ("0 0 1 * *", {"word": "x"})


def test_an_interval_that_the_process_declares_stays_among_its_inputs(table):
    table.processes["trial"] = process(
        table.folder / "notebooks", "word: str = 'a'\nexecution_interval: dict = {'cron': '0 0 1 * *'}"
    )
    inputs = {"execution_interval": {"cron": "0 5 * * *"}}
    made = table.schedules.create("trial", {"inputs": inputs}, owner=None)
    assert (made.timing.cron, made.request["inputs"]) == ("0 5 * * *", inputs)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (None, {""}),
        ([], {""}),
        ({}, {"/schedule/cron"}),
        ({"schedule": "daily"}, {"/schedule", "/schedule/cron"}),
        ({"schedule": {"cron": 5}}, {"/schedule/cron"}),
        ({"inputs": {"execution_interval": {"cron": "x"}}}, {"/inputs/execution_interval/cron"}),
        ({"inputs": {"execution_interval": {"cron": None}}}, {"/inputs/execution_interval/cron"}),
        ({"schedule": {"cron": "0 0 31 2 *", "timezone": "Mars"}}, {"/schedule/cron", "/schedule/timezone"}),
        ({"schedule": {"cron": "* * * * *"}}, {"/schedule/cron"}),
        ({"schedule": {"cron": DAILY, "jitter": -1, "retries": 11}}, {"/schedule/jitter", "/schedule/retries"}),
        ({"schedule": {"cron": DAILY, "misfirePolicy": "never"}}, {"/schedule/misfirePolicy"}),
        ({"schedule": {"cron": DAILY, "corn": 1}}, {"/schedule/corn"}),
        ({"schedule": {"cron": DAILY, "start": "soon", "end": "2026-13-01"}}, {"/schedule/start", "/schedule/end"}),
        ({"schedule": {"cron": DAILY, "end": "2026-06-01"}}, {"/schedule/end"}),
        ({"schedule": {"cron": DAILY}, "inputs": {"day": "{{ tomorrow }}"}}, {"/inputs/day"}),
        ({"schedule": {"cron": DAILY}, "inputs": {"day": "soon", "wrod": 1}}, {"/inputs/day", "/inputs/wrod"}),
        ({"schedule": {"cron": "x"}, "inputs": {"day": "soon"}}, {"/schedule/cron", "/inputs/day"}),
        ({"schedule": {"cron": DAILY}, "inputs": []}, {"/inputs"}),
        ({"schedule": {"cron": DAILY}, "response": "{{ x }}"}, {"/response"}),
    ],
)
def test_every_fault_is_named_with_its_place_and_nothing_is_made(table, body, places):
    with pytest.raises(InvalidRequest) as caught:
        table.schedules.create("trial", body, owner=None)
    assert pointers(caught) == places
    assert table.schedules.list(ScheduleFilter()) == []


def test_a_process_that_is_not_there_cannot_be_scheduled(table):
    with pytest.raises(NoSuchProcess):
        table.schedules.create("other", {"schedule": {"cron": DAILY}}, owner=None)


def test_who_may_not_run_a_process_cannot_schedule_it(table):
    table.denied = "no"
    with pytest.raises(RightsLost):
        table.made()
    assert table.schedules.list(ScheduleFilter()) == []


def test_another_user_does_not_see_a_schedule_nor_change_it(table):
    mine = table.schedules.create("trial", {"schedule": {"cron": DAILY}}, owner="me")
    theirs = table.schedules
    for act in (theirs.get, theirs.pause, theirs.resume, theirs.delete, theirs.run):
        with pytest.raises(NoSuchSchedule):
            act(mine.id, "you")
    for change in (theirs.replace, theirs.patch):
        with pytest.raises(NoSuchSchedule):
            change(mine.id, {"schedule": {"cron": HOURLY}}, "you")
    with pytest.raises(NoSuchSchedule):
        theirs.backfill(mine.id, NOW - DAY, NOW, "you")
    assert theirs.list(ScheduleFilter(owner="you")) == []
    assert table.get(mine) == mine == theirs.get(mine.id, "me")


def test_a_change_of_parts_keeps_the_rest(table):
    made = table.made(DAILY, inputs={"word": "x", "day": "{{ today }}"}, name="a", retries=3)
    changed = table.schedules.patch(
        made.id, {"inputs": {"word": "y", "day": None}, "schedule": {"name": "b", "retries": None}}, None
    )
    assert (changed.request["inputs"], changed.name, changed.retries) == ({"word": "y"}, "b", 0)
    assert (changed.timing, changed.next_fire, changed.created) == (made.timing, made.next_fire, made.created)
    with pytest.raises(InvalidRequest) as caught:
        table.schedules.patch(made.id, {"schedule": {"cron": "x"}}, None)
    assert pointers(caught) == {"/schedule/cron"}
    assert table.get(made) == changed


def test_a_new_definition_replaces_the_old_one_whole(table):
    made = table.made(DAILY, inputs={"word": "x"}, name="a")
    replaced = table.schedules.replace(made.id, {"schedule": {"cron": HOURLY}}, None)
    assert (replaced.name, replaced.request, replaced.id) == ("", {}, made.id)
    assert replaced.next_fire == NOW.replace(hour=10, minute=0)


def test_a_change_while_a_fire_is_due_does_not_lose_it(table):
    made = table.made(HOURLY)
    table.now = NOW.replace(hour=10, minute=0, second=1)
    table.schedules.patch(made.id, {"inputs": {"word": "new"}}, None)
    table.round()
    assert table.told(made) == ["15 10:00 queued"]


def test_a_paused_schedule_fires_no_more_and_what_waited_is_skipped(table):
    made = table.made(HOURLY, overlapPolicy="queue")
    table.hours(2)
    paused = table.schedules.pause(made.id, None)
    assert (paused.active, paused.next_fire) == (False, None)
    assert table.schedules.pause(made.id, None) == paused
    table.end()
    table.hours(3)
    assert table.told(made) == ["15 10:00 successful", "15 11:00 skipped"]


def test_a_resumed_schedule_goes_on_from_now(table):
    made = table.made(HOURLY, misfirePolicy="all")
    table.schedules.pause(made.id, None)
    table.now += timedelta(hours=5)
    resumed = table.schedules.resume(made.id, None)
    assert resumed.next_fire == NOW.replace(hour=15, minute=0)
    assert table.schedules.resume(made.id, None) == resumed
    table.round()
    assert table.fired(made) == []


def test_a_schedule_that_is_over_cannot_be_resumed(table):
    made = table.made(HOURLY, end="2026-06-15T11:00:00Z")
    table.schedules.pause(made.id, None)
    table.now += DAY
    with pytest.raises(InvalidRequest, match="no fire to come"):
        table.schedules.resume(made.id, None)


def test_a_deleted_schedule_leaves_its_jobs(table):
    made = table.made(HOURLY)
    table.hours(1)
    table.schedules.delete(made.id, None)
    with pytest.raises(NoSuchSchedule):
        table.schedules.get(made.id, None)
    (job,) = table.waiting_jobs()
    assert job.schedule_id == made.id
    table.hours(2)
    assert len(table.waiting_jobs()) == 1


def test_run_by_hand_runs_now_whatever_the_policies_say(table):
    made = table.made(DAILY, inputs={"day": "{{ today }}"})
    table.schedules.pause(made.id, None)
    jobs = [table.schedules.run(made.id, None)]
    table.now += timedelta(seconds=1)
    jobs.append(table.schedules.run(made.id, None))
    assert [job.id for job in table.waiting_jobs()] == [job.id for job in jobs]
    assert [fire.reason for fire in table.fired(made)] == ["run by hand"] * 2
    table.end()
    table.round()
    assert {fire.outcome for fire in table.fired(made)} == {FireOutcome.SUCCESSFUL}


def test_a_run_by_hand_that_cannot_be_is_refused_and_leaves_nothing(table):
    made = table.made(DAILY, inputs={"word": "x"})
    table.processes["trial"] = process(table.folder / "notebooks", "word: int = 1")
    with pytest.raises(InvalidRequest):
        table.schedules.run(made.id, None)
    table.denied = "no"
    with pytest.raises(RightsLost):
        table.schedules.run(made.id, None)
    assert (table.fired(made), table.waiting_jobs()) == ([], [])


def test_a_backfill_runs_what_did_not_run_one_after_the_other_and_nothing_twice(table):
    made = table.made("0 6 * * *", inputs={"day": "{{ today }}"})
    table.round(datetime(2026, 6, 16, 6, tzinfo=UTC))
    table.end()
    table.round(datetime(2026, 6, 18, 9, 30, tzinfo=UTC))
    begin, end = datetime(2026, 6, 14, tzinfo=UTC), datetime(2026, 6, 18, 6, tzinfo=UTC)
    moments = table.schedules.backfill(made.id, begin, end, None)
    assert [moment.day for moment in moments] == [14, 15, 17, 18]
    assert table.schedules.backfill(made.id, begin, end, None) == []
    days = []
    for _ in moments:
        table.round(timedelta(minutes=1))
        (job,) = table.waiting_jobs()
        days.append(job.fire_time.day)
        table.end()
    table.round()
    assert days == [14, 15, 17, 18]
    assert table.waiting_jobs() == []
    assert {fire.outcome for fire in table.fired(made) if fire.attempt == 0} == {FireOutcome.SUCCESSFUL}


def test_a_backfill_of_the_future_or_of_too_much_is_refused(table):
    made = table.made(HOURLY)
    with pytest.raises(InvalidRequest, match="has not come yet"):
        table.schedules.backfill(made.id, NOW, NOW + DAY, None)
    with pytest.raises(InvalidRequest, match="More than 1,000"):
        table.schedules.backfill(made.id, NOW - 100 * DAY, NOW, None)
    assert table.fired(made) == []


def test_what_a_notebook_declares_is_not_changed_from_outside_but_can_be_paused(table):
    made = table.made()
    table.store.replace(replace(made, source="notebook"))
    for act in (
        lambda: table.schedules.delete(made.id, None),
        lambda: table.schedules.patch(made.id, {}, None),
        lambda: table.schedules.replace(made.id, {"schedule": {"cron": DAILY}}, None),
    ):
        with pytest.raises(ScheduleDeclared, match="front matter"):
            act()
    assert not table.schedules.pause(made.id, None).active


def test_a_schedule_that_is_not_there_is_said(table):
    with pytest.raises(NoSuchSchedule):
        table.schedules.get(uuid4(), None)
