import json
import sqlite3
from contextlib import closing

import pytest

from nbprocessor import contract
from nbprocessor.errors import QueueFull, StoreUnavailable, UserQueueFull
from nbprocessor.execution.submission import submit
from nbprocessor.model.job import Execution, JobStatus, Priority, Subscriber
from nbprocessor.store.results import ResultStore
from tests.unit.execution.workshop import process
from tests.unit.notebook.written import code, parameters


@pytest.fixture
def accept(shop):
    """Submit a process to the workshop's store."""

    def submitted(facts="", results=None, queue_limit=10, **more):
        found = process(shop.folder / "notebooks", parameters("factor: float = 1.0"), code("1"), facts=facts)
        subscriber = Subscriber(success_uri="http://told.test/secret-token")
        execution = Execution(
            "trial", {"factor": 2.5}, {"result": {"transmissionMode": "value"}}, "document", subscriber
        )
        return submit(
            found, execution, store=shop.store, results=results or shop.results, queue_limit=queue_limit, **more
        )

    return submitted


def test_a_job_is_accepted_with_its_notebook_its_process_and_its_inputs(shop, accept):
    job = accept(owner="me", mode="sync", trigger="cli")
    assert shop.store.get(job.id) == job
    assert (job.status, job.owner, job.mode, job.trigger) == (JobStatus.ACCEPTED, "me", "sync", "cli")
    assert {path.name for path in shop.results.folder(job.id).iterdir()} == {
        contract.FILE_NOTEBOOK,
        contract.FILE_PROCESS,
        contract.FILE_INPUTS,
        contract.FILE_JOB,
    }
    assert json.loads(shop.results.read(job.id, contract.FILE_INPUTS)) == {
        "inputs": {"factor": 2.5},
        "response": "document",
        "outputs": {"result": {"transmissionMode": "value"}},
    }


def test_a_change_of_the_notebook_after_acceptance_does_not_reach_the_job(shop, accept):
    job = accept()
    before = (shop.folder / "notebooks" / "trial.ipynb").read_bytes()
    process(shop.folder / "notebooks", code("changed"))
    assert shop.results.read(job.id, contract.FILE_NOTEBOOK) == before
    assert shop.worker._recorder.accepted(job).process.sha256 == job.notebook_sha256


def test_the_front_matters_concurrency_counts_before_the_settings(accept):
    assert accept(per_process=7).concurrency == 7
    assert accept().concurrency is None
    assert accept("  limits: {concurrency: 2}", per_process=7).concurrency == 2


def test_who_waits_goes_before_what_nobody_waits_for_and_schedules_go_last(accept):
    assert accept(mode="sync").priority is Priority.INTERACTIVE
    assert accept(mode="async").priority is Priority.BATCH
    assert accept(mode="sync", trigger="schedule").priority is Priority.SCHEDULED


def test_one_user_more_than_may_wait_is_refused_and_leaves_nothing(shop, accept):
    accept(owner="me", per_user=1)
    with pytest.raises(UserQueueFull):
        accept(owner="me", per_user=1)
    assert len(shop.results.job_ids()) == len(shop.store.unfinished()) == 1


def test_what_is_refused_leaves_nothing(shop, accept):
    accept(queue_limit=1)
    with pytest.raises(QueueFull):
        accept(queue_limit=1)
    tight = ResultStore(shop.settings.results.folder, reserve=1 << 60)
    with pytest.raises(StoreUnavailable, match="reserve"):
        accept(results=tight)
    with closing(sqlite3.connect(shop.settings.results.folder / "nbprocessor.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            accept()
        other.execute("ROLLBACK")
    assert len(shop.results.job_ids()) == len(shop.store.unfinished()) == 1


def test_addresses_of_subscribers_are_in_no_file(shop, accept):
    job = accept()
    for path in shop.results.folder(job.id).iterdir():
        assert b"secret-token" not in path.read_bytes()
