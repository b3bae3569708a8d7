"""Clients that know the standard and nothing of this server do the whole tour."""

import time
from typing import Any

import pytest
import requests
from owslib.ogcapi.processes import Processes

from tests.api.standard import REL, conforms, links
from tests.servers.nbprocessor import Server


def test_a_client_that_follows_links_finds_runs_and_fetches_a_process(server: Server) -> None:
    client = requests.Session()
    client.headers["Accept"] = "application/json"

    def follow(document: dict[str, Any], rel: str) -> Any:
        link = next(link for link in links(document, rel) if link.get("type", "application/json").endswith("json"))
        answer = client.get(link["href"], timeout=30)
        answer.raise_for_status()
        return answer.json()

    landing = client.get(server.url, timeout=30).json()
    assert any(uri.endswith("/conf/core") for uri in follow(landing, f"{REL}conformance")["conformsTo"])
    processes = follow(landing, f"{REL}processes")["processes"]
    summary = next(process for process in processes if process["id"] == "hello_world")
    process = follow(summary, "self")
    conforms(process, "process")
    [execute] = links(process, f"{REL}execute")

    inputs = {name: "Eva" for name, field in process["inputs"].items() if field["schema"]["type"] == "string"}
    body = {"inputs": inputs, "response": "document"}
    accepted = client.post(execute["href"], json=body, headers={"Prefer": "respond-async"}, timeout=30)
    assert accepted.status_code == 201
    until = time.monotonic() + 60
    job = client.get(accepted.headers["Location"], timeout=30).json()
    while job["status"] in {"accepted", "running"} and time.monotonic() < until:
        time.sleep(0.2)  # what the standard offers a client that waits is to ask again
        job = follow(job, "monitor")
    assert job["status"] == "successful"
    results = follow(job, f"{REL}results")
    assert results == dict.fromkeys(process["outputs"], "Hello Eva")
    listed = follow(landing, f"{REL}job-list")["jobs"]
    assert job["jobID"] in {other["jobID"] for other in listed}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of owslib itself
def test_owslib_lists_describes_and_executes_processes(server: Server) -> None:
    client = Processes(server.url)
    assert {"echo", "hello_world"} <= {process["id"] for process in client.processes()}
    assert client.process("hello_world")["inputs"].keys() == {"name"}
    assert "conf/core" in "".join(client.conformance()["conformsTo"])
    done = client.execute("hello_world", inputs={"name": "Eva"}, response="document")
    assert done == {"greeting": "Hello Eva"}
