"""Callbacks (OGC 18-062r2, clause 12): subscribers are told, again if need be, and can change nothing."""

import json

import pytest

from tests.api.receiver import Receiver
from tests.api.standard import conforms
from tests.servers.nbprocessor import Server


def _subscriber(receiver: Receiver, name: str) -> dict[str, str]:
    events = {"successUri": "success", "inProgressUri": "progress", "failedUri": "failed"}
    return {member: f"{receiver.url}/{name}/{event}" for member, event in events.items()}


def test_a_success_is_told_with_its_results_after_the_start(server: Server, receiver: Receiver) -> None:
    inputs = {"stringInput": "told", "arrayInput": [1]}
    job = server.job("echo", inputs, subscriber=_subscriber(receiver, "a"))
    [told] = receiver.told("/a/success")
    conforms(told.body, "results")
    assert told.body == {"stringInput": "told", "arrayInput": [1]}
    assert told.headers["content-type"] == "application/json"
    [begun] = receiver.at("/a/progress")
    conforms(begun.body, "statusInfo")
    assert begun.body["jobID"] == job["jobID"]
    assert not receiver.at("/a/failed")


def test_a_failure_is_told_with_its_reason(server: Server, receiver: Receiver) -> None:
    server.job("fails", subscriber=_subscriber(receiver, "b"))
    [told] = receiver.told("/b/failed")
    conforms(told.body, "statusInfo")
    assert told.body["status"] == "failed"
    assert "KeyError" in told.body["message"]
    assert not receiver.at("/b/success")


def test_a_dismissal_is_told_to_whoever_waits_for_a_failure(server: Server, receiver: Receiver) -> None:
    job_id = server.running("slow", {"seconds": 60}, subscriber=_subscriber(receiver, "c"))
    server.delete(f"/jobs/{job_id}")
    [told] = receiver.told("/c/failed")
    assert told.body["status"] == "dismissed"


def test_a_subscriber_that_fails_is_told_again_and_the_job_stays_as_it_is(server: Server, receiver: Receiver) -> None:
    receiver.answer("/d/success", (500, {}))
    job = server.job("echo", {"stringInput": "again"}, subscriber={"successUri": f"{receiver.url}/d/success"})
    assert job["status"] == "successful"
    first, second = receiver.told("/d/success", 2)
    assert first.body == second.body == {"stringInput": "again"}
    assert server.get(f"/jobs/{job['jobID']}").json() == job


def test_a_redirect_is_not_followed(server: Server, receiver: Receiver) -> None:
    receiver.answer("/e/success", (307, {"Location": f"{receiver.url}/e/elsewhere"}))
    server.job("echo", {"stringInput": "x"}, subscriber={"successUri": f"{receiver.url}/e/success"})
    receiver.told("/e/success", 2)
    assert not receiver.at("/e/elsewhere")


def test_a_synchronous_run_tells_its_subscriber_too(server: Server, receiver: Receiver) -> None:
    subscriber = {"successUri": f"{receiver.url}/f/success"}
    assert server.execute("echo", {"stringInput": "both"}, subscriber=subscriber).text == "both"
    assert receiver.told("/f/success")[0].body == {"stringInput": "both"}


def test_outputs_by_reference_are_told_as_links(server: Server, receiver: Receiver) -> None:
    outputs = {"stringInput": {"transmissionMode": "reference"}}
    subscriber = {"successUri": f"{receiver.url}/g/success"}
    server.job("echo", {"stringInput": "x"}, outputs=outputs, subscriber=subscriber)
    [told] = receiver.told("/g/success")
    assert told.body["stringInput"]["href"].endswith("/results/stringInput")


def test_addresses_of_subscribers_are_secrets(server: Server, receiver: Receiver) -> None:
    subscriber = {"successUri": f"{receiver.url}/h/success?token=s3cret"}
    job = server.job("echo", {"stringInput": "x"}, subscriber=subscriber)
    receiver.told("/h/success?token=s3cret")
    for path in ("", "/inputs", "/manifest", "/notebook", "/log"):
        assert "s3cret" not in server.get(f"/jobs/{job['jobID']}{path}").text


@pytest.mark.parametrize("member", ["successUri", "inProgressUri", "failedUri"])
def test_a_subscriber_of_the_inner_network_is_refused_before_anything_runs(narrow: Server, member: str) -> None:
    subscriber = {"successUri": "http://example.org/"} | {member: "http://192.168.1.1:8080/hook"}
    answer = narrow.execute("echo", {"stringInput": "x"}, subscriber=subscriber)
    assert answer.status_code == 400
    assert f"/subscriber/{member}" in json.dumps(answer.json()["errors"])
