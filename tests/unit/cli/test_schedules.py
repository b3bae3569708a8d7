"""`nbprocessor schedules`: what runs again and again, changed beside a server, and kept as YAML."""

from uuid import uuid4

import pytest

MONTHLY = (
    "inputs: {stringInput: '{{ last_month_end }}'}\n"
    "schedule: {cron: 0 3 1 * *, name: monthly, retries: 2, notify: [{webhook: https://example.org}]}\n"
)


@pytest.fixture
def added(call, examples, tmp_path):
    """The id of a schedule in the folder ``results``."""
    (tmp_path / "monthly.yml").write_text(MONTHLY)
    done = call("schedules", "add", "echo", "monthly.yml")
    assert done.code == 0, done.err
    return done.out.strip()


def test_a_schedule_is_added_listed_and_its_next_runs_are_shown(call, added):
    line = call("schedules", "list").out
    assert line.startswith(f"{added}  active  0 3 1 * *  Europe/Berlin  echo")
    runs = call("schedules", "next", added, "--count", 3).out.splitlines()
    assert len(runs) == 3
    assert all("-01T03:00:00+0" in run for run in runs)


def test_a_schedule_is_paused_and_resumed(call, added):
    assert call("schedules", "pause", added).code == 0
    assert "  paused  " in call("schedules", "list").out
    assert "paused" in call("schedules", "next", added).err
    assert call("schedules", "resume", added).code == 0
    assert "  active  " in call("schedules", "list").out


def test_a_run_by_hand_waits_for_a_worker(call, added):
    job = call("schedules", "run", added).out.strip()
    assert job in call("jobs").out


def test_a_backfill_names_its_moments_and_does_so_once(call, added):
    moments = call("schedules", "backfill", added, "2026-01-01", "2026-03-31").out.splitlines()
    assert moments == ["2026-01-01T03:00:00+01:00", "2026-02-01T03:00:00+01:00", "2026-03-01T03:00:00+01:00"]
    assert call("schedules", "backfill", added, "2026-01-01", "2026-03-31").out == ""
    assert call("schedules", "backfill", added, "soon", "2026-03-31").code == 2


def test_what_is_exported_can_be_imported_here_and_elsewhere_and_is_the_same(call, added, tmp_path):
    exported = call("schedules", "export").out
    assert "{{ last_month_end }}" in exported and "retries: 2" in exported
    (tmp_path / "all.yml").write_text(exported)
    for results in ("results", "other"):
        done = call("schedules", "import", "all.yml", "--results", results)
        assert (done.code, done.out.strip()) == (0, added)
        assert call("schedules", "export", "--results", results).out == exported


def test_of_a_file_with_faults_nothing_is_made_and_every_fault_is_named(call, added, tmp_path):
    good, bad = MONTHLY.replace("\n", "\n    "), "schedule: {cron: 0 0 31 2 *}"
    (tmp_path / "some.yml").write_text(
        f"schedules:\n  - process: echo\n    {good}\n  - process: echo\n    {bad}\n  - process: nobodys\n    {bad}\n"
    )
    done = call("schedules", "import", "some.yml")
    assert done.code == 3
    assert "/schedules/1/schedule/cron" in done.err and "/schedules/2" in done.err
    assert len(call("schedules", "list").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "no YAML"),
        ("- 1", "list schedules"),
        ("schedules: [1]", "needs process"),
        ("schedules: [{process: echo, id: x}]", "no id"),
    ],
)
def test_a_file_that_is_something_else_is_refused(call, added, tmp_path, content, words):
    (tmp_path / "file.yml").write_text(content)
    done = call("schedules", "import", "file.yml")
    assert (done.code, words in done.err) == (3, True), done.err


def test_a_schedule_that_is_not_there_is_3(call, added):
    for command in ("pause", "resume", "run", "next"):
        done = call("schedules", command, uuid4())
        assert (done.code, "There is no schedule" in done.err) == (3, True)
    assert call("schedules", "pause", "x").code == 2


def test_without_a_results_folder_nothing_is_made(call, tmp_path):
    assert call("schedules", "list").code == 3
    assert not (tmp_path / "results").exists()


def test_that_there_is_none_is_said(call, added):
    done = call("schedules", "list", "--process", "nobodys")
    assert (done.code, done.out, done.err) == (0, "", "There is no such schedule.\n")
