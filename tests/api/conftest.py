"""What the API's tests share: jobs that ended one way or another, and a second server with narrow bounds."""

import shutil
from collections.abc import Iterator

import pytest

from tests.api.receiver import Receiver, listening
from tests.servers.nbprocessor import REPOSITORY, Server, start

EVERY_OUTPUT = ("text", "number", "table", "record", "picture")


@pytest.fixture(scope="session")
def echoed(server: Server) -> dict:
    """A successful job of ``echo`` with two outputs, asked for as raw."""
    job = server.job("echo", {"stringInput": "teststring", "arrayInput": [1, 2, 3]})
    assert job["status"] == "successful", job
    return job


@pytest.fixture(scope="session")
def every_output(server: Server) -> dict:
    """A successful job that left an output of every kind, asked for as a document."""
    job = server.job("outputs", {"word": "Wort"}, response="document")
    assert job["status"] == "successful", job
    return job


@pytest.fixture(scope="session")
def failed(server: Server) -> dict:
    """A job that failed in its cell ``compute``."""
    job = server.job("fails")
    assert job["status"] == "failed", job
    return job


@pytest.fixture(scope="session")
def dismissed(server: Server) -> dict:
    """A job that was dismissed while it ran, as it was answered."""
    job_id = server.running("slow", {"seconds": 120})
    answer = server.delete(f"/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """A subscriber on this machine that keeps what it is told."""
    with listening() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker that lets two jobs wait, waits half a second for results, and calls nobody inside."""
    folder = tmp_path_factory.mktemp("narrow")
    notebooks = folder / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks" / "examples", notebooks)
    shutil.copytree(REPOSITORY / "tests" / "data" / "notebooks", notebooks / "tests")
    bounds = {
        "NBPROCESSOR_EXECUTION__SLOTS": "1",
        "NBPROCESSOR_EXECUTION__QUEUE": "2",
        "NBPROCESSOR_EXECUTION__SYNC_WAIT": "0.5",
        "NBPROCESSOR_SERVER__MAX_BODY": "20000",
        "NBPROCESSOR_SERVER__PAGE_SIZE": "2",
        "NBPROCESSOR_SERVER__MAX_PAGE_SIZE": "3",
    }
    with start(notebooks, folder / "results", env=bounds) as running:
        yield running
