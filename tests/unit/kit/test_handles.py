"""Secrets inside a run."""

import pytest

from nbprocessor import kit
from nbprocessor.errors import DataError


def test_a_secret_is_read_from_the_file_the_run_was_given(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("value\n")
    monkeypatch.setenv("NBPROCESSOR_SECRET_A_B_FILE", str(tmp_path / "file"))
    assert kit.secret("A_B") == "value"


def test_a_secret_that_is_not_there_is_told_with_the_mend():
    with pytest.raises(DataError, match=r"list it under secrets: in the front matter.*NBPROCESSOR_SECRET_A_FILE"):
        kit.secret("A")


def test_a_file_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_SECRET_A_FILE", str(tmp_path / "none"))
    with pytest.raises(DataError, match='The secret "A" cannot be read: No such file'):
        kit.secret("A")
