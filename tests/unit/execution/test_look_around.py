"""While a worker asks the store about its jobs, others may start."""

import threading

import pytest

from nbprocessor.model.job import JobStatus
from tests.unit.execution.workshop import workshop
from tests.unit.notebook.written import code

pytestmark = pytest.mark.kernel

WAITS = "open('here', 'a').write('began')\nimport time\ntime.sleep(600)"


def test_a_job_that_starts_while_the_store_is_asked_is_not_taken_for_somebody_elses(tmp_path, monkeypatch):
    with workshop(tmp_path, executor="direct") as shop:
        ask, asked, answer = shop.store.running_of, threading.Event(), threading.Event()

        def slowly(worker):
            known = ask(worker)
            if known and not asked.is_set():
                asked.set()
                assert answer.wait(30)
            return known

        monkeypatch.setattr(shop.store, "running_of", slowly)
        with shop.working():
            first = shop.submit(code(WAITS))
            assert asked.wait(30)
            second = shop.submit(code(WAITS))
            shop.wait_for(second, "began")
            answer.set()
            # Only a job that still runs can be dismissed.
            for job in (first, second):
                shop.dismiss(job)
                assert shop.ended(job).status is JobStatus.DISMISSED
