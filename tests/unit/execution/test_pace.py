"""Progress that goes as time does, by what cells took in earlier runs."""

from datetime import timedelta

import pytest

from nbprocessor import contract
from nbprocessor.execution.executor import Progress
from nbprocessor.execution.pace import Gauge, Paces, Plan
from nbprocessor.model.job import JobStatus
from tests.unit.execution.workshop import workshop
from tests.unit.notebook.written import code, parameters


def percents(plan, *steps):
    gauge = Gauge(plan)
    found = []
    for cell, of, fraction in steps:
        gauge.observe(Progress(cell, of, "", fraction=fraction))
        found.append(gauge.reading().percent)
    return found


class Watch:
    """A run whose time is set by hand."""

    def __init__(self, plan):
        self.now = 100.0
        self.gauge = Gauge(plan, lambda: self.now)

    def at(self, seconds, cell=None, of=3, fraction=0.0):
        """Return percent and seconds left so long after the start, having told of the cell if it is given."""
        self.now = 100.0 + seconds
        if cell is not None:
            self.gauge.observe(Progress(cell, of, "", fraction=fraction))
        reading = self.gauge.reading()
        return reading.percent, None if reading.seconds_left is None else pytest.approx(reading.seconds_left)


KNOWN = Plan([10.0, 80.0, 10.0], 0, [True, True, True])


def test_a_cell_that_took_long_counts_for_much():
    assert percents(Plan([1.0, 8.0, 1.0], 0), (1, 3, 0), (2, 3, 0), (2, 3, 0.5), (3, 3, 0)) == [0, 10, 50, 90]


def test_the_cell_with_the_inputs_counts_for_nothing():
    assert percents(Plan([1.0, 1.0], 1), (2, 3, 0), (3, 3, 0)) == [49, 50]


def test_progress_never_falls_and_leaves_100_to_the_end():
    assert percents(Plan([1.0, 1.0], 0), (1, 2, 0.8), (1, 2, 0.1), (2, 2, 1.0)) == [40, 40, 99]


def test_cells_nobody_thought_of_count_evenly():
    assert percents(Plan([1.0, 9.0], 0), (1, 4, 0), (3, 4, 0)) == [0, 50]


def test_a_silent_cell_moves_by_the_time_it_took_and_never_beyond_its_share():
    watch = Watch(KNOWN)
    assert watch.at(0, cell=1) == (0, 100)
    assert watch.at(5) == (5, 95)
    assert watch.at(10, cell=2) == (10, 90)
    assert watch.at(50) == (50, 50)
    assert watch.at(95)[0] == watch.at(1000)[0] == 90


def test_a_cell_that_is_a_little_late_ends_soon_and_a_very_late_one_nobody_knows_when():
    watch = Watch(KNOWN)
    watch.at(0, cell=2)
    assert watch.at(90) == (90, 10)
    assert watch.at(97) == (90, None)
    assert watch.at(98, cell=3) == (90, 10)


def test_the_rest_is_told_only_when_every_cell_to_come_is_known():
    watch = Watch(Plan([10.0, 10.0, 10.0], 0, [True, False, True]))
    assert watch.at(0, cell=1) == (0, None)
    assert watch.at(10, cell=2) == (33, None)
    assert watch.at(20) == (33, None)
    assert watch.at(40, cell=3) == (66, 10)


def test_what_a_cell_tells_counts_more_than_what_it_took_before():
    watch = Watch(KNOWN)
    watch.at(0, cell=2)
    assert watch.at(100, cell=2, fraction=0.5) == (50, 110)
    assert watch.at(120) == (50, 90)


def test_a_cell_that_never_ran_may_tell_its_rest_itself():
    watch = Watch(Plan([1.0], 0, [False]))
    watch.at(0, cell=1, of=1)
    assert watch.at(0.1, cell=1, of=1, fraction=0.5)[1] is None, "too early to say"
    assert watch.at(30, cell=1, of=1, fraction=0.75) == (75, 10)


def test_a_rest_longer_than_can_be_true_is_not_told():
    watch = Watch(Plan([1.0], 0, [False]))
    watch.at(0, cell=1, of=1)
    assert watch.at(30, cell=1, of=1, fraction=1e-300) == (0, None)


def test_the_cell_with_the_inputs_takes_nothing_from_what_is_known():
    watch = Watch(Plan([10.0, 10.0], 1, [True, True]))
    assert watch.at(0, cell=1) == (0, pytest.approx(20, abs=0.1))
    assert Watch(Plan([10.0, 10.0], 1, [True, True])).at(0, cell=1, of=7)[1] is None


@pytest.fixture
def shop(tmp_path):
    with workshop(tmp_path, executor="direct") as shop, shop.working():
        yield shop


CELLS = parameters("seconds: float = 0.5"), code("import time\ntime.sleep(seconds)", "slow"), code("1", "quick")


def plan(shop, job, *, paces=None):
    paces = paces or Paces(shop.store, shop.results)
    process = shop.worker._recorder.accepted(job).process
    return paces.plan(process, shop.results.read(job.id, contract.FILE_NOTEBOOK))


@pytest.mark.kernel
def test_a_worker_learns_from_its_runs_and_a_new_one_from_the_folders(shop):
    job = shop.run(*CELLS, inputs={"seconds": 0.3})
    assert job.status is JobStatus.SUCCESSFUL
    for paces in (shop.worker._recorder.paces, Paces(shop.store, shop.results)):
        _, slow, quick = plan(shop, job, paces=paces).seconds
        assert slow >= 0.3 > quick


@pytest.mark.kernel
def test_cells_of_the_same_code_are_told_apart_by_their_order(shop):
    again = "import time\ntime.sleep(0.3 if 'waited' not in globals() else 0)\nwaited = True"
    job = shop.run(code(again, "first"), code(again, "second"))
    first, second = plan(shop, job).seconds
    assert first >= 0.3 > second


@pytest.mark.kernel
def test_an_edited_cell_takes_the_mean_of_the_others_until_it_ran(shop):
    shop.run(*CELLS, inputs={"seconds": 0.3})
    edited = shop.submit(CELLS[0], CELLS[1], code("2", "quick"))
    first, slow, unknown = plan(shop, edited).seconds
    assert unknown == pytest.approx((first + slow) / 2)


@pytest.mark.kernel
def test_a_damaged_record_teaches_nothing_and_harms_nobody(shop):
    job = shop.run(*CELLS, inputs={"seconds": 0.0})
    for content in (b"", b"[]", b'{"cells": [{"cell_type": "code"}]}', b'{"cells": 7}'):
        (shop.results.folder(job.id) / contract.FILE_EXECUTED).write_bytes(content)
        assert plan(shop, job).seconds == [1.0, 1.0, 1.0]


@pytest.mark.kernel
def test_the_second_run_is_told_by_the_time_the_first_one_took(shop):
    cells = (
        parameters("rest: float = 0.0"),
        code("import time\ntime.sleep(1)", "slow"),
        code("1", "quick"),
        code("time.sleep(rest)", "last"),
    )
    assert shop.run(*cells, inputs={"rest": 0.01}).status is JobStatus.SUCCESSFUL
    job = shop.submit(*cells, inputs={"rest": 600.0})
    # Counted evenly, the last cell of five begins at 80 %.
    assert shop.inside(reached(shop, job, 85)) >= 85
    shop.dismiss(job)
    shop.ended(job)


@pytest.mark.kernel
def test_a_silent_cell_that_ran_before_moves_by_time_and_its_end_is_told_while_it_runs(shop):
    cells = parameters("seconds: float = 2.0"), code("import time\ntime.sleep(seconds)", "silent")
    assert shop.run(*cells, inputs={}).status is JobStatus.SUCCESSFUL
    job = shop.submit(*cells, inputs={"seconds": 600.0})
    # It says nothing: counted by cells alone it would stay where it began.
    assert shop.inside(reached(shop, job, 30)) >= 30
    running = shop.store.get(job.id)
    assert running.status is JobStatus.RUNNING and running.progress < 100
    shop.dismiss(job)
    assert shop.ended(job).estimated_completion is None


@pytest.mark.kernel
def test_an_estimate_is_published_and_given_up_when_the_cell_takes_far_longer(shop):
    cells = parameters("seconds: float = 1.0"), code("import time\ntime.sleep(seconds)", "silent")
    assert shop.run(*cells, inputs={}).status is JobStatus.SUCCESSFUL
    job = shop.submit(*cells, inputs={"seconds": 600.0})
    told = shop.inside(estimated(shop, job))
    assert job.created < told < job.created + timedelta(minutes=5)
    assert shop.inside(given_up(shop, job))
    shop.dismiss(job)
    shop.ended(job)


async def estimated(shop, job):
    """Return the first estimate."""
    async for state in shop.events.subscribe(job.id):
        if state.estimated_completion or state.status.ended:
            return state.estimated_completion
    return None


async def given_up(shop, job):
    """Wait until the running job has no estimate; False when it ended first."""
    async for state in shop.events.subscribe(job.id):
        if state.status.ended or (state.progress > 0 and state.estimated_completion is None):
            return not state.status.ended
    return False


async def reached(shop, job, percent):
    async for state in shop.events.subscribe(job.id):
        if state.progress >= percent or state.status.ended:
            return state.progress
    return None
