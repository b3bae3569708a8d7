"""Notebooks whose runs are met by faults, and what a server says when it does not start."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.nbprocessor import Server

QUICK = "from nbprocessor import kit\nkit.output('result', number * 2)"
SLOW = "import time\ntime.sleep(seconds)"
# The first run leaves the mark and waits for its end; the next one finds the mark.
AGAIN = """from pathlib import Path
import time
if not Path(mark).exists():
    Path(mark).touch()
    time.sleep(600)"""
FILL = """with open("filling", "wb") as file:
    while True:
        file.write(bytes(100_000))
        file.flush()"""


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder of notebooks: quick, slow, again (may be repeated), fill."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    output = "\n  outputs: {result: {title: Result, schema: {type: number}}}"
    write_notebook(folder, "quick", "number: float = 1.0", QUICK, output)
    write_notebook(folder, "slow", "seconds: float = 600.0", SLOW)
    write_notebook(folder, "again", "mark: str = ''", AGAIN, "\n  retry_safe: true")
    write_notebook(folder, "fill", "number: float = 1.0", FILL)
    return folder


def write_notebook(folder: Path, name: str, parameters: str, source: str, facts: str = "") -> None:
    """Write a process whose cell "work" is the source."""
    front = f"---\nprocess:\n  id: {name}\n  title: {name}\n  description: {name}{facts}\n---"
    cells = [
        {"cell_type": "raw", "id": "front-matter", "metadata": {}, "source": front},
        _code("parameters", parameters, "parameters"),
        _code("first", "print('the first cell ran')"),
        {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "## Work"},
        _code("work", source),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook))


def _code(name: str, source: str, *tags: str) -> dict:
    facts = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "id": name,
        "metadata": facts,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def accepted(server: Server, process: str, **inputs) -> str:
    """Execute asynchronously and return the job's id."""
    answer = server.execute(process, inputs, prefer="respond-async")
    assert answer.status_code == 201, answer.text
    return answer.json()["jobID"]


def at_work(server: Server, process: str, **inputs) -> str:
    """Execute asynchronously and return the job's id once its cell "work" runs."""
    job_id = accepted(server, process, **inputs)
    with server.get(f"/jobs/{job_id}/events", stream=True) as events:
        for line in events.iter_lines():
            if line.startswith(b"data:") and json.loads(line[5:]).get("message", "").startswith("Work"):
                return job_id
    raise AssertionError(f"the job ended: {server.get(f'/jobs/{job_id}').json()}")


@dataclass(frozen=True)
class Said:
    """How a command ended and what it told."""

    code: int
    text: str


def serve(notebooks: Path, results: Path, *options: str, **environment: str) -> Said:
    """Start a server that is not to start, and return what it says."""
    command = [sys.executable, "-m", "nbprocessor", "serve", "--port", "0"]
    command += ["--notebooks", str(notebooks), "--results", str(results), *options]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NBPROCESSOR_")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=results.parent, env=kept | environment
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stderr)
