"""`nbprocessor jobs`, `logs` and `results` show what ran, also what a server runs at this moment."""

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest


def test_jobs_lists_the_newest_first(call, recorded):
    done = call("jobs", "--results", recorded.results)
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if "-" in line]
    places = [next(i for i, line in enumerate(lines) if job in line) for job in (recorded.successful, recorded.failed)]
    assert places == sorted(places)
    assert re.search(rf"{recorded.failed}  ✗ failed\s+\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d  fails\s+cell ", done.out)


def test_jobs_are_picked_by_process_and_status(call, recorded):
    done = call("jobs", "--results", recorded.results, "--process", "echo", "--status", "successful", "--json")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert recorded.several in {job["jobID"] for job in found}
    assert {(job["processID"], job["status"]) for job in found} == {("echo", "successful")}


def test_jobs_as_json_have_the_names_of_the_standard(call, recorded):
    (line,) = call("jobs", "--results", recorded.results, "--process", "fails", "--json", "--limit", 1).out.splitlines()
    job = json.loads(line)
    assert set(job) == {"jobID", "processID", "status", "progress", "message", "created", "started", "finished"}
    assert (job["jobID"], job["status"]) == (recorded.failed, "failed")


def test_that_no_job_was_found_is_said(call, recorded):
    done = call("jobs", "--results", recorded.results, "--process", "nobodys")
    assert (done.code, done.out, done.err) == (0, "", "There is no such job.\n")


@pytest.mark.parametrize("command", ["logs", "results"])
def test_a_job_that_is_not_there_is_3(call, recorded, command):
    job = uuid4()
    done = call(command, job, "--results", recorded.results)
    assert (done.code, done.err) == (3, f'nbprocessor: There is no job "{job}".\n')


def test_the_outputs_are_listed_with_type_size_and_file(call, recorded):
    done = call("results", recorded.several, "--results", recorded.results)
    assert done.code == 0
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in done.out.splitlines()}
    assert set(lines) == {"stringInput", "arrayInput", "objectInput"}
    media_type, size, file = lines["arrayInput"]
    assert media_type == "application/json"
    assert json.loads(Path(file).read_text()) == [1, 2]
    assert size.endswith(" bytes")


def test_one_output_is_printed_as_it_is(call, recorded):
    done = call("results", recorded.successful, "greeting", "--results", recorded.results)
    assert done.code == 0
    assert done.out.startswith("Hello Ada")


def test_an_output_that_is_not_there_is_3(call, recorded):
    done = call("results", recorded.successful, "nonsense", "--results", recorded.results)
    assert done.code == 3
    assert 'has no output "nonsense"' in done.err


def test_outputs_and_executed_notebook_are_copied(call, recorded, tmp_path):
    done = call("results", recorded.several, "--to", "new/copy", "--results", recorded.results)
    assert done.code == 0
    names = {path.name for path in (tmp_path / "new" / "copy").iterdir()}
    assert "executed.ipynb" in names and len(names) == 4
    assert {line.rpartition("/")[2] for line in done.out.splitlines()} == names


def test_one_output_can_be_copied_alone(call, recorded, tmp_path):
    call("results", recorded.several, "arrayInput", "--to", "copy", "--results", recorded.results)
    assert {path.stem for path in (tmp_path / "copy").iterdir()} == {"arrayInput", "executed"}


def test_of_a_failed_job_its_message_is_told_and_its_notebook_copied(call, recorded, tmp_path):
    done = call("results", recorded.failed, "--to", "copy", "--results", recorded.results)
    assert done.code == 0
    assert done.err.startswith("The job is failed and has no outputs: cell ")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["executed.ipynb"]


def test_the_log_tells_the_cells(call, recorded):
    done = call("logs", recorded.successful, "--results", recorded.results)
    assert done.code == 0
    assert "cell 1 of" in done.out


def test_a_running_job_has_a_log_that_can_be_followed_and_no_results_yet(call, server):
    accepted = server.execute("echo", {"stringInput": "x", "pause": 8}, prefer="respond-async").json()["jobID"]
    while server.get(f"/jobs/{accepted}").json()["status"] == "accepted":
        time.sleep(0.1)
    waits = call("results", accepted, "--results", server.results)
    assert waits.code == 3
    assert "is running; its results are not ready." in waits.err
    dismissal = threading.Timer(1.5, server.delete, [f"/jobs/{accepted}"])
    dismissal.start()
    followed = call("logs", accepted, "--follow", "--results", server.results)
    dismissal.join()
    assert followed.code == 0
    assert "cell 1 of" in followed.out
    assert server.get(f"/jobs/{accepted}").json()["status"] == "dismissed"


def test_a_reader_that_goes_ends_the_command_silently(recorded):
    command = [sys.executable, "-m", "nbprocessor", "jobs", "--json", "--results", str(recorded.results)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as jobs:
        jobs.stdout.close()
        assert jobs.stderr.read() == ""
    assert jobs.returncode == 1
