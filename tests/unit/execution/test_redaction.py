"""Redaction: what is found, in which forms, in files of any size, and what is left when the disk is full."""

import base64
import errno
import io
import json
import os
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution import redaction
from nbprocessor.execution.redaction import KEPT, Redaction

SECRET = 'pa"ss\\wörd\n1234'
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln-bmF_0"
KEY = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7bq\n-----END KEY-----"


def masked(content: bytes, tmp_path, *secrets: str) -> bytes:
    (tmp_path / "outputs").mkdir(exist_ok=True)
    path = tmp_path / "outputs" / "file"
    path.write_bytes(content)
    Redaction(secrets).folder(tmp_path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(json.dumps(SECRET)),
        repr(SECRET),
        json.dumps({"text": [repr(SECRET)]}),
        quote(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_the_forms_results_have_it_in(form, tmp_path):
    content = f"before {form} after".encode()
    found = masked(content, tmp_path, SECRET)
    assert len(found) == len(content)
    assert b"1234" not in found and b"MTIz" not in found
    assert found.startswith(b"before ") and found.endswith(b" after")


def test_a_line_of_a_long_secret_is_found_as_notebooks_have_it(tmp_path):
    content = json.dumps({"text": [line + "\n" for line in KEY.splitlines()]}).encode()
    assert b"MIIEpAIB" not in masked(content, tmp_path, KEY)


@pytest.mark.parametrize("before", ["", '"', "Bearer ", "\\n", "x=", "é"])
@pytest.mark.parametrize("token", [TOKEN, TOKEN.rpartition(".")[0]])
def test_a_signed_token_is_found_without_being_known(before, token):
    assert Redaction().text(f"{before}{token}, and so on") == f"{before}{'*' * len(token)}, and so on"


LIKE_TOKENS = ["eyJ", ".eyJ", "eyJhbGciOi", "a.b.c", "image.eyJpeg", "1.eyJhbGciOi", "eyJ.eyJhbGciOi"]


@pytest.mark.parametrize("text", LIKE_TOKENS)
def test_what_only_resembles_a_token_stays(text):
    assert Redaction().text(text) == text


def test_json_stays_json(tmp_path):
    content = json.dumps({"cells": [{"source": f"print({SECRET!r})"}], "token": TOKEN}).encode()
    assert json.loads(masked(content, tmp_path, SECRET))["token"] == "*" * len(TOKEN)


def test_finds_are_counted_by_file_and_what_was_accepted_is_left_alone(tmp_path):
    for name in (*KEPT, "log.txt", "executed.ipynb"):
        (tmp_path / name).write_text(f"{TOKEN} secret-value {TOKEN}")
    found = Redaction(["secret-value"])
    found.folder(tmp_path)
    assert found.found == {"log.txt": 3, "executed.ipynb": 3}
    assert all(TOKEN in (tmp_path / name).read_text() for name in KEPT)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*KEPT, "log.txt", "executed.ipynb"])


def test_a_file_without_secrets_is_not_touched(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("nothing")
    before = path.stat()
    Redaction([SECRET]).folder(tmp_path)
    assert path.stat() == before


@given(st.integers(0, 40), st.integers(0, 3_000_000), st.sampled_from([TOKEN, "secret-value"]))
def test_a_find_is_found_wherever_it_stands_in_a_large_file(count, place, find):
    content = bytearray(b"ab\n" * 1_100_000)
    step = max(1, (len(content) - place - 200) // (count + 1))
    places = [place + number * step for number in range(count + 1)] if step > 200 else [place]
    for start in places:
        content[start - 1 : start + len(find) + 1] = b"\n" + find.encode() + b"\n"
    spans = list(Redaction(["secret-value"])._found(io.BytesIO(bytes(content))))
    assert [bytes(content[start:end]).decode() for start, end in spans] == [find] * len(places)


SLOW = [b"eyJ" * 1_000_000, b".eyJ" * 700_000, b"eyJaaaaaa.eyJ" * 200_000, b"-" * 3_000_000 + b".eyJaaaaaa"]


@pytest.mark.parametrize("content", SLOW, ids=range(4))
def test_a_file_made_to_be_slow_is_read_in_time_that_grows_with_its_length(content, tmp_path):
    """Going back and forth in such a file would take hours; the time limit of tests says so."""
    assert len(masked(content, tmp_path)) == len(content)


def test_where_a_file_cannot_be_replaced_it_is_removed(tmp_path, monkeypatch):
    (tmp_path / "log.txt").write_text(TOKEN)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(redaction.shutil, "copyfile", full)
    with pytest.raises(StoreUnavailable, match="is full"):
        Redaction().folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
