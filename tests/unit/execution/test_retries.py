"""Runs that failed for a reason that passes are begun again, if their notebook may be repeated."""

from datetime import timedelta

import pytest

from nbprocessor.config import Execution
from nbprocessor.errors import (
    CellFailed,
    InputUnavailable,
    KernelDied,
    KernelMissing,
    LimitReached,
    OutputMissing,
    StoreUnavailable,
    WorkerLost,
)
from nbprocessor.execution import retries
from nbprocessor.execution.recording import Accepted
from nbprocessor.model.job import JobStatus
from tests.unit.execution.workshop import process, workshop
from tests.unit.notebook.written import code
from tests.unit.store.samples import a_job

SAFE = "  retry_safe: true"
LOST = WorkerLost("somebody")


@pytest.fixture
def accepted(tmp_path):
    return Accepted(process(tmp_path, code("1"), facts=SAFE), {}, {})


def pauses(accepted, error, **settings):
    """The pauses after each attempt, in seconds."""
    execution = Execution(**settings)
    found = [retries.pause(a_job(attempt=attempt), accepted, error, execution) for attempt in range(1, 6)]
    return [None if pause is None else pause.total_seconds() for pause in found]


def test_each_pause_is_twice_the_one_before_until_there_were_enough_attempts(accepted):
    assert pauses(accepted, LOST) == [2, 4, None, None, None]
    assert pauses(accepted, LOST, retry_attempts=10, retry_backoff=100) == [100, 200, 400, 600, 600]
    assert pauses(accepted, LOST, retry_attempts=1) == [None] * 5


@pytest.mark.parametrize(
    "error", [LOST, KernelDied("compute"), CellFailed("load", "DataUnavailable", "503"), StoreUnavailable("locked")]
)
def test_what_passes_is_worth_another_run(accepted, error):
    assert retries.pause(a_job(attempt=1), accepted, error, Execution()) == timedelta(seconds=2)


@pytest.mark.parametrize(
    "error",
    [
        None,
        CellFailed("compute", "KeyError", "'AGS'"),
        CellFailed("load", "ResourceNotFound", "no such indicator"),
        LimitReached("memory", "2 GB"),
        OutputMissing(["result"]),
        KernelMissing("julia"),
        InputUnavailable("data", "https://a.test", "it answers 404"),
    ],
)
def test_what_would_happen_again_is_not(accepted, error):
    assert retries.pause(a_job(attempt=1), accepted, error, Execution()) is None


def test_a_notebook_that_does_not_say_it_may_be_repeated_is_not(tmp_path):
    unsafe = Accepted(process(tmp_path, code("1")), {}, {})
    assert retries.pause(a_job(attempt=1), unsafe, LOST, Execution()) is None
    assert retries.pause(a_job(attempt=1), None, LOST, Execution()) is None


@pytest.fixture(scope="module")
def working(tmp_path_factory):
    # Not sealed: the notebooks leave marks where the next attempt finds them.
    settings = {"executor": "direct", "isolation": "none", "retry_attempts": 2}
    with workshop(tmp_path_factory.mktemp("retries"), **settings) as shop, shop.working():
        yield shop


@pytest.mark.kernel
def test_a_run_whose_kernel_died_once_is_run_again_and_says_so_meanwhile(working, tmp_path):
    mark = tmp_path / "mark"
    dies_once = f"import os, pathlib\nmark = pathlib.Path({str(mark)!r})\n"
    dies_once += "if not mark.exists():\n    mark.touch()\n    os._exit(7)"
    job = working.submit(code("print('begins')", "first"), code(dies_once), facts=SAFE)

    async def follow():
        return [state async for state in working.events.subscribe(job.id)]

    states = working.inside(follow())
    assert (states[-1].status, states[-1].attempt, states[-1].message) == (JobStatus.SUCCESSFUL, 2, "")
    waiting = [state.message for state in states if state.status is JobStatus.ACCEPTED and state.attempt == 1]
    assert waiting == [
        'attempt 1 of 2 failed, the next one begins in 0 s: the kernel died in cell "compute" (exit code 7)'
    ] * len(waiting)
    assert working.results.verify(job.id) == []


@pytest.mark.kernel
def test_a_data_source_that_stays_away_fails_the_job_after_the_last_attempt(working, tmp_path):
    count = tmp_path / "count"
    away = f"from nbprocessor.errors import DataUnavailable\nopen({str(count)!r}, 'a').write('x')\n"
    away += "raise DataUnavailable('indicator', 'the data source does not answer', 503)"
    job = working.run(code(away), facts=SAFE)
    assert (job.status, job.attempt) == (JobStatus.FAILED, 2)
    assert job.message == 'cell "compute": DataUnavailable indicator: the data source does not answer'
    assert count.read_text() == "xx"
    assert working.results.manifest(job.id).job["attempt"] == 2


@pytest.mark.kernel
def test_a_job_that_waits_for_its_next_attempt_is_dismissed_at_once(tmp_path):
    with workshop(tmp_path, executor="direct", retry_backoff=500) as shop, shop.working():
        job = shop.submit(code("import os\nos._exit(7)"), facts=SAFE)

        async def again():
            async for state in shop.events.subscribe(job.id):
                if state.status is JobStatus.ACCEPTED and state.attempt == 1:
                    return state
            raise AssertionError("the job is not run again")

        waiting = shop.inside(again())
        assert "the next one begins in 500 s" in waiting.message
        shop.dismiss(job)
        ended = shop.ended(job)
    assert (ended.status, ended.attempt) == (JobStatus.DISMISSED, 1)
