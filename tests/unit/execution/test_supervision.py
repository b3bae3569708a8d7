"""Jobs whose inputs are at strangers' addresses: fetched, refused, slow, and ended meanwhile. No kernel is started."""

import time

import pytest

from nbprocessor.model.job import JobStatus
from tests.unit.notebook.written import code, parameters
from tests.unit.outbound.strangers import content

PARAMETERS = parameters("value: dict = {}")


@pytest.fixture
def working(shop):
    with shop.working():
        yield shop


def test_a_job_that_is_dismissed_while_its_inputs_are_fetched_ends_at_once(working, stranger):
    job = working.submit(PARAMETERS, code("1"), inputs={"value": {"href": f"{stranger.url}/slow"}})
    assert stranger.reached.acquire(timeout=30)
    began = time.monotonic()
    working.dismiss(job)
    ended = working.ended(job)
    assert time.monotonic() - began < 5
    assert (ended.status, ended.message) == (JobStatus.DISMISSED, "dismissed before its first cell")
    assert working.results.verify(job.id) == []


def test_the_time_limit_counts_while_inputs_are_fetched(working, stranger):
    href = {"value": {"href": f"{stranger.url}/slow"}}
    job = working.run(PARAMETERS, code("1"), inputs=href, facts="  limits: {time: 1}")
    # The limit of the notebook is known once its folder is read, which the fetching thread does first.
    assert (job.status, job.message) == (JobStatus.FAILED, "time limit of 1 s reached")


def test_a_server_that_stops_while_inputs_are_fetched_lets_the_job_wait_again(shop, stranger):
    with shop.working():
        job = shop.submit(PARAMETERS, code("1"), inputs={"value": {"href": f"{stranger.url}/slow"}})
        assert stranger.reached.acquire(timeout=30)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    waiting = shop.store.get(job.id)
    assert (waiting.status, waiting.worker) == (JobStatus.ACCEPTED, None)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "it answers 404"),
        ("moved", "redirects are not followed"),
        ("broken", "its content cannot be read"),
        ("number", "/inputs/value"),
    ],
)
def test_an_input_that_cannot_be_had_fails_the_job_and_names_the_address(working, stranger, path, reason):
    stranger.answers |= {
        "missing": content(b"", status=404),
        "moved": content(b"", status=302, Location="http://127.0.0.1/elsewhere"),
        "broken": content(b'{"a": '),
        "number": content(b"7"),
    }
    job = working.run(PARAMETERS, code("1"), inputs={"value": {"href": f"{stranger.url}/{path}"}})
    assert job.status is JobStatus.FAILED
    assert job.message.startswith(f'input "value": {stranger.url}/{path}: ')
    assert reason in job.message or path == "number", job.message


def test_an_inner_address_is_not_called(working):
    job = working.run(PARAMETERS, code("1"), inputs={"value": {"href": "http://localhost:1/"}})
    assert job.status is JobStatus.FAILED
    assert "is not called" in job.message or "not on the public internet" in job.message


def test_a_job_that_was_deleted_or_taken_over_ends_its_run(working, stranger):
    job = working.submit(PARAMETERS, code("1"), inputs={"value": {"href": f"{stranger.url}/slow"}})
    assert stranger.reached.acquire(timeout=30)
    working.store.delete(job.id)
    deadline = time.monotonic() + 20
    while working.worker.facts()["running"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert working.worker.facts()["running"] == 0
    assert not working.results.exists(job.id, "manifest.json")
