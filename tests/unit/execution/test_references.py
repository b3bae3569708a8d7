import base64

import pytest

from nbprocessor import config
from nbprocessor.errors import InputUnavailable
from nbprocessor.execution import references
from nbprocessor.outbound import Outbound
from tests.unit.execution.workshop import process
from tests.unit.notebook.written import code, parameters
from tests.unit.outbound.strangers import content

PARAMETERS = """record: dict = {}
words: str = ""
many: list[dict] = []
"""
FACTS = """  inputs:
    kept: {title: Kept, byReference: true, schema: {type: object}}
    picture: {title: Picture, schema: {type: string, contentEncoding: base64, contentMediaType: image/png}}
"""


@pytest.fixture
def declared(tmp_path):
    return process(tmp_path / "notebooks", parameters(PARAMETERS), code("1"))


@pytest.fixture
def resolve(declared):
    outbound = Outbound(config.Outbound(allow_hosts=("127.0.0.1",)))

    def resolved(max_bytes=1000, **inputs):
        def fetch(url, limit):
            return outbound.fetch(url, max_bytes=limit)

        return references.resolve(declared, inputs, fetch, max_bytes)

    return resolved


def test_a_reference_becomes_what_is_found_there_and_values_stay(resolve, stranger):
    stranger.answers["record"] = content(b'{"a": [1, 2.5, null]}')
    found = resolve(record={"href": f"{stranger.url}/record"}, words="plain")
    assert found == {"record": {"a": [1, 2.5, None]}, "words": "plain"}


def test_a_text_is_a_text_and_json_of_a_text_is_read(resolve, stranger):
    stranger.answers["text"] = content("ä\n".encode(), "text/plain; charset=utf-8")
    stranger.answers["json"] = content(b'"quoted"', "application/json")
    stranger.answers["number"] = content(b"17", "application/json")
    assert resolve(words={"href": f"{stranger.url}/text"})["words"] == "ä\n"
    assert resolve(words={"href": f"{stranger.url}/json"})["words"] == "quoted"
    assert resolve(words={"href": f"{stranger.url}/number"})["words"] == "17"


def test_references_in_a_list_are_resolved_each(resolve, stranger):
    links = [{"href": f"{stranger.url}/one"}, {"plain": 1}, {"href": f"{stranger.url}/two"}]
    assert resolve(many=links)["many"] == [{"from": "stranger"}, {"plain": 1}, {"from": "stranger"}]


def test_the_bytes_of_an_input_are_bounded_over_all_its_references(resolve, stranger):
    stranger.answers["large"] = content(b'{"x": "' + b"y" * 500 + b'"}')
    link = {"href": f"{stranger.url}/large"}
    assert len(resolve(many=[link])["many"]) == 1
    with pytest.raises(InputUnavailable, match="more than"):
        resolve(many=[link] * 3)


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_named_with_its_address(resolve, stranger, body):
    stranger.answers["wrong"] = content(body)
    with pytest.raises(InputUnavailable, match=f'input "record": {stranger.url}/wrong: its content cannot be read'):
        resolve(max_bytes=200_000, record={"href": f"{stranger.url}/wrong"})


def test_bytes_arrive_as_base64(tmp_path, stranger):
    declared = process(tmp_path / "n", parameters('picture: str = ""\nkept: dict = {}'), code("1"), facts=FACTS)
    stranger.answers["picture"] = content(b"\x89PNG", "image/png")
    link = {"href": f"{stranger.url}/picture"}
    outbound = Outbound(config.Outbound(allow_hosts=("127.0.0.1",)))
    found = references.resolve(
        declared, {"picture": link, "kept": link}, lambda url, limit: outbound.fetch(url, max_bytes=limit), 1000
    )
    assert base64.b64decode(found["picture"]) == b"\x89PNG"
    assert found["kept"] == link


def test_the_first_address_of_a_value_is_found():
    assert references.address({"href": "http://a.test/"}) == "http://a.test/"
    assert references.address([1, {"href": "http://b.test/"}]) == "http://b.test/"
    assert references.address("text") == ""
