"""What a job leaves beside its results: notebook, report, log, inputs, manifest, and its events while it runs."""

import hashlib
import json
import re
from datetime import datetime

import nbformat
import pytest
import requests

from tests.api.standard import conforms
from tests.servers.nbprocessor import Server


def test_the_executed_notebook_is_valid_and_holds_what_the_run_did(server: Server, echoed: dict) -> None:
    answer = server.get(f"/jobs/{echoed['jobID']}/notebook")
    assert answer.headers["Content-Type"] == "application/x-ipynb+json"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    notebook = nbformat.reads(answer.text, as_version=4)
    nbformat.validate(notebook)
    injected = next(cell for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", []))
    assert 'stringInput = "teststring"' in injected.source


def test_a_failed_job_serves_its_notebook_up_to_the_failing_cell(server: Server, failed: dict) -> None:
    notebook = nbformat.reads(server.get(f"/jobs/{failed['jobID']}/notebook").text, as_version=4)
    ran = [cell for cell in notebook.cells if cell.get("outputs")]
    assert any(output.output_type == "error" for output in ran[-1].outputs)
    assert "never" not in "".join(str(cell.outputs) for cell in ran)


def test_a_running_job_serves_its_notebook_as_far_as_it_is(server: Server) -> None:
    job_id = server.running("slow", {"seconds": 60})
    try:
        answer = server.get(f"/jobs/{job_id}/notebook")
        assert answer.status_code == 200
        assert "the first cell ran" in answer.text
        assert "the first cell ran" in server.get(f"/jobs/{job_id}/report").text
        manifest = server.get(f"/jobs/{job_id}/manifest")
        assert manifest.status_code == 404
        assert manifest.json()["type"].endswith("/result-not-ready")
    finally:
        server.delete(f"/jobs/{job_id}")


def test_the_report_is_a_page_without_scripts(server: Server, echoed: dict, failed: dict) -> None:
    for job in (echoed, failed):
        answer = server.get(f"/jobs/{job['jobID']}/report")
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert "<script" not in answer.text
        assert job["jobID"] in answer.text
    assert server.get(f"/jobs/{echoed['jobID']}/report?lang=xx").status_code == 400


def test_the_report_speaks_both_languages(server: Server, echoed: dict) -> None:
    pages = {server.get(f"/jobs/{echoed['jobID']}/report", params={"lang": lang}).text for lang in ("de", "en")}
    assert len(pages) == 2


def test_the_log_tells_each_cell(server: Server, echoed: dict) -> None:
    answer = server.get(f"/jobs/{echoed['jobID']}/log")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "cell 1 of" in answer.text


def test_the_inputs_can_be_sent_again_and_give_the_same(server: Server, echoed: dict) -> None:
    inputs = server.get(f"/jobs/{echoed['jobID']}/inputs").json()
    assert inputs["inputs"]["stringInput"] == "teststring"
    assert inputs["inputs"]["pause"] is None
    again = server.post("/processes/echo/execution", json=inputs)
    first = server.get(f"/jobs/{echoed['jobID']}/results")
    boundaries = [re.search('boundary="([^"]+)"', answer.headers["Content-Type"])[1] for answer in (first, again)]
    assert first.text.replace(boundaries[0], "") == again.text.replace(boundaries[1], "")


def test_the_manifest_names_every_file_with_its_digest(server: Server, echoed: dict) -> None:
    manifest = server.get(f"/jobs/{echoed['jobID']}/manifest").json()
    digests = {file["path"]: file["sha256"] for file in manifest["files"]}
    served = {"executed.ipynb": "notebook", "log.txt": "log", "inputs.json": "inputs"}
    for file, path in served.items():
        content = server.get(f"/jobs/{echoed['jobID']}/{path}").content
        assert hashlib.sha256(content).hexdigest() == digests[file]
    before = server.get("/processes/echo/notebook").content
    assert hashlib.sha256(before).hexdigest() == digests["notebook.ipynb"] == manifest["process"]["notebookSha256"]
    assert {output["id"] for output in manifest["outputs"]} == {"stringInput", "arrayInput"}


def test_events_tell_each_state_once_and_end_with_the_job(server: Server) -> None:
    job_id = server.execute("echo", {"stringInput": "x", "pause": 2}, prefer="respond-async").json()["jobID"]
    states = list(server.events(job_id))
    for state in states:
        conforms(state, "statusInfo")
        assert state["jobID"] == job_id
    assert states[-1]["status"] == "successful"
    assert [state["progress"] for state in states] == sorted(state["progress"] for state in states)
    assert any(state["status"] == "running" and "1 Warten" in state["message"] for state in states)
    names = ("status", "progress", "message", "estimatedCompletion")
    told = [tuple(state.get(name) for name in names) for state in states]
    assert len(set(told)) == len(told)


def test_events_and_status_tell_when_a_job_that_ran_before_is_thought_to_end(server: Server) -> None:
    assert server.execute("echo", {"stringInput": "x", "pause": 2}).ok
    job_id = server.execute("echo", {"stringInput": "x", "pause": 2}, prefer="respond-async").json()["jobID"]
    asked = []
    for state in server.events(job_id):
        conforms(state, "statusInfo")
        if "estimatedCompletion" in state:
            assert state["status"] == "running"
            assert datetime.fromisoformat(state["estimatedCompletion"]).tzinfo is not None
            asked.append(server.get(f"/jobs/{job_id}").json())
    assert asked
    assert any("estimatedCompletion" in status or status["status"] == "successful" for status in asked)
    assert "estimatedCompletion" not in state
    assert "estimatedCompletion" not in server.get(f"/jobs/{job_id}").json()


def test_events_are_as_browsers_want_them(server: Server, echoed: dict) -> None:
    answer = server.get(f"/jobs/{echoed['jobID']}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines() if ": " in line)
    assert fields.keys() >= {"id", "event", "data"}
    assert fields["event"] == "status"
    assert json.loads(fields["data"])["status"] == "successful"
    again = server.get(f"/jobs/{echoed['jobID']}/events", headers={"Last-Event-ID": fields["id"]})
    assert again.status_code == 204
    other = server.get(f"/jobs/{echoed['jobID']}/events", headers={"Last-Event-ID": "0"})
    assert other.status_code == 200


def test_a_look_at_the_head_of_events_does_not_wait_for_the_job(server: Server) -> None:
    job_id = server.running("slow", {"seconds": 60})
    try:
        answer = requests.head(f"{server.url}/jobs/{job_id}/events", timeout=5)
        assert answer.headers["Content-Type"].startswith("text/event-stream")
    finally:
        server.delete(f"/jobs/{job_id}")


def test_many_may_follow_one_job(server: Server) -> None:
    job_id = server.running("slow", {"seconds": 60})
    streams = [requests.get(f"{server.url}/jobs/{job_id}/events", stream=True, timeout=60) for _ in range(20)]
    assert server.get("/conformance").status_code == 200
    server.delete(f"/jobs/{job_id}")
    for stream in streams:
        with stream:
            assert '"status": "dismissed"' in stream.text


@pytest.mark.parametrize("path", ["notebook", "inputs", "manifest", "log", "report"])
def test_documents_of_a_finished_job_are_not_sent_twice(server: Server, echoed: dict, path: str) -> None:
    first = server.get(f"/jobs/{echoed['jobID']}/{path}")
    again = server.get(f"/jobs/{echoed['jobID']}/{path}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_documents_whose_files_are_gone_are_404_or_410(server: Server) -> None:
    job_id = server.job("only_async")["jobID"]
    for file in (server.results / job_id).rglob("*"):
        if file.is_file():
            file.unlink()
    for path in ("results", "results/answer", "notebook", "report", "inputs", "manifest"):
        answer = server.get(f"/jobs/{job_id}/{path}")
        assert answer.status_code in {404, 410}, path
        conforms(answer.json(), "exception")
    assert server.get(f"/jobs/{job_id}/log").status_code == 200
    assert server.get(f"/jobs/{job_id}").json()["status"] == "successful"
