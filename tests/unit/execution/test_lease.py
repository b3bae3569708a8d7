"""A worker that cannot let others know that it lives: it ends its runs before they take its jobs over."""

import asyncio
import logging
import threading
from types import SimpleNamespace

import pytest

from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution import identity, presence
from nbprocessor.execution.presence import LEASE, SAFE, Presence
from nbprocessor.model.job import JobStatus
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.workers import WorkerRegister
from tests.servers.postgresql import postgresql_server, postgresql_url  # noqa: F401  # fixtures
from tests.unit.execution.test_worker import processes_of
from tests.unit.execution.workshop import workshop
from tests.unit.notebook.written import code

ELSEWHERE = "another-boot/1/1/1"
LONG = "import time\nopen('here', 'w').write('began')\ntime.sleep(600)"


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """The monotonic clock of :mod:`nbprocessor.execution.presence`."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(presence, "time", clock)
    return clock


def test_a_beat_is_overdue_before_the_lease_ends(postgresql_url, clock):  # noqa: F811  # the fixture
    engine = open_database(postgresql_url)
    try:
        worker = Presence(JobStore(engine))
        clock.now += SAFE * LEASE
        assert not worker.overdue
        clock.now += 0.1
        assert worker.overdue
        assert SAFE * LEASE + worker.beat < LEASE  # it is looked once a beat
    finally:
        engine.dispose()


def test_on_a_file_a_beat_is_overdue_only_while_a_worker_of_another_machine_may_wait_for_it(shop, clock):
    worker, register = Presence(shop.store), WorkerRegister(shop.store.engine)
    register.beat(identity.own())
    worker.lost()
    clock.now += 10 * LEASE
    assert not worker.overdue
    register.beat(ELSEWHERE)
    worker.lost()
    assert worker.overdue
    clock.now += 2 * LEASE
    worker.lost()  # it is gone, and forgotten
    worker.lost()
    assert not worker.overdue


class Reach:
    """Whether the beats of this worker arrive; those of another machine's do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrive = threading.Event()
        self.arrive.set()
        arrives = WorkerRegister.beat

        def beat(register: WorkerRegister, worker: str) -> None:
            arrives(register, ELSEWHERE)
            if not self.arrive.is_set():
                raise StoreUnavailable("the network is gone")
            arrives(register, worker)

        monkeypatch.setattr(WorkerRegister, "beat", beat)


@pytest.mark.kernel
@pytest.mark.parametrize("executor", ["direct", "subprocess"])
def test_runs_end_unrecorded_while_no_beat_arrives_and_are_settled_once_they_do(
    tmp_path, monkeypatch, caplog, executor
):
    reach = Reach(monkeypatch)
    caplog.set_level(logging.INFO)
    with workshop(tmp_path, executor=executor, lease=3) as shop, shop.working():
        again, lost = (shop.submit(code(LONG), facts=facts) for facts in ("  retry_safe: true", ""))
        for job in (again, lost):
            shop.wait_for(job, "began")
        reach.arrive.clear()
        shop.inside(until(lambda: not processes_of(again) and not processes_of(lost) and not shop.worker._running))
        found = [shop.store.get(job.id) for job in (again, lost)]
        assert [(job.status, job.attempt) for job in found] == [(JobStatus.RUNNING, 1)] * 2
        waiting = shop.submit(code("1"))
        reach.arrive.set()
        assert shop.ended(lost).status is JobStatus.FAILED
        assert "was lost" in shop.store.get(lost.id).message
        assert shop.ended(waiting).status is JobStatus.SUCCESSFUL
        shop.inside(until(lambda: shop.store.get(again.id).attempt == 2))
        shop.dismiss(again)
        assert shop.ended(again).status is JobStatus.DISMISSED
    assert sum("all runs here end" in record.message for record in caplog.records) == 1


async def until(condition) -> None:
    """Wait for what has no event that a test could wait for."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)
