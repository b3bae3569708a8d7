"""`nbprocessor recover` makes the database anew, alone, and says in a sentence what came of it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from nbprocessor import contract, faultpoints
from nbprocessor.execution import identity
from nbprocessor.store.database import open_database
from nbprocessor.store.results import ResultStore
from nbprocessor.store.workers import WorkerRegister


@pytest.fixture
def folder(recorded, tmp_path):
    """The folders of three jobs that ended, without their database."""
    for job in (recorded.successful, recorded.several, recorded.failed):
        shutil.copytree(recorded.results / job, tmp_path / "results" / job)
    return tmp_path / "results"


def test_jobs_are_there_again_as_they_were(call, recorded, folder):
    done = call("recover", "--from-results")
    assert (done.code, done.out, done.err) == (0, "3 jobs entered.\n", "")
    jobs = call("jobs", "--results", recorded.results, "--json", "--limit", 1000).out.splitlines()
    before = {line for line in jobs if json.loads(line)["jobID"] in {path.name for path in folder.iterdir()}}
    assert set(call("jobs", "--json").out.splitlines()) == before
    assert call("results", recorded.successful, "greeting").out.startswith("Hello Ada")


def test_a_dry_run_says_what_would_be_done(call, folder):
    done = call("recover", "--from-results", "--dry-run")
    assert (done.code, done.out) == (0, "This would be done: 3 jobs entered.\n")
    assert call("jobs").err == "There is no such job.\n"


def test_a_folder_that_cannot_be_read_is_named_and_the_exit_code_says_so(call, recorded, folder):
    (folder / recorded.failed / contract.FILE_MANIFEST).write_text("{")
    done = call("recover", "--from-results")
    assert (done.code, done.out) == (1, "2 jobs entered, 1 left out.\n")
    assert done.err.startswith(f"nbprocessor: job {recorded.failed} is left out: manifest.json is missing or")


def test_it_is_refused_beside_a_server(call, recorded, folder):
    done = call("recover", "--from-results", "--results", recorded.results)
    assert (done.code, done.out) == (4, "")
    assert "A server or `nbprocessor run` uses the folder" in done.err
    with ResultStore(folder).in_use():
        assert call("recover", "--from-results").code == 4


def test_it_is_refused_while_a_worker_uses_the_database_elsewhere(call, folder):
    engine = open_database(f"sqlite:///{folder / 'nbprocessor.db'}")
    WorkerRegister(engine).beat(identity.own())
    engine.dispose()
    done = call("recover", "--from-results")
    assert (done.code, "1 workers use the database" in done.err) == (4, True)


def test_it_is_not_done_by_accident(call, folder):
    assert call("recover").code == 2
    done = call("recover", "--from-results", "--results", folder / "nowhere")
    assert (done.code, (folder / "nowhere").exists()) == (3, False)


@pytest.mark.parametrize("point", ["lost-recorded", "jobs-rebuilt"])
def test_cut_off_it_has_entered_nothing_and_is_done_again(call, recorded, folder, point):
    # One that had not ended: it has to be closed on the way.
    (folder / recorded.failed / contract.FILE_MANIFEST).unlink()
    command = [sys.executable, "-m", "nbprocessor", "recover", "--from-results", "--results", str(folder)]
    done = subprocess.run(command, check=False, env=os.environ | {faultpoints.VARIABLE: point}, cwd=folder.parent)
    assert done.returncode == faultpoints.EXIT_CODE
    assert call("jobs", "--json").out == ""
    assert call("recover", "--from-results").out == "3 jobs entered.\n"
    assert "database was lost" in call("jobs", "--status", "failed", "--json").out
