"""Notebooks are saved while the server runs: what is good is on offer within two seconds, what is broken never is."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.servers.nbprocessor import Server

PATIENCE = 2.0
"""Seconds the project promises; a look takes a little itself."""


@pytest.fixture
def notebook(server: Server) -> Iterator[Path]:
    """A notebook of its own for each test, not yet saved."""
    path = server.notebooks / "tests" / "saved.ipynb"
    yield path
    path.unlink(missing_ok=True)
    _soon(lambda: server.get("/processes/saved").status_code == 404)


def _write(path: Path, version: str, code: str = "pass", front: str = "") -> None:
    """Save as JupyterLab does: the whole file, at its place."""
    source = f"---\nprocess:\n  id: saved\n  version: {version}\n  title: Saved\n  description: Is saved.\n{front}---"
    code_cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [
        {"cell_type": "raw", "id": "front", "metadata": {}, "source": source},
        code_cell | {"id": "values", "metadata": {"tags": ["parameters"]}, "source": "seconds: float = 0"},
        code_cell | {"id": "code", "source": f"import time\n\ntime.sleep(seconds)\n{code}"},
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document))


def _soon(reached: Callable[[], bool], patience: float = 10.0) -> float:
    """Return how long it took until something was so."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < patience, "it did not come"
        time.sleep(0.02)  # there is no event for what a save does to answers
    return time.monotonic() - began


def _version(server: Server) -> str | None:
    return server.get("/processes/saved").json().get("version")


def test_a_new_notebook_is_on_offer_within_two_seconds(server: Server, notebook: Path) -> None:
    assert _version(server) is None
    tag = server.get("/processes").headers["ETag"]
    _write(notebook, "1.0.0")
    assert _soon(lambda: _version(server) == "1.0.0") < PATIENCE + 1
    listed = server.get("/processes", headers={"If-None-Match": tag})
    assert "saved" in {process["id"] for process in listed.json()["processes"]}
    assert "/processes/saved/execution" in server.get("/openapi").json()["paths"]
    assert server.execute("saved").status_code == 204


def test_a_saved_change_is_on_offer_within_two_seconds(server: Server, notebook: Path) -> None:
    _write(notebook, "1.0.0")
    _soon(lambda: _version(server) == "1.0.0")
    _write(notebook, "2.0.0", front="  inputs: {seconds: {title: Wait}}\n")
    assert _soon(lambda: _version(server) == "2.0.0") < PATIENCE + 1
    assert server.get("/processes/saved").json()["inputs"]["seconds"]["title"] == "Wait"


def test_a_broken_save_keeps_the_last_good_version_and_says_why(server: Server, notebook: Path) -> None:
    _write(notebook, "1.0.0")
    _soon(lambda: _version(server) == "1.0.0")
    assert server.get("/processes/saved/check").json()["faults"] == []
    _write(notebook, "2.0.0", front="  nonsense: 1\n")
    _soon(lambda: bool(server.get("/processes/saved/check").json()["faults"]))
    process = server.get("/processes/saved").json()
    assert process["version"] == "1.0.0"
    [link] = [link for link in process["links"] if link["rel"] == "status"]
    check = requests.get(link["href"], timeout=30).json()
    assert check["versionOnOffer"] == "1.0.0"
    assert "nonsense" in json.dumps(check["faults"])
    assert "saved" in server.get("/health").json()["processes"]["withFaults"]
    assert server.execute("saved").status_code == 204
    notebook.write_bytes(b'{"cells": [')
    _soon(lambda: "nonsense" not in json.dumps(server.get("/processes/saved/check").json()))
    assert _version(server) == "1.0.0"
    assert str(notebook.name) in server.log.read_text()
    _write(notebook, "3.0.0")
    _soon(lambda: _version(server) == "3.0.0")
    assert not [link for link in server.get("/processes/saved").json()["links"] if link["rel"] == "status"]


def test_a_deleted_notebook_is_no_longer_on_offer(server: Server, notebook: Path) -> None:
    _write(notebook, "1.0.0")
    _soon(lambda: _version(server) == "1.0.0")
    job = server.job("saved")
    notebook.unlink()
    _soon(lambda: server.get("/processes/saved").status_code == 404)
    assert server.execute("saved").status_code == 404
    assert server.get(f"/jobs/{job['jobID']}").json() == job
    assert server.get(f"/jobs/{job['jobID']}/report").status_code == 200


def test_a_running_job_keeps_the_version_it_began_with(server: Server, notebook: Path) -> None:
    _write(notebook, "1.0.0", "print('the first version')")
    _soon(lambda: _version(server) == "1.0.0")
    job_id = server.running("saved", {"seconds": 3})
    _write(notebook, "2.0.0", "print('the second version')")
    _soon(lambda: _version(server) == "2.0.0")
    assert server.get(f"/jobs/{job_id}").json()["status"] == "running"
    assert server.ended(job_id)["status"] == "successful"
    assert "the first version" in server.get(f"/jobs/{job_id}/notebook").text
    assert server.get(f"/jobs/{job_id}/manifest").json()["process"]["version"] == "1.0.0"
    assert "the second version" in server.get(f"/jobs/{server.job('saved')['jobID']}/notebook").text


def test_no_request_is_dropped_while_a_notebook_is_saved_again_and_again(server: Server, notebook: Path) -> None:
    _write(notebook, "1.0.0")
    _soon(lambda: _version(server) == "1.0.0")
    stop = threading.Event()
    saves = iter(range(1, 10_000))

    def save() -> None:
        while not stop.is_set():
            _write(notebook, f"1.{next(saves)}.0")
            copy = notebook.with_suffix(".copy")
            shutil.copy(notebook, copy)
            copy.replace(notebook)

    saving = threading.Thread(target=save)
    saving.start()
    try:
        until = time.monotonic() + 4
        while time.monotonic() < until:
            for path in ("/processes/saved", "/processes?limit=1000", "/processes/saved/notebook"):
                answer = server.get(path)
                assert answer.status_code == 200, answer.text
            assert "saved" in {process["id"] for process in server.get("/processes").json()["processes"]}
    finally:
        stop.set()
        saving.join()
    assert server.execute("saved").status_code == 204
    last = f"1.{next(saves) - 1}.0"
    _soon(lambda: _version(server) == last)
