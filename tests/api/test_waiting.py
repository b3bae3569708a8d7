"""Many who wait for their answers at once: all get them, and none costs the server a thread."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from tests.servers.nbprocessor import REPOSITORY, Server, start

MANY = 60


def test_sixty_synchronous_requests_at_once_are_all_answered_without_a_thread_each(tmp_path):
    notebooks = tmp_path / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks" / "examples", notebooks)
    shutil.copytree(REPOSITORY / "tests" / "data" / "notebooks", notebooks / "tests")
    settings = {"NBPROCESSOR_EXECUTION__SLOTS": "2", "NBPROCESSOR_EXECUTION__SYNC_WAIT": "300"}
    with start(notebooks, tmp_path / "results", env=settings) as server:
        # Both slots are taken until all the others wait.
        slow = [server.running("slow", {"seconds": 600}) for _ in range(2)]
        with ThreadPoolExecutor(MANY) as clients:
            answers = [clients.submit(server.execute, "echo", {"stringInput": f"{n}"}) for n in range(MANY)]
            waiting = _once_all_wait(server)
            assert threads_of(server) < MANY
            for job_id in slow:
                assert server.delete(f"/jobs/{job_id}").json()["status"] == "dismissed"
            found = [answer.result() for answer in answers]
    assert waiting == MANY
    assert [(answer.status_code, answer.text) for answer in found] == [(200, f"{n}") for n in range(MANY)]


def _once_all_wait(server: Server) -> int:
    """Ask until as many wait as were sent; return how many do."""
    deadline = time.monotonic() + 120
    while (waiting := server.get("/health").json()["jobs"]["waiting"]) < MANY and time.monotonic() < deadline:
        threading.Event().wait(0.2)
    return waiting


def threads_of(server: Server) -> int:
    """The threads of the server's own process."""
    return psutil.Process(server.process.pid).num_threads()
