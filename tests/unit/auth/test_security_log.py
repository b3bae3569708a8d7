"""Lines of the security log."""

import json

import pytest

from nbprocessor.auth import securitylog
from nbprocessor.auth.identity import Identity
from nbprocessor.auth.securitylog import SecurityLog
from nbprocessor.errors import StoreUnavailable

WHO = Identity("https://keycloak/realms/r", "1", "cora", token_id="t")


@pytest.fixture
def log(tmp_path):
    made = SecurityLog(tmp_path / "security.log")
    yield made
    made.close()


def lines(tmp_path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "security.log").read_text().splitlines()]


@pytest.mark.parametrize(
    "forged", ["a\nb", "a\r\nb", "a\x85b", "a\u2028b", "a\x1b[2Jb", '"}\n{"event":"sign-in"', "\ud800"]
)
def test_whatever_a_value_holds_it_stays_in_its_line(log, tmp_path, forged):
    log.write("denial", None, path=forged)
    (line,) = lines(tmp_path)
    assert line["path"] == forged
    assert (tmp_path / "security.log").read_bytes().isascii()


def test_a_long_value_is_cut(log, tmp_path):
    log.write("denial", None, path="x" * 100_000)
    assert len((tmp_path / "security.log").read_text()) < 1000


def test_a_token_is_seen_for_the_first_time_once(log, tmp_path, monkeypatch):
    monkeypatch.setattr(securitylog, "REMEMBERED", 3)
    for number in (1, 1, 2, 3, 4, 4):
        log.signed_in(Identity(WHO.issuer, "1", "cora", token_id=str(number)), "127.0.0.1")
    assert len(lines(tmp_path)) == 4


def test_a_file_that_was_moved_away_is_made_anew(log, tmp_path):
    log.write("denial", WHO)
    (tmp_path / "security.log").rename(tmp_path / "old.log")
    log.write("execution", WHO)
    assert [line["event"] for line in lines(tmp_path)] == ["execution"]
    assert (tmp_path / "security.log").stat().st_mode & 0o077 == 0


def test_it_goes_to_standard_error_where_no_file_is_named(capsys):
    SecurityLog(None).write("sign-in", WHO)
    assert json.loads(capsys.readouterr().err)["user"] == "cora"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"auth\.security_log"):
        SecurityLog(tmp_path / "absent" / "security.log")
