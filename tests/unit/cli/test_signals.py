"""Ctrl-C ends a command with 130 and without a traceback; what ran is recorded."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def started(*arguments: str, stream: str) -> Iterator[subprocess.Popen]:
    """Start the real command in a session of its own, as a terminal does."""
    pipes = {name: subprocess.PIPE if name == stream else subprocess.DEVNULL for name in ("stdout", "stderr")}
    command = [sys.executable, "-m", "nbprocessor", *arguments]
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_is_dismissed_with_its_record_complete(call, examples, tmp_path, number):
    with started("run", "echo", "-p", "stringInput", "a", "-p", "pause", "60", "--quiet", stream="stderr") as run:
        logs = tmp_path.glob("results/*/log.txt")
        while not any("cell 3" in log.read_text() for log in logs):
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(0.1)
            logs = tmp_path.glob("results/*/log.txt")
        os.killpg(run.pid, number)
        said = run.communicate(timeout=20)[1]
    assert run.returncode == 130
    assert said.splitlines() == ['dismissed in cell "wait"', "nbprocessor: Interrupted."]
    (manifest,) = tmp_path.glob("results/*/manifest.json")
    assert json.loads(manifest.read_text())["files"]
    assert '"status": "dismissed"' in call("jobs", "--json").out


def test_a_server_that_is_interrupted_says_so_and_nothing_else(tmp_path, examples):
    with started("serve", "--port", "0", stream="stderr") as server:
        for line in server.stderr:
            if "Application startup complete" in line:
                break
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=20)[1]
    assert server.returncode == 130
    assert said.splitlines()[-1] == "nbprocessor: Interrupted."
    assert "Traceback" not in said


def test_a_server_in_an_empty_folder_serves_the_examples(tmp_path):
    with started("serve", "--port", "0", stream="stderr") as server:
        said = []
        for line in server.stderr:
            said.append(line)
            if "processes on http" in line:
                break
        server.terminate()
        server.communicate(timeout=20)
    assert said[0].endswith("the included examples are used. `nbprocessor init` makes one.\n")
    assert any("process on offer id=hello_world" in line for line in said)
    assert "0 processes" not in said[-1]
