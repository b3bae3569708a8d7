"""The security log: who did what, and nothing that could be used."""

import requests

from tests.keycloak.conftest import Guarded


def test_it_says_who_signed_in_once_for_each_token(signed: Guarded):
    edda = signed.person("edda")
    before = len([line for line in signed.lines() if line["event"] == "sign-in"])
    for _ in range(3):
        edda.get("/processes")
    added = [line for line in signed.lines() if line["event"] == "sign-in"][before:]
    (line,) = added
    assert line["user"] == "edda"
    assert line["subject"].startswith("55555555")
    assert line["address"] == "127.0.0.1"


def test_it_says_what_was_run_and_dismissed_and_by_whom(signed: Guarded):
    cora = signed.person("cora")
    job = cora.job()
    cora.ask("DELETE", f"/jobs/{job}")
    run, dismissed = [line for line in signed.lines() if line.get("job") == job]
    assert (run["event"], run["process"], run["status"], run["user"]) == ("execution", "echo_text", 200, "cora")
    assert (dismissed["event"], dismissed["status"], dismissed["user"]) == ("dismissal", 409, "cora")


def test_it_says_what_was_refused_and_why(signed: Guarded):
    signed.person("vera").execute()
    line = signed.lines()[-1]
    assert (line["event"], line["user"], line["method"]) == ("denial", "vera", "POST")
    assert "roles is needed" in line["reason"]


def test_what_strangers_write_stays_in_its_line(signed: Guarded):
    before = len(signed.lines())
    forged = "%0A%7B%22event%22%3A%22sign-in%22%2C%22user%22%3A%22anna%22%7D%1b%5B2J%E2%80%AE"
    requests.get(f"{signed.server.url}/processes/{forged}", timeout=30)
    added = signed.lines()[before:]
    assert [line["event"] for line in added] == ["denial"]
    raw = signed.log.read_bytes()
    assert raw.isascii()
    assert b"\x1b" not in raw


def test_no_token_is_in_it(signed: Guarded):
    tokens = signed.keycloak.tokens("cora")
    for token in tokens.values():
        if isinstance(token, str):
            signed.bearer(token).get(f"/processes?access_token={tokens['access_token']}")
    assert "eyJ" not in signed.log.read_text()
    assert "eyJ" not in signed.server.log.read_text()


def test_others_of_the_machine_cannot_read_it(signed: Guarded):
    assert signed.log.stat().st_mode & 0o077 == 0
