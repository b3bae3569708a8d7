"""Progress that goes as time does, by what cells took in earlier runs."""

import pytest

from nbprocessor import contract
from nbprocessor.execution.executor import Progress
from nbprocessor.execution.pace import Gauge, Paces, Plan
from nbprocessor.model import JobStatus
from tests.unit.execution.workshop import workshop
from tests.unit.notebook.written import code, parameters


def percents(plan, *steps):
    gauge = Gauge(plan)
    return [gauge.percent(Progress(cell, of, "", fraction=fraction)) for cell, of, fraction in steps]


def test_a_cell_that_took_long_counts_for_much():
    assert percents(Plan([1.0, 8.0, 1.0], 0), (1, 3, 0), (2, 3, 0), (2, 3, 0.5), (3, 3, 0)) == [0, 10, 50, 90]


def test_the_cell_with_the_inputs_counts_for_nothing():
    assert percents(Plan([1.0, 1.0], 1), (2, 3, 0), (3, 3, 0)) == [49, 50]


def test_progress_never_falls_and_leaves_100_to_the_end():
    assert percents(Plan([1.0, 1.0], 0), (1, 2, 0.8), (1, 2, 0.1), (2, 2, 1.0)) == [40, 40, 99]


def test_cells_nobody_thought_of_count_evenly():
    assert percents(Plan([1.0, 9.0], 0), (1, 4, 0), (3, 4, 0)) == [0, 50]


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


async def reached(shop, job, percent):
    async for state in shop.events.subscribe(job.id):
        if state.progress >= percent or state.status.ended:
            return state.progress
    return None
