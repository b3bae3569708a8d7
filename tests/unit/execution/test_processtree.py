import os
import subprocess
import sys
from contextlib import suppress
from uuid import uuid4

import psutil
import pytest

from nbprocessor import contract
from nbprocessor.execution import processtree

# A child that ignores what can be ignored, and a grandchild in a session of its own whose parent is gone.
STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
subprocess.run(["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 &"])
print("ready", flush=True)
time.sleep(600)
"""
ADOPTING = "from nbprocessor.execution import processtree; processtree.adopt_orphans()\n" + STUBBORN


@pytest.fixture
def job_id():
    return uuid4()


def started(source, job_id):
    environment = os.environ | {contract.JOB_ID: str(job_id)}
    process = subprocess.Popen(
        [sys.executable, "-c", source], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process):
    process.stdout.close()
    return process.wait(10)


def test_a_tree_ends_with_its_stubborn_and_its_orphaned_members(job_id):
    process = started(ADOPTING, job_id)
    root = psutil.Process(process.pid)
    below = processtree.descendants(root)
    assert len(below) == 1
    processtree.end(root, job_id)
    assert ended(process) == -9
    assert not any(_lives(member) for member in below)


def test_what_is_left_of_a_tree_without_root_is_found_by_its_mark(job_id):
    process = started(STUBBORN, job_id)
    process.kill()
    ended(process)
    left = processtree.marked(job_id)
    assert len(left) == 1
    processtree.end(None, job_id)
    assert processtree.marked(job_id) == []
    assert not any(_lives(member) for member in left)


def test_other_jobs_and_this_process_are_left_alone(job_id, monkeypatch):
    monkeypatch.setenv(contract.JOB_ID, str(job_id))
    other = started("print('ready', flush=True); import time; time.sleep(600)", uuid4())
    processtree.end(None, job_id)
    assert other.poll() is None
    other.kill()
    ended(other)


def test_a_root_that_is_gone_has_no_descendants(job_id):
    process = subprocess.Popen([sys.executable, "-c", ""])
    root = psutil.Process(process.pid)
    process.wait()
    assert processtree.descendants(root) == []
    processtree.end(root, job_id)


def _lives(process):
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
