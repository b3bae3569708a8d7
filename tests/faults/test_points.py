"""A server that ends at any of its fail points: the next one makes good, and nothing that was acknowledged is lost.

``FAULTS=20 make faults`` walks twenty times over all points; the tests of every day once.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pytest
import requests

from nbprocessor import faultpoints
from nbprocessor.store.unfinished import PLACE
from tests.api.receiver import listening
from tests.faults import instant
from tests.faults.invariants import assert_nothing_lost, audited, wait_until_gone
from tests.servers.nbprocessor import Server

ROUNDS = int(os.environ.get("FAULTS", "1"))
AT_THE_START = {"swept", "job-adopted", "requeued"}
"""Passed before the first request, when there is something that a server before has left."""
ELSEWHERE = {"data-written", "fires-prepared", "fires-stored", "lost-recorded", "jobs-rebuilt"} | {
    "notice-claimed", "notice-sent",
}  # fmt: skip
"""Not passed by a server that runs nothing and has no schedules."""
AT_WORK = sorted(faultpoints.POINTS - ELSEWHERE - AT_THE_START)
SEVERAL = {"file-written": 9, "file-synced": 3, "file-renamed": 3, "folder-half": 4}
"""How often these are passed for the first jobs."""


def execute(server: Server, process: str, inputs: dict, acknowledged: list[str], **body) -> str | None:
    """Execute asynchronously; return the job's id, or None when it was refused or the server is gone."""
    try:
        answer = server.execute(process, inputs, prefer="respond-async", **body)
    except requests.RequestException:
        return None
    if answer.status_code == 503:
        return None
    assert answer.status_code == 201, answer.text
    acknowledged.append(answer.json()["jobID"])
    return acknowledged[-1]


def load(server: Server, told: str, acknowledged: list[str]) -> None:
    """Execute and dismiss, more than may wait, until the server is gone."""
    subscriber = {"successUri": f"{told}/ended", "inProgressUri": f"{told}/began", "failedUri": f"{told}/failed"}

    def one(number: int) -> None:
        if number % 5 < 4:
            execute(server, "quick", {"number": number}, acknowledged, subscriber=subscriber)
        elif job_id := execute(server, "slow", {"seconds": 600}, acknowledged, subscriber=subscriber):
            with suppress(requests.RequestException):
                server.delete(f"/jobs/{job_id}")

    with ThreadPoolExecutor(6) as clients:
        for _ in range(100):
            if server.process.poll() is not None:
                return
            list(clients.map(one, range(10)))
    raise AssertionError(f"the point is not passed:\n{server.log.read_text()[-2000:]}")


def ended_at_its_start(point: str, notebooks, results) -> None:
    process = instant.begin(notebooks, results, point)
    try:
        assert process.wait(60) == faultpoints.EXIT_CODE, point
    finally:
        process.kill()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_nothing_is_lost_wherever_a_server_ends(tmp_path, notebooks, number):
    results, drawn = audited(tmp_path / "results"), random.Random(number)
    acknowledged: list[str] = []
    with listening() as receiver:
        (results / PLACE / str(uuid4())).mkdir(parents=True)
        ended_at_its_start("swept", notebooks, results)
        with instant.serving(notebooks, results, "run-started") as server:
            while server.process.poll() is None:
                execute(server, "again", {"mark": "x"}, acknowledged)
        ended_at_its_start("job-adopted", notebooks, results)
        ended_at_its_start("requeued", notebooks, results)
        for point in drawn.sample(AT_WORK, len(AT_WORK)):
            times = drawn.randint(1, SEVERAL.get(point, 1))
            with instant.serving(notebooks, results, f"{point}:{times}") as server:
                load(server, receiver.url, acknowledged)
                assert server.process.wait() == faultpoints.EXIT_CODE, point
        with instant.serving(notebooks, results) as server:
            for job_id in acknowledged:
                server.delete(f"/jobs/{job_id}")
                assert server.ended(job_id)["status"] in {"successful", "failed", "dismissed"}
            assert "Traceback" not in server.log.read_text()
    wait_until_gone(tmp_path)
    assert_nothing_lost(results, acknowledged)
