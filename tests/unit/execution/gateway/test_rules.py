"""Which requests pass: what the kit asks for, whatever it is disguised as."""

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.execution.gateway.rules import DESCRIPTION, KINDS, LONGEST, Refused, passed

TARGET = "11111111-2222-3333-4444-555555555555"


def refused(method: str, path: bytes, query: bytes = b"", writable=(TARGET,)) -> str:
    with pytest.raises(Refused) as caught:
        passed(method, path, query, writable)
    return str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/management/{public}{kind}" for kind in KINDS for public in ("", "public/")),
        "/management/indicators/a1",
        "/management/indicators/a1/b2/without-geometry",
        "/management/indicators/a1/b2/2022/1/1",
        "/management/spatial-units/a1/allFeatures",
        "/management/public/georesources/a1/allFeatures",
        "/v3/api-docs",
    ],
)
def test_what_the_kit_reads_passes_as_it_is(path):
    assert passed("GET", path.encode(), b"", ()) == path


def test_a_query_goes_on_as_it_is():
    assert passed("GET", b"/management/indicators", b"simplifyGeometries=weak&a=%20", ()).endswith(
        "?simplifyGeometries=weak&a=%20"
    )


def test_ids_with_letters_of_any_language_pass_in_one_form():
    assert passed("GET", b"/management/indicators/gr%C3%BCn%2d1", b"", ()) == "/management/indicators/gr%C3%BCn-1"


@pytest.mark.parametrize(
    "path",
    [
        b"/actuator",
        b"/management",
        b"/management/",
        b"/management/users",
        b"/management/indicators/",
        b"/management//indicators",
        b"//management/indicators",
        b"/management/indicators/../users",
        b"/management/indicators/%2e%2e/users",
        b"/management/indicators/%2E./users",
        b"/management/indicators/.%20/a",
        b"/management/indicators/..;/..;/actuator",
        b"/management/indicators/..%3b/actuator",
        b"/management/indicators/a;jsessionid=1",
        b"/management/indicators/a%2fb",
        b"/management/indicators/a%5cb",
        b"/management/indicators/a\\b",
        b"/management/indicators/%252e%252e/users",
        b"/management/indicators/a%00",
        b"/management/indicators/a%0d%0aX:1",
        b"/management/indicators/%ff",
        b"/management/indicators/a%",
        b"/management/indicators/a%3fb",
        b"/management/indicators/a%23",
        b"/MANAGEMENT/indicators",
        b"http://elsewhere/management/indicators",
        b"management/indicators",
        b"*",
        b"",
        b"elsewhere:443",
        b"/v3/api-docs/swagger-config",
        b"/management/indicators/" + b"a" * LONGEST,
    ],
)
def test_nothing_else_is_read_whatever_its_disguise(path):
    said = refused("GET", path)
    assert "does not pass the job's gateway" in said
    assert DESCRIPTION in said and all(kind in said for kind in KINDS)


@pytest.mark.parametrize(
    "method", ["POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "get", "PROPFIND"]
)
def test_no_other_method_passes(method):
    refused(method, f"/management/indicators/{TARGET}".encode())


def test_the_target_indicator_is_written_and_no_other():
    assert passed("PUT", f"/management/indicators/{TARGET}".encode(), b"", {TARGET})
    said = refused("PUT", b"/management/indicators/another")
    assert f"PUT of /management/indicators/{TARGET}" in said


@pytest.mark.parametrize(
    "path", [f"/management/spatial-units/{TARGET}", f"/management/indicators/{TARGET}/a", "/management/indicators"]
)
def test_the_targets_id_writes_nothing_but_the_indicator(path):
    refused("PUT", path.encode())
    refused("PUT", f"/management/indicators/{TARGET}".encode(), b"a=1")


def test_a_process_without_target_is_told_how_to_name_one():
    assert "no input of the process says writes: true" in refused("PUT", b"/management/indicators/a", writable=())


@pytest.mark.parametrize("target", ["..", ".", "a/b", "a;b", "", "users?x"])
def test_an_input_of_any_value_opens_no_other_path(target):
    refused("PUT", f"/management/indicators/{quote(target, safe='')}".encode(), writable=(target,))


@given(st.sampled_from(["GET", "PUT", "POST"]), st.binary(max_size=60), st.binary(max_size=20))
def test_whatever_is_sent_a_plain_path_goes_on_or_none(method, path, query):
    with suppress(Refused):
        target = passed(method, b"/management/indicators/" + path, query, {TARGET})
        assert target.startswith("/management/indicators/") and target.isprintable() and " " not in target
        assert "//" not in target.partition("?")[0] and ".." not in target.partition("?")[0].split("/")


@given(st.binary(max_size=300))
def test_a_refusal_can_be_read_whatever_was_sent(path):
    assert refused("POST", path).replace("…", "").isascii()
