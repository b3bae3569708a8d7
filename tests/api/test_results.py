"""Results in every form the standard has: raw and document, by value and by reference, one by one."""

import base64
import json
from email import message_from_bytes, policy
from typing import Any

import pytest
import requests

from tests.api.conftest import EVERY_OUTPUT
from tests.api.standard import EXCEPTIONS, conforms
from tests.servers.nbprocessor import Server

PNG = b"\x89PNG"
TEXT = "ein Wort mit Ümlaut"


def _parts(answer: requests.Response) -> dict[str, Any]:
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content, policy=policy.HTTP).iter_parts()
    return {part["Content-ID"].strip("<>"): part for part in parts}


def test_a_document_holds_plain_values_plainly_and_all_else_qualified(server: Server, every_output: dict) -> None:
    answer = server.get(f"/jobs/{every_output['jobID']}/results")
    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    conforms(document, "results")
    assert document["text"] == TEXT
    assert document["number"] == 2.5
    assert document["table"] == [1, 2, 3]
    assert document["record"] == {"value": {"a": {"b": 1}}, "mediaType": "application/json"}
    picture = document["picture"]
    assert (picture["encoding"], picture["mediaType"]) == ("base64", "image/png")
    assert base64.b64decode(picture["value"]).startswith(PNG)


def test_results_fetched_later_are_those_of_the_synchronous_answer(server: Server) -> None:
    answer = server.execute("outputs", outputs={"number": {}, "table": {}})
    again = requests.get(f"{answer.headers['Location']}/results", timeout=30)
    assert again.content == answer.content
    assert again.headers["Content-Type"] == answer.headers["Content-Type"]


def test_raw_results_are_one_multipart_message(server: Server, echoed: dict) -> None:
    answer = server.get(f"/jobs/{echoed['jobID']}/results")
    assert answer.headers["Content-Type"].startswith("multipart/related; boundary=")
    assert 'type="text/plain"' in answer.headers["Content-Type"]
    parts = _parts(answer)
    assert parts.keys() == {"stringInput", "arrayInput"}
    assert parts["stringInput"].get_content().strip() == "teststring"
    assert json.loads(parts["arrayInput"].get_content()) == [1, 2, 3]


def test_raw_results_are_a_document_for_those_who_ask_with_f(server: Server, echoed: dict) -> None:
    document = server.get(f"/jobs/{echoed['jobID']}/results", params={"f": "json"}).json()
    conforms(document, "results")
    assert document == {"stringInput": "teststring", "arrayInput": [1, 2, 3]}


def test_results_are_a_page_for_people(server: Server, every_output: dict) -> None:
    answer = server.get(f"/jobs/{every_output['jobID']}/results", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"].startswith("text/html")
    assert TEXT in answer.text


@pytest.mark.parametrize("output", EVERY_OUTPUT)
def test_each_output_is_there_by_itself(server: Server, every_output: dict, output: str) -> None:
    expected = {
        "text": ("text/plain; charset=utf-8", TEXT.encode()),
        "number": ("application/json", b"2.5"),
        "table": ("application/json", b"[1, 2, 3]"),
        "record": ("application/json", b'{"a": {"b": 1}}'),
        "picture": ("image/png", None),
    }
    answer = server.get(f"/jobs/{every_output['jobID']}/results/{output}")
    media_type, content = expected[output]
    assert answer.headers["Content-Type"] == media_type
    if content is None:
        assert answer.content.startswith(PNG)
    elif media_type == "application/json":
        assert answer.json() == json.loads(content)
    else:
        assert answer.content == content
    again = server.get(answer.request.path_url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_output_there_is_not_is_a_404(server: Server, every_output: dict) -> None:
    for name in ("nothing", "text.txt", "..", "%2e%2e%2fmanifest.json", "TEXT"):
        answer = server.get(f"/jobs/{every_output['jobID']}/results/{name}")
        if name == "..":
            continue  # requests itself resolves it
        assert answer.status_code == 404
        conforms(answer.json(), "exception")


def test_raw_by_reference_is_an_empty_answer_with_links(server: Server) -> None:
    reference = {"transmissionMode": "reference"}
    answer = server.execute("outputs", outputs={"text": reference, "picture": reference})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.links.keys() == {"text", "picture"}
    assert requests.get(answer.links["text"]["url"], timeout=30).text == "ein word mit Ümlaut"
    picture = requests.get(answer.links["picture"]["url"], timeout=30)
    assert picture.headers["Content-Type"] == answer.links["picture"]["type"] == "image/png"


def test_a_document_by_reference_holds_links(server: Server) -> None:
    outputs = {"text": {"transmissionMode": "reference"}, "number": {"transmissionMode": "value"}}
    answer = server.execute("outputs", outputs=outputs, response="document")
    document = answer.json()
    conforms(document, "results")
    assert document.keys() == {"text", "number"}
    assert document["number"] == 2.5
    conforms(document["text"], "link")
    assert document["text"]["type"] == "text/plain"
    assert requests.get(document["text"]["href"], timeout=30).text == "ein word mit Ümlaut"


def test_a_mixture_is_a_message_whose_references_are_empty_parts_with_a_location(server: Server) -> None:
    outputs = {"text": {"transmissionMode": "reference"}, "table": {"transmissionMode": "value"}}
    parts = _parts(server.execute("outputs", outputs=outputs))
    assert json.loads(parts["table"].get_content()) == [1, 2, 3]
    assert not parts["text"].get_content().strip()
    assert requests.get(parts["text"]["Content-Location"], timeout=30).text == "ein word mit Ümlaut"


def test_only_requested_outputs_are_returned(server: Server) -> None:
    answer = server.execute("outputs", outputs={"picture": {"format": {"mediaType": "image/png"}}})
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(PNG)


def test_results_of_a_failed_job_say_why_it_failed(server: Server, failed: dict) -> None:
    answer = server.get(f"/jobs/{failed['jobID']}/results")
    assert answer.status_code == 422
    conforms(answer.json(), "exception")
    assert answer.json()["type"] == f"{EXCEPTIONS}job-results-failed"
    assert "KeyError 'AGS'" in answer.json()["detail"]
    assert server.get(f"/jobs/{failed['jobID']}/results/anything").status_code == 422


def test_results_of_a_dismissed_job_are_gone(server: Server, dismissed: dict) -> None:
    for path in ("results", "results/anything"):
        answer = server.get(f"/jobs/{dismissed['jobID']}/{path}")
        assert answer.status_code == 410
        conforms(answer.json(), "exception")


def test_what_a_notebook_leaves_never_runs_in_a_browser(server: Server) -> None:
    answer = server.execute("foreign", {"word": "weit"}, response="document")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    conforms(document, "results")
    job = answer.headers["Location"]
    for name in ("page", "drawing"):
        output = requests.get(f"{job}/results/{name}", timeout=30)
        assert output.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in output.headers["Content-Security-Policy"]
        assert output.headers["X-Content-Type-Options"] == "nosniff"
    assert document["claimed"]["mediaType"] == "application/json"
    assert base64.b64decode(document["claimed"]["value"]) == b"NaN is no JSON"
    faraway = requests.get(f"{job}/results/faraway", timeout=30)
    assert faraway.text == "weit"
    assert "filename*=utf-8''%E5%9C%B0" in faraway.headers["Content-Disposition"]


def test_results_whose_files_are_gone_are_a_410(server: Server) -> None:
    job = server.job("echo", {"stringInput": "x"})
    (server.results / job["jobID"] / "outputs" / "stringInput.txt").unlink()
    for path in ("results", "results/stringInput"):
        answer = server.get(f"/jobs/{job['jobID']}/{path}")
        assert answer.status_code in {404, 410}
        conforms(answer.json(), "exception")
    assert server.get(f"/jobs/{job['jobID']}").json()["status"] == "successful"
