"""Links to a report for people who do not sign in."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.keycloak.conftest import Guarded


@pytest.fixture(scope="module")
def job(signed: Guarded) -> str:
    return signed.person("cora").job()


@pytest.fixture(scope="module")
def link(signed: Guarded, job) -> str:
    made = signed.person("cora").ask("POST", f"/jobs/{job}/share?days=2")
    assert made.status_code == 201, made.text
    return made.json()["href"]


def signature(link: str) -> str:
    return parse_qs(urlsplit(link).query)["share"][0]


def test_whoever_has_the_link_reads_the_report(link):
    report = requests.get(link, timeout=60)
    assert report.status_code == 200
    assert report.headers["Content-Type"].startswith("text/html")
    assert "sandbox" in report.headers["Content-Security-Policy"]


@pytest.mark.parametrize("part", ["", "/results", "/notebook", "/log", "/inputs", "/manifest", "/events"])
def test_the_link_shows_nothing_else(signed: Guarded, job, link, part):
    answer = requests.get(f"{signed.server.url}/jobs/{job}{part}?share={signature(link)}", timeout=60)
    assert answer.status_code == 401


def test_the_link_changes_nothing(signed: Guarded, job, link):
    for method in ("POST", "PUT", "DELETE"):
        assert requests.request(method, link, timeout=60).status_code in {401, 405}
    dismissal = requests.delete(f"{signed.server.url}/jobs/{job}?share={signature(link)}", timeout=60)
    assert dismissal.status_code == 401


def test_the_link_is_for_one_job(signed: Guarded, link):
    other = signed.person("cora").job()
    answer = requests.get(f"{signed.server.url}/jobs/{other}/report?share={signature(link)}", timeout=60)
    assert answer.status_code == 401


def test_a_link_that_was_changed_is_refused(signed: Guarded, job, link):
    for forged in (signature(link)[:-4] + "AAAA", "", "a.b.c", signed.keycloak.token("cora")):
        answer = requests.get(f"{signed.server.url}/jobs/{job}/report", params={"share": forged}, timeout=60)
        assert answer.status_code == 401


def test_a_link_is_no_token(signed: Guarded, link):
    assert signed.bearer(signature(link)).get("/jobs").status_code == 401


def test_a_link_is_made_for_ones_own_jobs_and_for_so_many_days(signed: Guarded, job):
    assert signed.person("carl").ask("POST", f"/jobs/{job}/share").status_code == 404
    cora = signed.person("cora")
    for days in ("0", "31", "many"):
        refused = cora.ask("POST", f"/jobs/{job}/share?days={days}")
        assert refused.status_code == 400
        assert "days" in refused.json()["detail"]


def test_the_security_log_has_the_link_being_made_and_not_the_link(signed: Guarded, job, link):
    shared = [line for line in signed.lines() if line["event"] == "share" and line["status"] == 201]
    assert (shared[0]["user"], shared[0]["job"]) == ("cora", job)
    assert signature(link) not in signed.log.read_text()
