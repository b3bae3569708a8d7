"""Execute requests that are wrong: each is refused with a problem document that names every fault; none is queued."""

import json
from typing import Any

import pytest
import requests

from tests.api.standard import EXCEPTIONS, conforms
from tests.servers.nbprocessor import Server

ECHO = "/processes/echo/execution"
GOOD = b'{"inputs": {"stringInput": "x"}}'

UNREADABLE = {
    "nothing": b"",
    "white space": b" \r\n",
    "no JSON": b"stringInput=x",
    "cut off": b'{"inputs": {"stringInput": "x"}',
    "something behind": GOOD + b"}",
    "single quotes": b"{'inputs': {}}",
    "a comment": b'{"inputs": {} /* none */}',
    "a trailing comma": b'{"inputs": {"stringInput": "x"},}',
    "a list": b"[1]",
    "null": b"null",
    "a text": b'"inputs"',
    "a number": b"1",
    "true": b"true",
    "depth 100,000": b"[" * 100_000,
    "depth 5000": b'{"inputs":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "depth 5000 in a list": b'{"inputs": {"arrayInput": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    "depth 70": b'{"inputs": {"stringInput": "x", "objectInput": ' + b'{"a":' * 70 + b"1" + b"}" * 72,
    "the same input twice": b'{"inputs": {"stringInput": "a", "stringInput": "b"}}',
    "the same member twice, spelt otherwise": b'{"inputs": {"stringInput": "a", "\\u0073tringInput": "b"}}',
    "inputs twice": b'{"inputs": {"stringInput": "a"}, "inputs": {}}',
    "NaN": b'{"inputs": {"stringInput": "x", "pause": NaN}}',
    "Infinity": b'{"inputs": {"stringInput": "x", "pause": -Infinity}}',
    "a number beyond all floats": b'{"inputs": {"stringInput": "x", "pause": 1e400}}',
    "4300 digits": b'{"inputs": {"stringInput": "x", "pause": ' + b"1" * 4300 + b"}}",
    "4301 digits": b'{"inputs": {"stringInput": "x", "pause": ' + b"1" * 4301 + b"}}",
    "100,000 digits": b'{"inputs": {"stringInput": "x", "arrayInput": [' + b"9" * 100_000 + b"]}}",
    "a lone surrogate": b'{"inputs": {"stringInput": "\\ud800"}}',
    "a lone surrogate in a name": b'{"inputs": {"stringInput": "x", "\\udfff": 1}}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "Latin-1": b'{"inputs": {"stringInput": "\xfc"}}',
    "overlong UTF-8": b'{"inputs": {"stringInput": "\xc0\xaf"}}',
    "a surrogate in UTF-8": b'{"inputs": {"stringInput": "\xed\xa0\x80"}}',
    "a byte 0": b'{"inputs": {"stringInput": "x"}}\x00',
    "a control character": b'{"inputs": {"stringInput": "a\x01b"}}',
    "a million values and one": b'{"inputs": {"stringInput": "x", "arrayInput": [' + b"1," * 1_000_000 + b"1]}}",
}


def _post(server: Server, body: bytes | dict[str, Any], path: str = ECHO, **headers: str) -> requests.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return server.post(path, data=content, headers=sent)


def _faults(answer: requests.Response) -> dict[str, str]:
    """Return pointer and sentence of every fault, after a look at the problem document as a whole."""
    assert answer.status_code == 400, answer.text[:500]
    problem = answer.json()
    conforms(problem, "exception")
    assert answer.headers["Content-Type"] == "application/json"
    assert problem["type"] == f"{EXCEPTIONS}invalid-parameter-value"
    assert problem["status"] == 400
    assert len(answer.content) < 20_000
    pointers = [error["pointer"] for error in problem["errors"]]
    assert len(pointers) == len({(error["pointer"], error["detail"]) for error in problem["errors"]})
    return {error["pointer"]: error["detail"] for error in problem["errors"]}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_refused(server: Server, body: bytes) -> None:
    assert _faults(_post(server, body))


def test_an_empty_body_is_enough_where_nothing_has_to_be_sent(server: Server) -> None:
    for content in (b"", b"\xef\xbb\xbf{}"):
        answer = _post(server, content, "/processes/only_sync/execution")
        assert (answer.status_code, answer.json()) == (200, 42)
    assert server.post("/processes/only_sync/execution").json() == 42


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "json",
     "application/jsonp", "text/json", "*/*", ";", "application/json, text/plain"],
)  # fmt: skip
def test_a_body_of_another_media_type_is_a_415(server: Server, media_type: str) -> None:
    answer = _post(server, GOOD, Content_Type=media_type)
    assert answer.status_code == 415
    conforms(answer.json(), "exception")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.example+json"]
)
def test_json_may_be_declared_in_several_ways(server: Server, media_type: str) -> None:
    assert _post(server, b'{"inputs": {}}', Content_Type=media_type).status_code == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
def test_a_body_that_is_compressed_is_a_415(server: Server, encoding: str) -> None:
    answer = _post(server, GOOD, Content_Encoding=encoding)
    assert answer.status_code == 415
    conforms(answer.json(), "exception")


def test_a_body_that_is_too_large_is_a_413_however_it_is_sent(narrow: Server) -> None:
    large = json.dumps({"inputs": {"stringInput": "x" * 20_000}}).encode()
    chunks = (large[start : start + 1000] for start in range(0, len(large), 1000))
    for data in (large, chunks):
        answer = narrow.post(ECHO, data=data, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        conforms(answer.json(), "exception")


WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "inputs is a list": ({"inputs": []}, {"/inputs"}),
    "inputs is null": ({"inputs": None}, {"/inputs"}),
    "no input": ({"inputs": {}}, {"/inputs"}),
    "an unknown input": ({"inputs": {"stringInput": "x", "stringinput": "y"}}, {"/inputs/stringinput"}),
    "an input named with code": (
        {"inputs": {"stringInput": "x", "x=1\nimport os; os.system('id')\ny": 1, "__class__": 1, "": 1}},
        {"/inputs/x=1\nimport os; os.system('id')\ny", "/inputs/__class__", "/inputs/"},
    ),
    "a pointer has to be escaped": ({"inputs": {"stringInput": "x", "a/b~c": 1}}, {"/inputs/a~1b~0c"}),
    "a number for a text": ({"inputs": {"stringInput": 1}}, {"/inputs/stringInput"}),
    "null for a text": ({"inputs": {"stringInput": None}}, {"/inputs/stringInput"}),
    "a list for a text": ({"inputs": {"stringInput": ["x"]}}, {"/inputs/stringInput"}),
    "true for a number": ({"inputs": {"stringInput": "x", "pause": True}}, {"/inputs/pause"}),
    "a text for a number": ({"inputs": {"stringInput": "x", "pause": "1"}}, {"/inputs/pause"}),
    "half a pause": ({"inputs": {"stringInput": "x", "pause": 0.5}}, {"/inputs/pause"}),
    "too long a pause": ({"inputs": {"stringInput": "x", "pause": 601}}, {"/inputs/pause"}),
    "wrong items": (
        {"inputs": {"stringInput": "x", "arrayInput": [1, "2", 3, None]}},
        {"/inputs/arrayInput/1", "/inputs/arrayInput/3"},
    ),
    "half a box": (
        {"inputs": {"stringInput": "x", "bboxInput": {"bbox": [1, 2]}}},
        {"/inputs/bboxInput", "/inputs/bboxInput/bbox"},
    ),
    "no base64": ({"inputs": {"stringInput": "x", "imageInput": "%%%"}}, {"/inputs/imageInput"}),
    "another media type": (
        {"inputs": {"stringInput": "x", "imageInput": {"value": "AAAA", "mediaType": "image/png"}}},
        {"/inputs/imageInput/mediaType"},
    ),
    "a file for a link": (
        {"inputs": {"stringInput": {"href": "file:///etc/passwd"}}},
        {"/inputs/stringInput/href"},
    ),
    "response is something else": ({"inputs": {"stringInput": "x"}, "response": "json"}, {"/response"}),
    "response is null": ({"inputs": {"stringInput": "x"}, "response": None}, {"/response"}),
    "outputs is a list": ({"inputs": {"stringInput": "x"}, "outputs": ["stringInput"]}, {"/outputs"}),
    "an output is null": ({"inputs": {"stringInput": "x"}, "outputs": {"pause": None}}, {"/outputs/pause"}),
    "an unknown output": ({"inputs": {"stringInput": "x"}, "outputs": {"nope": {}}}, {"/outputs/nope"}),
    "a mode there is not": (
        {"inputs": {"stringInput": "x"}, "outputs": {"pause": {"transmissionMode": "pigeon"}}},
        {"/outputs/pause/transmissionMode"},
    ),
    "a format there is not": (
        {"inputs": {"stringInput": "x"}, "outputs": {"imageInput": {"format": {"mediaType": "image/png"}}}},
        {"/outputs/imageInput/format/mediaType"},
    ),
    "a format that is a text": (
        {"inputs": {"stringInput": "x"}, "outputs": {"imageInput": {"format": "image/png"}}},
        {"/outputs/imageInput/format"},
    ),
    "subscriber is a text": ({"inputs": {"stringInput": "x"}, "subscriber": "http://127.0.0.1"}, {"/subscriber"}),
    "subscriber without an address": ({"inputs": {"stringInput": "x"}, "subscriber": {}}, {"/subscriber"}),
    "everything at once": (
        {
            "inputs": {"stringInput": 1, "pause": -1, "arrayInput": {"a": 1}, "foo": 1, "bar": 2},
            "outputs": {"foo": {}, "pause": {"transmissionMode": 3}},
            "response": [],
            "subscriber": {"successUri": "ftp://127.0.0.1/", "failedUri": 3},
        },
        {
            "/inputs/stringInput",
            "/inputs/pause",
            "/inputs/arrayInput",
            "/inputs/foo",
            "/inputs/bar",
            "/outputs/foo",
            "/outputs/pause/transmissionMode",
            "/response",
            "/subscriber/successUri",
            "/subscriber/failedUri",
        },
    ),
}


@pytest.mark.parametrize(("body", "pointers"), WRONG.values(), ids=WRONG)
def test_every_fault_is_named_with_its_place(server: Server, body: dict[str, Any], pointers: set[str]) -> None:
    assert _faults(_post(server, body)).keys() == pointers


def test_several_values_are_counted_and_each_is_judged(server: Server) -> None:
    path = "/processes/several/execution"
    few = _faults(_post(server, {"inputs": {"names": ["a"]}}, path))
    assert few.keys() == {"/inputs/names"}
    faults = _faults(
        _post(
            server,
            {
                "inputs": {
                    "names": ["a", 2, "too long", "d"],
                    "days": ["2024-02-30", "2024-02-29"],
                    "count": 10,
                    "place": {"label": 1, "y": 2},
                }
            },
            path,
        )
    )
    assert {"/inputs/names", "/inputs/names/1", "/inputs/names/2", "/inputs/days/0", "/inputs/count"} <= faults.keys()
    assert {"/inputs/place", "/inputs/place/label"} <= faults.keys()


def test_several_values_arrive_and_a_single_one_stands_for_its_list(server: Server) -> None:
    sent = {"names": ["a", {"value": "b"}], "days": "2024-02-29", "count": 4.0, "place": {"value": {"x": 1}}}
    answer = _post(server, {"inputs": sent}, "/processes/several/execution")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "names": ["a", "b"],
        "days": ["2024-02-29"],
        "count": 4,
        "place": {"x": 1},
        "type": "int",
    }


def test_a_misspelt_input_is_answered_with_the_right_name(server: Server) -> None:
    problem = _post(server, {"inputs": {"stringInput": "x", "arrayinput": [1]}}).json()
    assert problem["errors"][0]["mend"] == 'Did you mean "arrayInput"?'


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost/",
        "http://user:password@example.org/",
        "http://example.org:22/",
        "gopher://example.org/",
        "file:///etc/passwd",
        "http:///",
        "//example.org/",
        "http://example.org\\@10.0.0.1/",
        "http://example.org/ x",
        "javascript:alert(1)",
        "",
        "http://" + "a" * 3000,
    ],
)
def test_a_subscriber_that_must_not_be_called_is_refused(narrow: Server, url: str) -> None:
    good = "http://example.org/"
    for subscriber in ({"successUri": url}, {"successUri": good, "inProgressUri": url, "failedUri": url}):
        faults = _faults(_post(narrow, {"inputs": {"stringInput": "x"}, "subscriber": subscriber}))
        wrong = {name for name, value in subscriber.items() if value == url}
        assert faults.keys() == {f"/subscriber/{name}" for name in wrong}


def test_nothing_that_was_refused_became_a_job(narrow: Server) -> None:
    def jobs() -> int:
        return len(list(narrow.results.glob("*-*-*-*-*")))

    before = jobs()
    for body in (b"{", b"[1]", b'{"inputs": {"stringInput": 1}}', GOOD + b"x" * 30_000):
        assert 400 <= _post(narrow, body).status_code < 500
    assert jobs() == before
