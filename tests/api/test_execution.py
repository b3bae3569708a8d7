"""Execution modes: what the process offers, what the client prefers (RFC 7240), how long the server waits."""

import threading
import time

import pytest
import requests

from tests.api.standard import EXCEPTIONS, conforms, links
from tests.servers.nbprocessor import Server


def test_an_asynchronous_preference_is_applied_and_said_to_be(server: Server) -> None:
    answer = server.execute("hello_world", {"name": "Eva"}, prefer="respond-async")
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"
    job = answer.json()
    conforms(job, "statusInfo")
    assert answer.headers["Location"] == f"{server.url}/jobs/{job['jobID']}"
    assert answer.links["monitor"]["url"] == answer.headers["Location"]
    assert server.ended(job["jobID"])["status"] == "successful"


def test_a_synchronous_answer_to_a_preference_links_to_its_job(server: Server) -> None:
    answer = server.execute("echo", {"stringInput": "x"}, prefer="wait=20")
    assert (answer.status_code, answer.text) == (200, "x")
    assert answer.headers["Preference-Applied"] == "wait=20"
    job = requests.get(answer.links["monitor"]["url"], timeout=30).json()
    assert job["status"] == "successful"


def test_a_result_that_comes_within_the_wait_is_the_answer_to_respond_async(server: Server) -> None:
    answer = server.execute("echo", {"stringInput": "x"}, prefer="respond-async, wait=30")
    assert (answer.status_code, answer.text) == (200, "x")
    assert answer.headers["Preference-Applied"] == "wait=30"


@pytest.mark.parametrize("prefer", ["wait=1", "respond-async, wait=1", 'WAIT="1" ; foo=bar', "wait=1, wait=20"])
def test_a_run_that_outlives_the_clients_wait_becomes_asynchronous(server: Server, prefer: str) -> None:
    began = time.monotonic()
    answer = server.execute("slow", {"seconds": 60}, prefer=prefer)
    assert 0.9 < time.monotonic() - began < 15
    assert answer.status_code == 201
    assert "wait=1" in answer.headers["Preference-Applied"]
    assert server.delete(f"/jobs/{answer.json()['jobID']}").json()["status"] == "dismissed"


def test_a_run_that_outlives_the_servers_wait_becomes_asynchronous_and_nothing_is_lost(narrow: Server) -> None:
    answer = narrow.execute("echo", {"stringInput": "not lost", "pause": 2})
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer.headers
    assert answer.links["monitor"]["url"] == answer.headers["Location"]
    conforms(answer.json(), "statusInfo")
    job = narrow.ended(answer.json()["jobID"])
    assert job["status"] == "successful"
    assert narrow.get(f"/jobs/{job['jobID']}/results/stringInput").text == "not lost"


def test_a_client_may_not_keep_the_server_waiting_longer_than_it_likes(narrow: Server) -> None:
    answer = narrow.execute("slow", {"seconds": 60}, prefer="wait=600")
    assert answer.status_code == 201
    narrow.delete(f"/jobs/{answer.json()['jobID']}")


def test_no_wait_at_all_is_an_answer_at_once(server: Server) -> None:
    answer = server.execute("slow", {"seconds": 60}, prefer="wait=0")
    assert answer.status_code == 201
    server.delete(f"/jobs/{answer.json()['jobID']}")


@pytest.mark.parametrize(
    "prefer",
    ["return=minimal", "wait=soon", "wait=-1", "wait", "respond-sync", 'x="respond-async, wait=0"', "wait=1.5", ",,;="],
)
def test_preferences_that_are_unknown_or_malformed_do_not_count(server: Server, prefer: str) -> None:
    answer = server.execute("only_sync", prefer=prefer)
    assert (answer.status_code, answer.json()) == (200, 42)
    assert "Preference-Applied" not in answer.headers


def test_several_prefer_headers_count_as_one(server: Server) -> None:
    # requests joins equal headers itself; a list of values in one header is what other servers see of two.
    answer = server.execute("hello_world", {"name": "Eva"}, prefer="return=minimal, RESPOND-ASYNC")
    assert answer.status_code == 201
    server.ended(answer.json()["jobID"])


def test_a_process_that_is_only_asynchronous_is_so_without_being_asked(server: Server) -> None:
    assert server.get("/processes/only_async").json()["jobControlOptions"] == ["async-execute"]
    answer = server.execute("only_async")
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer.headers
    job = server.ended(answer.json()["jobID"])
    assert server.get(f"/jobs/{job['jobID']}/results").json() == 42


def test_a_process_that_is_only_synchronous_is_so_whatever_is_asked(server: Server) -> None:
    assert server.get("/processes/only_sync").json()["jobControlOptions"] == ["sync-execute"]
    answer = server.execute("only_sync", prefer="respond-async")
    assert (answer.status_code, answer.json()) == (200, 42)
    assert "Preference-Applied" not in answer.headers


def test_a_process_that_offers_values_only_refuses_references(server: Server) -> None:
    answer = server.execute("only_sync", outputs={"answer": {"transmissionMode": "reference"}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/outputs/answer/transmissionMode"


def test_a_run_that_fails_while_it_is_waited_for_is_answered_with_the_reason(server: Server) -> None:
    answer = server.execute("fails")
    assert answer.status_code == 422
    problem = answer.json()
    conforms(problem, "exception")
    assert problem["type"] == f"{EXCEPTIONS}job-results-failed"
    assert "cell \"compute\": KeyError 'AGS'" in problem["detail"]


def test_dates_and_types_arrive_as_the_notebook_declares_them(server: Server) -> None:
    inputs = {"day": "2020-02-29", "moment": "2020-02-29T12:00:00z", "days": ["2021-01-01"], "count": 2.0}
    answer = server.execute("types", inputs | {"share": 1, "kind": "b", "options": {"a": 1}, "flag": True})
    assert answer.status_code == 200, answer.text
    types = answer.json()
    assert (types["day"], types["moment"], types["days"], types["day_value"]) == (
        "date",
        "datetime",
        ["date"],
        "2020-02-29",
    )
    assert (types["count"], types["kind"], types["options"], types["flag"]) == ("int", "str", "dict", "bool")


def test_a_client_that_leaves_does_not_take_its_job_along(server: Server) -> None:
    inputs = {"stringInput": "left behind", "pause": 1}
    with pytest.raises(requests.Timeout):
        requests.post(f"{server.url}/processes/echo/execution", json={"inputs": inputs}, timeout=0.5)
    newest = server.get("/jobs?processID=echo&status=accepted,running,successful&limit=1").json()["jobs"][0]
    assert server.ended(newest["jobID"])["status"] == "successful"
    assert server.get(f"/jobs/{newest['jobID']}/results/stringInput").text == "left behind"


def test_an_input_by_reference_is_fetched_before_the_run(server: Server, receiver) -> None:
    link = {"href": f"{receiver.url}/data", "type": "application/json"}
    assert server.execute("echo", {"stringInput": link}).text == "fetched"


def test_an_input_that_must_not_be_fetched_fails_the_job_and_says_why(server: Server) -> None:
    answer = server.execute("echo", {"stringInput": {"href": "http://10.0.0.1/secret"}})
    assert answer.status_code == 422
    assert "stringInput" in answer.json()["detail"]


def test_a_full_queue_is_a_503_that_says_when_to_come_back(narrow: Server) -> None:
    begun = [narrow.running("slow", {"seconds": 60})]
    try:
        begun += [narrow.execute("slow", prefer="respond-async").json()["jobID"] for _ in range(2)]
        answer = narrow.execute("slow", prefer="respond-async")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        conforms(answer.json(), "exception")
        waiting = narrow.get("/jobs?status=accepted").json()["jobs"]
        assert {job["jobID"] for job in waiting} == set(begun[1:])
        assert all("started" not in job and "finished" not in job for job in waiting)
        unasked = narrow.get("/jobs").json()["jobs"]
        assert "accepted" not in {job["status"] for job in unasked}
    finally:
        for job_id in reversed(begun):
            assert narrow.delete(f"/jobs/{job_id}").json()["status"] == "dismissed"


def test_many_requests_at_once_are_all_answered(server: Server) -> None:
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(server.execute("echo", {"stringInput": str(n)})))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert server.get("/conformance").elapsed.total_seconds() < 5
        threads[0].join(0.2)
    for thread in threads:
        thread.join()
    assert sorted(answer.text for answer in answers) == [str(n) for n in range(6)]


def test_a_running_job_links_to_no_results(server: Server) -> None:
    job_id = server.running("slow", {"seconds": 60})
    job = server.get(f"/jobs/{job_id}").json()
    assert job["status"] == "running"
    assert 0 < job["progress"] < 100
    assert "2 Wait" in job["message"]
    assert "finished" not in job
    assert not links(job, "http://www.opengis.net/def/rel/ogc/1.0/results")
    assert {link["type"] for link in links(job, "monitor")} == {"application/json", "text/event-stream"}
    server.delete(f"/jobs/{job_id}")
