"""What OGC's executable test suite (ets-ogcapi-processes10) asks of a server, test by test in its own order of things.

The suite reads the description of an echo process, and builds every request from it; so do these tests. Its plain
checks are stricter here where the standard is: an answer is not only 200, it holds what was sent.
"""

import base64
import json
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
import requests

from tests.api.standard import CLASSES, EXCEPTIONS, REL, conforms, links
from tests.servers.nbprocessor import Server

SENT = "teststring"
BBOX = {"bbox": [51.9, 7, 52, 7.1], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
TIFF = b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"


@pytest.fixture(scope="module")
def echo(server: Server) -> dict[str, Any]:
    """The description of the echo process."""
    return server.get("/processes/echo").json()


@pytest.fixture(scope="module")
def inputs(echo: dict[str, Any]) -> dict[str, Any]:
    """The inputs the suite sends with every request: texts for plain texts, a wrapped text for objects."""
    return {name: value for name, field in echo["inputs"].items() if (value := _value(field["schema"])) is not None}


@pytest.fixture(scope="module")
def outputs(echo: dict[str, Any]) -> dict[str, Any]:
    """Every output by value, as the suite asks for them."""
    return {name: {"transmissionMode": "value"} for name in echo["outputs"]}


@pytest.fixture(scope="module")
def answered(server: Server, inputs: dict[str, Any], outputs: dict[str, Any]) -> requests.Response:
    """The answer to the suite's usual request."""
    return _post(server, {"inputs": inputs, "outputs": outputs})


@pytest.fixture(scope="module")
def accepted(server: Server, inputs: dict[str, Any], outputs: dict[str, Any]) -> requests.Response:
    """The answer to the same request with a preference for asynchronous execution."""
    return _post(server, {"inputs": inputs, "outputs": outputs}, prefer="respond-async ")


def _value(schema: dict[str, Any]) -> Any:
    branches = [schema, *schema.get("oneOf", [])]
    if any(branch.get("type") == "string" and "contentMediaType" not in branch for branch in branches):
        return SENT
    return {"value": SENT} if schema.get("type") == "object" and "format" not in schema else None


def _post(server: Server, body: dict[str, Any], prefer: str = "") -> requests.Response:
    headers = {"Accept": "application/json"} | ({"Prefer": prefer} if prefer else {})
    return server.post("/processes/echo/execution", json=body, headers=headers)


def _parts(response: requests.Response) -> Iterator[Any]:
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    yield from message_from_bytes(head + response.content, policy=policy.HTTP).iter_parts()


def _part(response: requests.Response, output: str) -> Any:
    return next(part for part in _parts(response) if part["Content-ID"] == f"<{output}>")


def _json(server: Server, path: str) -> Any:
    response = server.get(path, headers={"Accept": "application/json"})
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    return response.json()


# ------------------------------------------------------------ general, landing page, conformance, process list


def test_the_server_speaks_http_1_1(server: Server) -> None:
    assert requests.get(f"{server.url}/", timeout=10).raw.version == 11


def test_the_landing_page_leads_to_definition_conformance_and_processes(server: Server) -> None:
    page = _json(server, "/")
    conforms(page, "landingPage")
    rels = {link["rel"] for link in page["links"]}
    assert {"service-desc", "service-doc", f"{REL}conformance", f"{REL}processes", f"{REL}job-list"} <= rels


def test_the_landing_page_is_found_without_a_trailing_slash(server: Server) -> None:
    assert requests.get(server.url, headers={"Accept": "application/json"}, timeout=10).status_code == 200


def test_the_conformance_document_names_every_class_the_server_keeps(server: Server) -> None:
    document = _json(server, "/conformance")
    conforms(document, "confClasses")
    kept = ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss")
    assert {f"{CLASSES}{name}" for name in kept} <= set(document["conformsTo"])


def test_the_process_list_is_as_the_standard_has_it(server: Server) -> None:
    document = _json(server, "/processes")
    conforms(document, "processList")
    assert document["processes"]


def test_one_process_is_listed_when_the_limit_is_one(server: Server) -> None:
    document = _json(server, "/processes?limit=1")
    assert len(document["processes"]) == 1
    assert isinstance(document["links"], list)


# -------------------------------------------------------------------------------- process descriptions


def test_every_process_listed_is_described_as_the_standard_has_it(server: Server) -> None:
    for summary in _json(server, "/processes")["processes"]:
        process = _json(server, f"/processes/{summary['id']}")
        conforms(process, "process")
        assert {key: process[key] for key in ("id", "version", "title")} == {
            key: summary[key] for key in ("id", "version", "title")
        }


def test_inputs_and_outputs_of_mixed_types_are_described_by_one_of(echo: dict[str, Any]) -> None:
    for kind in ("inputs", "outputs"):
        mixed = [field["schema"]["oneOf"] for field in echo[kind].values() if "oneOf" in field["schema"]]
        assert any(branch.get("type") == "string" for branches in mixed for branch in branches)


def test_the_echo_process_returns_what_it_takes(echo: dict[str, Any]) -> None:
    assert echo["outputs"].keys() == echo["inputs"].keys()
    assert echo["inputs"]["pause"]["schema"]["type"] == "integer"
    assert next(iter(echo["inputs"].values()))["schema"] == {"type": "string"}


def test_an_unknown_process_is_a_404_with_the_standards_type(server: Server) -> None:
    response = server.get("/processes/invalid-process-6b1f", headers={"Accept": "application/json"})
    assert response.status_code == 404
    conforms(response.json(), "exception")
    assert response.json()["type"] == f"{EXCEPTIONS}no-such-process"


# ----------------------------------------------------------------------------------------- execution


def test_without_a_preference_the_answer_is_synchronous(answered: requests.Response) -> None:
    assert answered.status_code == 200
    assert answered.headers["Content-Type"].startswith("multipart/related")


def test_a_synchronous_answer_names_its_job_where_the_suite_can_follow_it(server: Server, answered) -> None:
    for link in answered.headers.get("Link", "").split(","):
        assert "rel=monitor" in link or not link
    job = requests.get(answered.headers["Location"], headers={"Accept": "application/json"}, timeout=10).json()
    conforms(job, "statusInfo")
    assert job["status"] == "successful"


def test_every_text_is_a_part_of_the_raw_answer(answered: requests.Response, inputs: dict[str, Any]) -> None:
    found = {part["Content-ID"].strip("<>"): part for part in _parts(answered)}
    assert found.keys() == inputs.keys()
    assert found["stringInput"].get_content_type() == "text/plain"
    assert found["stringInput"].get_content().strip() == SENT


def test_outputs_left_out_mean_all_of_them(server: Server, inputs: dict[str, Any]) -> None:
    response = _post(server, {"inputs": inputs})
    assert response.status_code == 200
    assert {part["Content-ID"].strip("<>") for part in _parts(response)} == inputs.keys()


def test_an_array_is_taken_and_returned(server: Server, inputs: dict[str, Any]) -> None:
    response = _post(server, {"inputs": inputs | {"arrayInput": [1, 2, 3]}, "outputs": {"arrayInput": {}}})
    assert (response.status_code, response.json()) == (200, [1, 2, 3])


def test_a_bounding_box_is_taken_and_returned(server: Server, inputs: dict[str, Any]) -> None:
    response = _post(server, {"inputs": inputs | {"bboxInput": BBOX}, "outputs": {"bboxInput": {}}})
    assert (response.status_code, response.json()) == (200, BBOX)


def test_bytes_are_taken_as_base64_with_their_format_and_returned_as_they_are(
    server: Server, echo: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]
) -> None:
    media_type = echo["inputs"]["imageInput"]["schema"]["contentMediaType"]
    image = {
        "value": base64.b64encode(TIFF).decode(),
        "format": {"mediaType": media_type, "encoding": "base64"},
    }
    response = _post(server, {"inputs": inputs | {"imageInput": image}, "outputs": outputs})
    assert response.status_code == 200
    part = _part(response, "imageInput")
    assert part.get_content_type() == "image/tiff"
    assert TIFF in response.content


def test_an_image_by_reference_is_taken_without_a_look_at_it(
    server: Server, echo: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]
) -> None:
    link = {
        "href": "https://example.invalid/testgeotiff.tiff",
        "format": {"mediaType": echo["inputs"]["imageInput"]["schema"]["contentMediaType"]},
    }
    response = _post(server, {"inputs": inputs | {"imageInput": link}, "outputs": outputs})
    assert response.status_code == 200
    assert json.loads(_part(response, "imageInput").get_content())["href"] == link["href"]
    assert SENT in response.text


@pytest.mark.parametrize("value", ["a text", {"an": "object"}])
def test_an_input_of_mixed_type_takes_either(server: Server, inputs: dict[str, Any], value: Any) -> None:
    response = _post(server, {"inputs": inputs | {"mixedInput": value}, "outputs": {"mixedInput": {}}})
    assert response.status_code == 200
    assert (response.json() if isinstance(value, dict) else response.text) == value


def test_an_object_wrapped_in_value_counts_as_it_is_meant(server: Server, inputs: dict[str, Any]) -> None:
    response = _post(server, {"inputs": inputs | {"objectInput": {"value": SENT}}, "outputs": {"objectInput": {}}})
    assert response.status_code == 200
    assert SENT in response.text


def test_a_wrong_input_is_refused_as_json(server: Server, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
    wrong = inputs | {"imageInput": {"type": "wrong/type_6b1f"}}
    response = _post(server, {"inputs": wrong, "outputs": outputs})
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/json"
    conforms(response.json(), "exception")
    assert response.json()["type"] == f"{EXCEPTIONS}invalid-parameter-value"


def test_a_request_without_inputs_is_refused_as_json(server: Server) -> None:
    response = _post(server, {"invalid-execute-request": "true)"})
    assert 400 <= response.status_code < 500
    conforms(response.json(), "exception")


def test_one_raw_output_is_the_whole_answer(server: Server, inputs: dict[str, Any]) -> None:
    wanted = {"outputs": {"stringInput": {"transmissionMode": "value"}}, "response": "raw"}
    response = _post(server, {"inputs": inputs, **wanted})
    assert (response.status_code, response.text) == (200, SENT)
    assert response.headers["Content-Type"].startswith("text/plain")


def test_a_document_holds_every_output(server: Server, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
    response = _post(server, {"inputs": inputs, "outputs": outputs, "response": "document"})
    assert response.status_code == 200
    conforms(response.json(), "results")
    assert response.json()["stringInput"] == SENT


# ---------------------------------------------------------------------------------------------- jobs


def test_an_asynchronous_request_is_answered_with_the_jobs_address(server: Server, accepted) -> None:
    assert accepted.status_code == 201
    assert re.fullmatch(rf"{re.escape(server.url)}/jobs/[0-9a-f-]{{36}}", accepted.headers["Location"])
    conforms(accepted.json(), "statusInfo")
    assert accepted.json()["status"] in {"accepted", "running", "successful"}


def test_the_status_of_the_job_is_as_the_standard_has_it(server: Server, accepted: requests.Response) -> None:
    job = requests.get(accepted.headers["Location"], timeout=10)
    assert (job.status_code, job.headers["Content-Type"]) == (200, "application/json")
    conforms(job.json(), "statusInfo")
    assert None not in job.json().values()


def test_a_job_links_to_its_monitor_until_it_links_to_its_results(server: Server, inputs: dict[str, Any]) -> None:
    body = {"inputs": inputs, "outputs": {"stringInput": {}}, "response": "raw"}
    job = _post(server, body, prefer="respond-async").json()
    states = list(server.events(job["jobID"]))
    for state in states:
        ended = state["status"] == "successful"
        assert bool(links(state, f"{REL}results")) == ended
        assert bool(links(state, "monitor")) != ended
    [link] = links(states[-1], f"{REL}results")
    assert requests.get(link["href"], timeout=10).text == SENT


def test_results_of_a_running_job_are_not_ready(server: Server, inputs: dict[str, Any]) -> None:
    body = {"inputs": inputs | {"pause": 5}, "outputs": {"stringInput": {}}, "response": "raw"}
    location = _post(server, body, prefer="respond-async").headers["Location"]
    response = requests.get(f"{location}/results", headers={"Accept": "application/json"}, timeout=10)
    requests.delete(location, timeout=10)
    assert response.status_code == 404
    conforms(response.json(), "exception")
    assert response.json()["type"] == f"{EXCEPTIONS}result-not-ready"


def test_the_pause_delays_the_answer(server: Server) -> None:
    job = server.job("echo", {"stringInput": SENT, "pause": 1})
    started, finished = (_seconds(job[name]) for name in ("started", "finished"))
    assert finished - started >= 1


def _seconds(time: str) -> float:
    hours, minutes, seconds = time.removesuffix("Z").partition("T")[2].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@pytest.mark.parametrize("path", ["", "/results"])
def test_an_unknown_job_is_a_404_with_the_standards_type(server: Server, path: str) -> None:
    response = server.get(f"/jobs/invalid-job-6b1f{path}", headers={"Accept": "application/json"})
    assert response.status_code == 404
    conforms(response.json(), "exception")
    assert response.json()["type"] == f"{EXCEPTIONS}no-such-job"


def test_the_job_list_is_as_the_standard_has_it(server: Server, echoed: dict[str, Any]) -> None:
    document = _json(server, "/jobs")
    conforms(document, "jobList")
    assert document["jobs"]
