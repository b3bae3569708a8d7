"""The job list and its filters, status documents, and dismissal (OGC 18-062r2, clauses 7.10, 11 and 13)."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.api.standard import conforms, links
from tests.servers.nbprocessor import Server


@pytest.fixture(scope="module")
def some(server: Server, echoed: dict, failed: dict, dismissed: dict) -> dict[str, dict]:
    """Jobs of three processes, each ended in its way."""
    return {"successful": echoed, "failed": failed, "dismissed": dismissed}


def _jobs(server: Server, **query: Any) -> list[dict]:
    answer = server.get("/jobs", params={"limit": 1000} | query)
    assert answer.status_code == 200, answer.text
    conforms(answer.json(), "jobList")
    return answer.json()["jobs"]


def _ids(jobs: list[dict]) -> list[str]:
    return [job["jobID"] for job in jobs]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ------------------------------------------------------------------------------------------- status


def test_a_status_has_times_only_where_they_are_known(server: Server, some: dict[str, dict]) -> None:
    for status, job in some.items():
        assert job["status"] == status
        conforms(job, "statusInfo")
        assert job["jobID"] == job["id"]
        times = [_instant(job[name]) for name in ("created", "started", "finished")]
        assert times == sorted(times)
        assert all(job[name].endswith("Z") for name in ("created", "started", "finished", "updated"))


def test_a_failed_job_says_in_which_cell_and_why(failed: dict) -> None:
    assert failed["message"] == "cell \"compute\": KeyError 'AGS'"


def test_every_link_of_a_job_leads_somewhere(server: Server, some: dict[str, dict]) -> None:
    for status, job in some.items():
        for link in job["links"]:
            expected = 422 if link["rel"].endswith("/exceptions") else 200
            answer = requests.get(link["href"], headers={"Accept": link["type"]}, timeout=30)
            assert answer.status_code == expected, (status, link)
        assert bool(links(job, "http://www.opengis.net/def/rel/ogc/1.0/results")) == (status == "successful")
        assert not links(job, "monitor")


def test_a_status_is_a_page_for_people(server: Server, echoed: dict) -> None:
    answer = server.get(f"/jobs/{echoed['jobID']}", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"].startswith("text/html")
    assert echoed["jobID"] in answer.text


# ------------------------------------------------------------------------------------------ the list


def test_jobs_are_listed_newest_first_and_as_their_status_shows_them(server: Server, some: dict[str, dict]) -> None:
    listed = _jobs(server)
    created = [job["created"] for job in listed]
    assert created == sorted(created, reverse=True)
    for job in some.values():
        assert server.get(f"/jobs/{job['jobID']}").json() in listed


@pytest.mark.parametrize("statuses", [["failed"], ["dismissed"], ["successful", "failed"]])
def test_jobs_are_filtered_by_status(server: Server, some: dict[str, dict], statuses: list[str]) -> None:
    for query in (",".join(statuses), statuses):
        found = _jobs(server, status=query)
        assert {job["status"] for job in found} == set(statuses)
        assert {some[status]["jobID"] for status in statuses} <= set(_ids(found))


def test_jobs_are_filtered_by_process(server: Server, some: dict[str, dict]) -> None:
    assert {job["processID"] for job in _jobs(server, processID="fails")} == {"fails"}
    assert {job["processID"] for job in _jobs(server, processID="fails,slow")} == {"fails", "slow"}
    assert _jobs(server, processID="nobody") == []


def test_every_job_here_is_of_type_process(server: Server, some: dict[str, dict]) -> None:
    assert set(_ids(_jobs(server, type="process"))) >= {job["jobID"] for job in some.values()}


def test_jobs_are_filtered_by_the_time_they_were_created_as_it_is_shown(server: Server, some: dict[str, dict]) -> None:
    job = some["failed"]
    shown = job["created"]
    later = (_instant(shown) + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")
    for inside in (shown, shown.lower(), f"{shown}/..", f"../{shown}", f"{shown}/", f"/{shown}", f"{shown}/{shown}"):
        assert job["jobID"] in _ids(_jobs(server, datetime=inside)), inside
    for outside in (later, f"{later}/..", "1999-01-01T00:00:00Z", "../1999-12-31T23:59:59+01:00"):
        assert job["jobID"] not in _ids(_jobs(server, datetime=outside)), outside
    local = _instant(shown).astimezone().isoformat(timespec="milliseconds")
    assert job["jobID"] in _ids(
        requests.get(f"{server.url}/jobs?limit=1000&datetime={local}", timeout=30).json()["jobs"]
    )


def test_jobs_are_filtered_by_how_long_they_ran(server: Server, some: dict[str, dict]) -> None:
    long = server.job("echo", {"stringInput": "x", "pause": 1})
    job_id, short = long["jobID"], some["failed"]["jobID"]
    lasted = (_instant(long["finished"]) - _instant(long["started"])).total_seconds()
    assert job_id in _ids(_jobs(server, minDuration=int(lasted)))
    assert job_id not in _ids(_jobs(server, minDuration=int(lasted) + 1))
    assert job_id in _ids(_jobs(server, maxDuration=int(lasted) + 1))
    assert job_id not in _ids(_jobs(server, maxDuration=int(lasted) - 1))
    assert job_id in _ids(_jobs(server, minDuration="1,3600", maxDuration=3600))
    assert short in _ids(_jobs(server, minDuration=0, maxDuration=3600))


def test_a_running_job_has_run_as_long_as_it_runs(server: Server) -> None:
    job_id = server.running("slow", {"seconds": 60})
    try:
        assert job_id in _ids(_jobs(server, status="running", minDuration=0))
        assert job_id not in _ids(_jobs(server, status="running", minDuration=3600))
        assert job_id in _ids(_jobs(server, status="running", maxDuration=3600))
    finally:
        server.delete(f"/jobs/{job_id}")


def test_filters_count_together(server: Server, some: dict[str, dict]) -> None:
    since = f"{some['failed']['created']}/.."
    assert some["failed"]["jobID"] in _ids(_jobs(server, status="failed", processID="fails", datetime=since))
    assert _jobs(server, status="successful", processID="fails", datetime=since) == []


@pytest.mark.parametrize(
    "query",
    [
        "status=finished",
        "status=failed,finished",
        "type=service",
        "datetime=yesterday",
        "datetime=../..",
        "datetime=/",
        "datetime=2026-01-02T00:00:00Z/2026-01-01T00:00:00Z",
        "datetime=2026-01-01T00:00:00Z/2026-01-02T00:00:00Z/2026-01-03T00:00:00Z",
        "datetime=2026-02-30T00:00:00Z",
        "datetime=9999-12-31T23:59:59-23:59",
        "minDuration=-1",
        "minDuration=1.5",
        "maxDuration=long",
        "maxDuration=99999999999999999999",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_by_its_name(server: Server, query: str) -> None:
    answer = server.get(f"/jobs?{query}")
    assert answer.status_code == 400
    conforms(answer.json(), "exception")
    assert answer.json()["errors"][0]["pointer"] == query.partition("=")[0]


def test_every_filter_that_cannot_be_read_is_named(server: Server) -> None:
    answer = server.get("/jobs?status=x&type=y&datetime=z&minDuration=a&maxDuration=b")
    named = {error["pointer"] for error in answer.json()["errors"]}
    assert named == {"status", "type", "datetime", "minDuration", "maxDuration"}


@pytest.mark.parametrize("query", ["processID=%00", "processID=%27%3B--", "processID=", "processID=%ff", "unknown=1"])
def test_odd_values_find_nothing_and_break_nothing(server: Server, query: str) -> None:
    answer = server.get(f"/jobs?{query}")
    assert answer.status_code in {200, 400}


def test_pages_of_jobs_lead_from_one_to_the_next_and_back(narrow: Server) -> None:
    made = [narrow.job("only_async")["jobID"] for _ in range(4)]
    address = f"{narrow.url}/jobs?limit=2&processID=only_async"
    seen: list[str] = []
    while address:
        answer = requests.get(address, timeout=30)
        page = answer.json()
        conforms(page, "jobList")
        seen += _ids(page["jobs"])
        [itself] = links(page, "self")
        assert requests.get(itself["href"], timeout=30).json()["jobs"] == page["jobs"]
        [other] = links(page, "alternate")
        assert requests.get(other["href"], timeout=30).headers["Content-Type"].startswith("text/html")
        assert len(links(page, "prev")) == (len(seen) > 2)
        address = next((link["href"] for link in links(page, "next")), "")
    # The last page is full, and there is none after it.
    assert seen == made[::-1]


def test_without_a_limit_a_page_is_as_long_as_the_server_says(narrow: Server) -> None:
    for _ in range(2):
        narrow.job("only_async")
    assert len(narrow.get("/jobs").json()["jobs"]) == 2
    assert len(narrow.get("/jobs?limit=500").json()["jobs"]) <= 3


# ----------------------------------------------------------------------------------------- dismissal


def test_dismissing_a_running_job_stops_its_work_within_five_seconds(server: Server) -> None:
    job_id = server.running("slow", {"seconds": 300})
    began = time.monotonic()
    answer = server.delete(f"/jobs/{job_id}")
    assert time.monotonic() - began < 5
    assert answer.status_code == 200
    conforms(answer.json(), "statusInfo")
    job = answer.json()
    assert job["status"] == "dismissed"
    assert (datetime.now(UTC) - _instant(job["finished"])).total_seconds() < 10
    assert server.get(f"/jobs/{job_id}").json() == job
    assert "the last cell ran" not in server.get(f"/jobs/{job_id}/log").text


def test_dismissing_again_changes_nothing(server: Server, dismissed: dict) -> None:
    for _ in range(2):
        answer = server.delete(f"/jobs/{dismissed['jobID']}")
        assert (answer.status_code, answer.json()) == (200, dismissed)


def test_dismissing_a_waiting_job_takes_it_out_of_the_queue(narrow: Server) -> None:
    running = narrow.running("slow", {"seconds": 60})
    waiting = narrow.execute("slow", prefer="respond-async").json()["jobID"]
    job = narrow.delete(f"/jobs/{waiting}").json()
    assert job["status"] == "dismissed"
    assert "started" not in job
    assert narrow.get(f"/jobs/{running}").json()["status"] == "running"
    assert narrow.delete(f"/jobs/{running}").json()["status"] == "dismissed"


@pytest.mark.parametrize("status", ["successful", "failed"])
def test_a_job_that_has_ended_is_a_record_and_cannot_be_dismissed(
    server: Server, some: dict[str, dict], status: str
) -> None:
    job = some[status]
    answer = server.delete(f"/jobs/{job['jobID']}")
    assert answer.status_code == 409
    conforms(answer.json(), "exception")
    assert status in answer.json()["detail"]
    assert server.get(f"/jobs/{job['jobID']}").json() == job
