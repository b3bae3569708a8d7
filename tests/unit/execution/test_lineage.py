"""A job's data lineage: what its notebook asked of Data Management is in its manifest, however it ended."""

import hashlib
import tempfile
from pathlib import Path

import pytest

from nbprocessor.model.job import JobStatus
from tests.servers.city import EDITOR
from tests.unit.execution.gateway.opened import Tokens
from tests.unit.execution.workshop import await_end_of, workshop
from tests.unit.notebook.written import code, parameters

READ = "from nbprocessor import kit\nsource = kit.open_source()\nname = source.indicator(target).name"
WRITE = (
    "import json, os, requests\n"
    "from nbprocessor.kit.connection import Connection\n"
    "way = Connection('http://x', socket=os.environ['NBPROCESSOR_SOURCE_SOCKET'])\n"
    "way.put('/management/indicators/' + target, 'values', b'{}')"
)
TARGET = parameters('target: str = "a"')
WRITES = "  inputs: {target: {title: A, writes: true}}"


@pytest.fixture(scope="module")
def signed_in(tmp_path_factory, datamanagement_server):
    """A worker for all tests: the start of its fork server takes longer than they do."""
    data = {"source": datamanagement_server.url}
    with workshop(tmp_path_factory.mktemp("shop"), data=data, tokens=Tokens([EDITOR])) as opened, opened.working():
        yield opened


@pytest.fixture
def shop(signed_in, datamanagement):
    datamanagement.city.add_indicator("a", "A", public=True)
    datamanagement.city.add_indicator("b", "B")
    return signed_in


def test_what_a_notebook_read_is_in_its_manifest(shop, datamanagement):
    job = shop.run(TARGET, code(READ), inputs={"target": "a"}, facts="  inputs: {target: {title: A}}")
    assert job.status is JobStatus.SUCCESSFUL, job.message
    (asked,) = shop.results.manifest(job.id).data
    assert (asked.method, asked.path, asked.status) == ("GET", "/management/indicators/a", 200)
    answer = datamanagement.city.answer(datamanagement.requests[-1])
    assert (asked.bytes, asked.sha256) == (len(answer.body), hashlib.sha256(answer.body).hexdigest())
    assert datamanagement.requests[-1].authorization == f"Bearer {EDITOR}"
    assert EDITOR not in shop.results.read(job.id, "manifest.json").decode()


def test_a_failed_job_has_its_lineage_too(shop):
    job = shop.run(TARGET, code(READ), code("1 / 0"), inputs={"target": "a"}, facts="  inputs: {target: {title: A}}")
    assert job.status is JobStatus.FAILED
    assert [asked.path for asked in shop.results.manifest(job.id).data] == ["/management/indicators/a"]


def test_a_dismissed_job_has_its_lineage_too(shop):
    wait = code("import time, pathlib\npathlib.Path('here').write_text('now')\ntime.sleep(600)")
    job = shop.submit(TARGET, code(READ), wait, inputs={"target": "a"}, facts="  inputs: {target: {title: A}}")
    shop.wait_for(job, "now")
    shop.dismiss(job)
    assert shop.ended(job).status is JobStatus.DISMISSED
    assert [asked.path for asked in shop.results.manifest(job.id).data] == ["/management/indicators/a"]


def test_only_the_indicator_an_input_names_can_be_written(shop, datamanagement):
    job = shop.run(TARGET, code(WRITE), inputs={"target": "b"}, facts=WRITES)
    # What is sent is no values, so Data Management complains; it was asked, which is what counts here.
    assert [(asked.method, asked.path) for asked in shop.results.manifest(job.id).data] == [
        ("PUT", "/management/indicators/b")
    ]
    assert datamanagement.count("PUT", "/management/indicators/b") == 1


def test_without_the_declaration_nothing_can_be_written_and_the_job_says_why(shop, datamanagement):
    job = shop.run(TARGET, code(WRITE), inputs={"target": "b"}, facts="  inputs: {target: {title: A}}")
    assert job.status is JobStatus.FAILED
    assert "does not pass the job's gateway" in job.message and "writes: true" in job.message
    assert [(asked.method, asked.status) for asked in shop.results.manifest(job.id).data] == [("PUT", 403)]
    assert datamanagement.bodies("PUT") == []


FAULTS = {
    "does not answer": ({"refuse": True}, "Data Management cannot be reached, or broke the connection off."),
    "breaks its answer off": ({"reset": True}, "Data Management cannot be reached, or broke the connection off."),
    "has a fault": ({"status": 500, "body": b'{"message": "no memory left"}'}, "answered 500: no memory left"),
    "sends others elsewhere": ({"status": 302}, "Data Management points elsewhere (302)"),
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_job_whose_data_management_fails_ends_with_that_reason(shop, datamanagement, fault, reason):
    datamanagement.fault("/management/indicators/a", **fault)
    job = shop.run(TARGET, code(READ), inputs={"target": "a"}, facts="  inputs: {target: {title: A}}")
    assert job.status is JobStatus.FAILED
    assert "DataUnavailable" in job.message and reason in job.message
    assert {asked.status for asked in shop.results.manifest(job.id).data} <= {500, 502}


def test_a_job_that_could_have_no_socket_fails_with_the_mend(tmp_path, monkeypatch, datamanagement):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 90)))
    Path(tempfile.gettempdir()).mkdir()
    with workshop(tmp_path, data={"source": datamanagement.url}, executor="subprocess") as opened, opened.working():
        job = opened.run(code("1"))
        assert job.status is JobStatus.FAILED
        assert "set TMPDIR to a folder with a shorter name" in job.message
    assert [path for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file() or path.is_socket()] == []


def test_nothing_of_the_gateway_is_left_when_its_job_has_ended(shop):
    place = code("import os, pathlib\npathlib.Path('here').write_text(os.environ['NBPROCESSOR_SOURCE_SOCKET'])")
    job = shop.run(TARGET, place, inputs={"target": "a"}, facts="  inputs: {target: {title: A}}")
    socket = shop.here(job)
    assert socket.endswith("/data.sock")
    assert not shop.results.exists(job.id, "data.sock")
    assert not Path(socket).exists()
    await_end_of(Path(socket).parent)


def test_a_notebook_learns_that_nobody_is_signed_in_and_reads_what_is_public(tmp_path, datamanagement):
    datamanagement.city.add_indicator("a", "A", public=True)
    with workshop(tmp_path, data={"source": datamanagement.url}) as opened, opened.working():
        job = opened.run(TARGET, code(READ), inputs={"target": "a"}, facts="  inputs: {target: {title: A}}")
        assert job.status is JobStatus.SUCCESSFUL, job.message
        assert [asked.path for asked in opened.results.manifest(job.id).data] == ["/management/public/indicators/a"]


def test_a_job_on_a_folder_or_the_demo_has_no_gateway(tmp_path):
    with workshop(tmp_path) as opened, opened.working():
        told = code("import os\nassert 'NBPROCESSOR_SOURCE_SOCKET' not in os.environ")
        job = opened.run(told)
        assert job.status is JobStatus.SUCCESSFUL, job.message
        assert opened.results.manifest(job.id).data == ()
