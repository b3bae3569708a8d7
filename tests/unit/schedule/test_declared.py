"""Schedules in front matters: kept as they are declared; a month of three kinds of schedules side by side."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from nbprocessor.errors import NotebookError, ScheduleDeclared
from nbprocessor.model.schedule import ScheduleFilter
from nbprocessor.schedule import definition
from nbprocessor.schedule.declared import DeclaredSchedules
from tests.unit.schedule.timetable import INPUTS, process

NIGHTLY = "  schedule: 0 3 * * *"
TWO = """  schedule:
    - {name: nightly, cron: 0 3 * * *, inputs: {day: "{{ yesterday }}"}}
    - {name: monthly, cron: 0 4 1 * *, timezone: Europe/Berlin, retries: 2, overlapPolicy: queue}"""


@pytest.fixture
def declared(table):
    return DeclaredSchedules(table.store, lambda: table.processes, table.settings, table.recipients, lambda: table.now)


def saved(table, declared, facts: str = "") -> list:
    """Save the notebook, let it be noticed, and return the schedules there are, oldest first."""
    table.processes = {"trial": process(table.folder / "notebooks", INPUTS, facts)}
    declared.follow()
    return list(reversed(table.schedules.list(ScheduleFilter())))


def test_a_cron_text_in_the_front_matter_is_a_schedule(table, declared):
    (schedule,) = saved(table, declared, NIGHTLY)
    assert (schedule.source, schedule.timing.cron, schedule.active) == ("notebook", "0 3 * * *", True)
    assert schedule.next_fire == datetime(2026, 6, 16, 3, tzinfo=UTC)


def test_several_have_names_and_stay_themselves_when_they_change(table, declared):
    before = saved(table, declared, TWO)
    after = saved(table, declared, TWO.replace("0 4 1 * *", "0 5 1 * *"))
    assert {one.id for one in before} == {one.id for one in after}
    assert sorted(one.timing.cron for one in after) == ["0 3 * * *", "0 5 1 * *"]
    assert saved(table, declared, TWO.replace("0 4 1 * *", "0 5 1 * *")) == after


def test_who_is_told_of_it_is_declared_too(table, declared):
    told = '{cron: 0 3 * * *, notify: [{email: a@example.org, "on": [failure]}]}'
    (schedule,) = saved(table, declared, f"  schedule: {told}")
    assert schedule.notify == ({"email": "a@example.org", "on": ["failure"]},)
    assert saved(table, declared, f"  schedule: {told}") == [schedule]


@pytest.mark.parametrize("told", ["{fax: 1}", "{email: a@example.org, language: fr}"])
def test_a_recipient_that_is_none_is_a_fault_of_the_notebook(table, declared, told):
    with pytest.raises(NotebookError, match="notify"):
        saved(table, declared, f"  schedule: {{cron: 0 3 * * *, notify: [{told}]}}")


def test_one_that_is_no_longer_declared_is_removed_and_its_jobs_stay(table, declared):
    (schedule,) = saved(table, declared, NIGHTLY)
    table.round(datetime(2026, 6, 16, 3, tzinfo=UTC))
    assert saved(table, declared) == []
    assert [job.schedule_id for job in table.waiting_jobs()] == [schedule.id]


def test_one_that_was_paused_stays_so_until_its_declaration_changes(table, declared):
    (schedule,) = saved(table, declared, NIGHTLY)
    table.schedules.pause(schedule.id, None)
    assert [one.active for one in saved(table, declared, NIGHTLY)] == [False]
    assert [one.active for one in saved(table, declared, "  schedule: 0 4 * * *")] == [True]


def test_a_notebook_that_is_away_keeps_its_schedule_and_then_it_can_be_removed(table, declared):
    (schedule,) = saved(table, declared, NIGHTLY)
    with pytest.raises(ScheduleDeclared):
        table.schedules.delete(schedule.id, None)
    table.processes = {}
    declared.follow()
    assert table.get(schedule) == schedule
    table.schedules.delete(schedule.id, None)
    assert table.schedules.list(ScheduleFilter()) == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("  schedule: 0 0 31 2 *", "day-of-month"),
        ("  schedule: {timezone: UTC}", "cron"),
        ("  schedule: {cron: 0 0 1 * *, timezone: Mars}", "no time zone"),
        ("  schedule: {cron: 0 0 1 * *, corn: 1}", "corn"),
        ("  schedule: [0 0 1 * *, 0 0 2 * *]", "name of its own"),
        ("  schedule: 5", "schedule"),
    ],
)
def test_a_declaration_that_is_wrong_keeps_the_notebook_from_being_offered_and_says_why(table, written, words):
    with pytest.raises(NotebookError, match=words):
        process(table.folder / "notebooks", INPUTS, written)


def test_one_that_fires_too_often_for_this_server_is_not_made(table, declared, caplog):
    assert saved(table, declared, "  schedule: '* * * * *'") == []
    assert "every 1 min" in caplog.text


def test_made_by_api_front_matter_or_yaml_schedules_run_alike_for_a_month(table, declared):
    table.now = datetime(2026, 9, 30, 22, tzinfo=UTC)  # October begins in Berlin
    body = {"inputs": {"day": "{{ yesterday }}"}, "schedule": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}}
    written = '  schedule: {cron: 30 2 * * *, timezone: Europe/Berlin, inputs: {day: "{{ yesterday }}"}}'
    (notebook,) = saved(table, declared, written)
    api = table.schedules.create("trial", body, owner=None)
    (yaml,) = table.schedules.load([(None, "trial", None, definition.document(api))])
    kinds = {"notebook": notebook, "api": api, "cli": yaml}
    assert {kind: one.source for kind, one in kinds.items()} == {kind: kind for kind in kinds}
    while (due := table.store.next_due()) < datetime(2026, 10, 31, 23, tzinfo=UTC):
        table.round(due)
        table.end()
    table.round()
    # Summer time is two hours ahead of UTC, until the 25th at three, when half past two has been once already.
    expected = [
        (datetime(2026, 10, day, 0, 30, tzinfo=UTC), f"{date(2026, 10, day) - timedelta(days=1)}")
        for day in range(1, 26)
    ] + [
        (datetime(2026, 10, day, 1, 30, tzinfo=UTC), f"{date(2026, 10, day) - timedelta(days=1)}")
        for day in range(26, 32)
    ]
    for kind, one in kinds.items():
        fires = table.fired(one)
        assert [(fire.fire_time, day_of(table, fire)) for fire in fires] == expected, kind
        assert {fire.outcome for fire in fires} == {"successful"}


def day_of(table, fire) -> str:
    """The input ``day`` with which the job of a fire was made."""
    return json.loads((table.folder / "results" / str(fire.job_id) / "inputs.json").read_text())["inputs"]["day"]
