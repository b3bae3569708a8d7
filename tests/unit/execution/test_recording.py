"""What is read of what a run has left."""

import json

import pytest

from nbprocessor import contract
from nbprocessor.execution.recording import End, _executed
from nbprocessor.model.job import JobStatus
from tests.unit.execution.workshop import workshop
from tests.unit.notebook.written import code


def left(folder, content: bytes) -> None:
    (folder / contract.FILE_NOTEBOOK).write_bytes(b'{"cells": []}')
    (folder / contract.FILE_EXECUTED).write_bytes(content)


def test_an_executed_notebook_may_be_as_large_as_the_notebook_and_its_outputs(tmp_path):
    left(tmp_path, json.dumps({"cells": ["x" * 5000]}).encode())
    assert _executed(tmp_path, 5010)["cells"]
    assert _executed(tmp_path, 4990) == {}


@pytest.mark.parametrize("content", [b'{"cells": [' + b"[]," * 1000 + b"[]]}", b"[" * 100_000, b"\xff", b"[]"])
def test_what_is_no_notebook_that_a_run_may_leave_is_none(tmp_path, content):
    left(tmp_path, content)
    assert _executed(tmp_path, 5000 if content.startswith(b"{") else 1_000_000) == {}


def test_the_end_of_a_run_is_recorded_whatever_it_left_as_its_notebook(tmp_path):
    with workshop(tmp_path, limits={"output_size": 10_000}) as shop:
        job = shop.submit(code("1"))
        recorder = shop.worker._recorder
        end = End(JobStatus.FAILED, "lost", recorder.accepted(job))
        assert recorder._most(end) == 10_000
        (shop.results.folder(job.id) / contract.FILE_EXECUTED).write_bytes(b"[" * 100_000)
        assert recorder._filed(job, end, job.created) == (JobStatus.FAILED, "lost")
