"""Schedules from outside: the members older clients know, every method, wrong requests, and a fire that runs."""

from collections.abc import Iterator

import pytest
import requests

from tests.servers.nbprocessor import Server

MONTHLY = {"cron": "0 3 1 * *", "timezone": "Europe/Berlin"}
WORD = {"stringInput": "x"}
KNOWN = {
    "type", "processID", "scheduleID", "jobIDs", "status", "scheduleCreated", "scheduleUpdated", "scheduleActive",
    "scheduleCron",
}  # fmt: skip
"""Members of KomMonitor's schedules."""


def schedule(server: Server, process: str = "echo", **body) -> requests.Response:
    return server.post(f"/processes/{process}/schedule", json=body)


@pytest.fixture
def made(server: Server) -> Iterator[dict]:
    answer = schedule(server, inputs={"stringInput": "{{ last_month_end }}"}, schedule=MONTHLY)
    assert answer.status_code == 201, answer.text
    yield answer.json()
    server.delete(f"/schedules/{answer.json()['scheduleID']}")


def test_a_schedule_is_answered_with_its_address_and_found_there(server: Server) -> None:
    answer = schedule(server, inputs={"stringInput": "x", "execution_interval": {"cron": "0 0 1 * *"}})
    assert answer.status_code == 201
    document = answer.json()
    assert answer.headers["Location"] == f"{server.url}/schedules/{document['scheduleID']}"
    found = requests.get(answer.headers["Location"], timeout=60).json()
    for one in (document, found, found["schedules"][0]):
        assert one.keys() >= KNOWN
        assert (one["scheduleCron"], one["status"], one["type"]) == ("0 0 1 * *", "accepted", "process")
    assert found["timezone"] == "Europe/Berlin"
    assert len(found["nextRuns"]) == 5
    assert server.delete(f"/schedules/{document['scheduleID']}").json()["status"] == "DISMISSED"


def test_a_process_of_kommonitor_is_scheduled_by_its_interval(server: Server) -> None:
    inputs = {
        "target_indicator_id": "a", "target_spatial_units": ["b"], "computation_ids": ["c"],
        "target_time": {"mode": "MISSING"}, "execution_interval": {"cron": "0 0 1 * *"},
    }  # fmt: skip
    answer = schedule(server, "km_indicator_sum", inputs=inputs)
    assert answer.status_code == 201, answer.text
    assert answer.json()["request"]["inputs"]["execution_interval"] == {"cron": "0 0 1 * *"}
    server.delete(f"/schedules/{answer.json()['scheduleID']}")


def test_the_list_is_paged_filtered_and_newest_first(server: Server) -> None:
    ids = [
        schedule(server, "slow", inputs={"seconds": 1}, schedule=MONTHLY | {"name": str(n)}).json()["scheduleID"]
        for n in range(3)
    ]
    process = "slow"
    first = server.get(f"/schedules?processID={process}&limit=2").json()
    assert [one["scheduleID"] for one in first["schedules"]] == ids[:0:-1]
    links = {link["rel"]: link["href"] for link in first["links"]}
    second = requests.get(links["next"], timeout=60).json()
    assert [one["scheduleID"] for one in second["schedules"]] == ids[:1]
    assert "prev" in {link["rel"] for link in second["links"]}
    assert "next" not in {link["rel"] for link in second["links"]}
    server.post(f"/schedules/{ids[1]}/pause")
    paused = server.get(f"/schedules?processID={process}&active=false").json()["schedules"]
    assert [one["scheduleID"] for one in paused] == ids[1:2]
    assert server.get("/schedules?owner=nobody").json()["schedules"] == []
    for schedule_id in ids:
        server.delete(f"/schedules/{schedule_id}")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "active=maybe", "f=xml", "lang=fr"])
def test_wrong_parameters_of_the_list_are_refused(server: Server, query: str) -> None:
    answer = server.get(f"/schedules?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize(
    ("timing", "place", "example"),
    [
        ({"cron": "0 0 31 2 *"}, "/schedule/cron", "0 0 28 2 *"),
        ({"cron": "* * * * *"}, "/schedule/cron", "*/5 * * * *"),
        ({"cron": "* * * * * *"}, "/schedule/cron", "0 3 * * *"),
        ({"cron": "99 * * * *"}, "/schedule/cron", "0 * * * *"),
        ({"cron": "0 3 * * *", "timezone": "Europe/Berln"}, "/schedule/timezone", "Europe/Berlin"),
    ],
)
def test_wrong_timings_are_refused_with_the_field_and_what_is_right(
    server: Server, timing: dict, place: str, example: str
) -> None:
    answer = schedule(server, inputs=WORD, schedule=timing)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == place
    assert example in error["mend"]


def test_an_unknown_relative_value_is_refused_with_the_one_that_is_meant(server: Server) -> None:
    answer = schedule(server, inputs={"stringInput": "{{ last_month_ende }}"}, schedule=MONTHLY)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (400, "/inputs/stringInput")
    assert "last_month_end" in error["mend"]


def test_what_is_not_there_is_said(server: Server) -> None:
    assert schedule(server, "no-such-process", schedule=MONTHLY).json()["title"] == "NoSuchProcess"
    nowhere = "/schedules/00000000-0000-4000-8000-000000000000"
    for answer in (
        server.get(nowhere),
        server.get("/schedules/x"),
        server.get(f"{nowhere}/jobs"),
        server.delete(nowhere),
        server.post(f"{nowhere}/run"),
        server.post(f"{nowhere}/pause"),
        requests.put(f"{server.url}{nowhere}", json={"schedule": MONTHLY}, timeout=60),
    ):
        assert (answer.status_code, answer.json()["title"]) == (404, "NoSuchSchedule")
    assert server.post("/schedules").status_code == 405


def test_a_schedule_is_changed_in_part_and_whole(server: Server, made: dict) -> None:
    url = f"{server.url}/schedules/{made['scheduleID']}"
    merge = {"Content-Type": "application/merge-patch+json"}
    changed = requests.patch(url, data='{"schedule": {"cron": "0 4 1 * *"}}', headers=merge, timeout=60)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["scheduleCron"], changed.json()["request"]) == ("0 4 1 * *", made["request"])
    whole = {"inputs": WORD, "schedule": MONTHLY | {"overlapPolicy": "queue"}}
    replaced = requests.put(url, json=whole, timeout=60).json()
    found = (replaced["scheduleCron"], replaced["overlapPolicy"], replaced["request"])
    assert found == ("0 3 1 * *", "queue", {"inputs": WORD})
    refused = requests.patch(url, json={"schedule": {"cron": "x"}}, timeout=60)
    assert refused.status_code == 400
    assert requests.put(url, data="x", timeout=60).status_code == 415


def test_a_schedule_is_paused_and_resumed(server: Server, made: dict) -> None:
    paused = server.post(f"/schedules/{made['scheduleID']}/pause").json()
    assert (paused["scheduleActive"], paused["nextRuns"]) == (False, [])
    resumed = server.post(f"/schedules/{made['scheduleID']}/resume").json()
    assert (resumed["scheduleActive"], resumed["nextRuns"]) == (True, made["nextRuns"])


@pytest.mark.kernel
def test_a_run_by_hand_leaves_a_job_with_concrete_values_that_names_its_schedule(server: Server, made: dict) -> None:
    schedule_id = made["scheduleID"]
    answer = server.post(f"/schedules/{schedule_id}/run")
    assert answer.status_code == 201
    job = server.ended(answer.json()["jobID"])
    assert answer.headers["Location"] == f"{server.url}/jobs/{job['jobID']}"
    assert job["status"] == "successful", job
    value = server.get(f"/jobs/{job['jobID']}/inputs").json()["inputs"]["stringInput"]
    assert "{{" not in value and len(value) == len("2026-01-31")
    manifest = server.get(f"/jobs/{job['jobID']}/manifest").json()["job"]
    assert (manifest["trigger"], manifest["schedule"]["id"]) == ("schedule", schedule_id)
    assert f"{server.url}/schedules/{schedule_id}" in {link["href"] for link in job["links"]}
    assert [one["jobID"] for one in server.get(f"/schedules/{schedule_id}/jobs").json()["jobs"]] == [job["jobID"]]
    assert server.get(f"/schedules/{schedule_id}").json()["jobIDs"] == [job["jobID"]]


@pytest.mark.parametrize("path", ["", "/jobs"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_each_resource_has_its_page(server: Server, made: dict, path: str, language: str) -> None:
    for address in (f"/schedules/{made['scheduleID']}{path}", "/schedules"):
        page = server.get(f"{address}?f=html&lang={language}")
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert f'<html lang="{language}">' in page.text


def test_the_health_of_the_server_tells_of_schedules(server: Server, made: dict) -> None:
    schedules = server.get("/health").json()["schedules"]
    assert schedules["active"] >= 1
    assert isinstance(schedules["firesHere"], bool)


def test_who_is_told_of_a_schedule_is_kept_shown_and_changed(server: Server) -> None:
    notify = [{"webhook": "https://example.org/hook", "on": ["failure"]}]
    made = schedule(server, inputs=WORD, schedule=MONTHLY | {"notify": notify}).json()
    address = f"/schedules/{made['scheduleID']}"
    assert server.get(address).json()["notify"] == notify
    page = server.get(f"{address}?f=html&lang=en").text
    assert "https://example.org/hook" in page
    assert "when runs fail" in page
    changed = requests.patch(server.url + address, json={"schedule": {"notify": None}}, timeout=60).json()
    assert "notify" not in changed
    assert "example.org" not in server.get(f"{address}?f=html").text
    server.delete(address)


@pytest.mark.parametrize(
    ("recipient", "member"),
    [({"email": "a@example.org"}, "email"), ({"webhook": "ftp://example.org/"}, "webhook")],
)
def test_a_recipient_that_cannot_be_told_is_refused_with_the_field(
    server: Server, recipient: dict, member: str
) -> None:
    answer = schedule(server, inputs=WORD, schedule=MONTHLY | {"notify": [recipient]})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (400, f"/schedule/notify/0/{member}")
