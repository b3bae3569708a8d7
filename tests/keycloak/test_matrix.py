"""Who may do what, over HTTP, with real tokens: every line of the matrix for seven people."""

import pytest

from tests.keycloak.conftest import PEOPLE, Guarded

NOBODY = ""
EVERYBODY = (NOBODY, *PEOPLE)
LOOKERS = ("vera", "edda", "cora", "paul", "anna")
RUNNERS = ("edda", "cora", "paul", "anna")
CORA = f"{'1' * 8}-1111-4111-8111-{'1' * 12}"
"""Her subject in the realm."""
OWN, PLAN = "{own}", "{plan}"
"""In a path: a job and a schedule of the person, or of cora, who has the most usual role, for whoever has none."""
MATRIX: dict[tuple[str, str], tuple[str, ...]] = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/conformance"): EVERYBODY,
    ("GET", "/openapi"): EVERYBODY,
    ("GET", "/health"): EVERYBODY,
    ("GET", "/processes"): LOOKERS,
    ("GET", "/processes/echo_text"): LOOKERS,
    ("GET", "/processes/echo_text/notebook"): RUNNERS,
    ("GET", "/processes/echo_text/check"): RUNNERS,
    ("POST", "/processes/echo_text/execution"): RUNNERS,
    ("GET", "/jobs"): RUNNERS,
    ("GET", f"/jobs/{OWN}"): RUNNERS,
    ("GET", f"/jobs/{OWN}/results"): RUNNERS,
    ("GET", f"/jobs/{OWN}/results/echo"): RUNNERS,
    ("GET", f"/jobs/{OWN}/notebook"): RUNNERS,
    ("GET", f"/jobs/{OWN}/report"): RUNNERS,
    ("GET", f"/jobs/{OWN}/log"): RUNNERS,
    ("GET", f"/jobs/{OWN}/inputs"): RUNNERS,
    ("GET", f"/jobs/{OWN}/manifest"): RUNNERS,
    ("GET", f"/jobs/{OWN}/events"): RUNNERS,
    ("POST", f"/jobs/{OWN}/share"): RUNNERS,
    ("DELETE", f"/jobs/{OWN}"): RUNNERS,
    ("POST", "/processes/echo_text/schedule"): RUNNERS,
    ("GET", "/schedules"): RUNNERS,
    ("GET", f"/schedules/{PLAN}"): RUNNERS,
    ("GET", f"/schedules/{PLAN}/jobs"): RUNNERS,
    ("PATCH", f"/schedules/{PLAN}"): RUNNERS,
    ("POST", f"/schedules/{PLAN}/run"): RUNNERS,
    ("POST", f"/schedules/{PLAN}/pause"): RUNNERS,
    ("POST", f"/schedules/{PLAN}/resume"): RUNNERS,
}
DONE = {"DELETE": {409}, "POST": {200, 201}}
"""What those who may are answered; a job that has ended is not dismissed. Else 200."""
BODIES = {
    "/execution": {"inputs": {}},
    "/schedule": {"inputs": {}, "schedule": {"cron": "0 3 * * 0"}},
    "PATCH": {"schedule": {"cron": "0 4 * * 0"}},
}


@pytest.fixture(scope="module")
def jobs(signed: Guarded) -> dict[str, str]:
    """A job of each who may have one."""
    return {name: signed.person(name).job() for name in RUNNERS}


@pytest.fixture(scope="module")
def plans(signed: Guarded) -> dict[str, str]:
    """A schedule of each."""
    made = {}
    for name in RUNNERS:
        answer = signed.person(name).ask("POST", "/processes/echo_text/schedule", json=BODIES["/schedule"])
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()["scheduleID"]
    return made


@pytest.mark.parametrize("name", EVERYBODY, ids=lambda name: name or "nobody")
@pytest.mark.parametrize(("method", "path"), MATRIX, ids=lambda part: part)
def test_the_matrix_is_kept(signed: Guarded, jobs, plans, method, path, name):
    whose = name if name in RUNNERS else "cora"
    body = next((body for end, body in BODIES.items() if path.endswith(end) or method == end), None)
    address = path.format(own=jobs[whose], plan=plans[whose])
    answer = signed.person(name).ask(method, address, **({"json": body} if body else {}))
    allowed = name in MATRIX[(method, path)]
    expected = DONE.get(method, {200}) if allowed else {403 if name else 401}
    assert answer.status_code in expected, answer.text
    if not allowed:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


OF_OTHERS = [path for method, path in MATRIX if OWN in path and method == "GET"]


@pytest.mark.parametrize("path", OF_OTHERS)
def test_a_job_of_another_is_not_there_and_an_administrator_sees_it(signed: Guarded, jobs, path):
    theirs = path.format(own=jobs["cora"])
    absent = path.format(own="00000000-0000-4000-8000-000000000000")
    other = signed.person("carl")
    assert other.get(theirs).status_code == other.get(absent).status_code == 404
    same = other.get(absent).json()["detail"].replace("00000000-0000-4000-8000-000000000000", jobs["cora"])
    assert other.get(theirs).json()["detail"] == same
    assert signed.person("anna").get(theirs).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/jobs/{own}"), ("POST", "/jobs/{own}/share")])
def test_a_job_of_another_cannot_be_changed(signed: Guarded, jobs, method, path):
    assert signed.person("carl").ask(method, path.format(own=jobs["cora"])).status_code == 404


@pytest.mark.parametrize(("method", "path"), [key for key in MATRIX if PLAN in key[1]], ids=lambda part: part)
def test_a_schedule_of_another_is_not_there(signed: Guarded, plans, method, path):
    body = {"json": BODIES["PATCH"]} if method == "PATCH" else {}
    assert signed.person("carl").ask(method, path.format(plan=plans["cora"]), **body).status_code == 404
    if method == "GET":
        assert signed.person("anna").ask(method, path.format(plan=plans["cora"])).status_code == 200


def test_a_list_of_schedules_has_ones_own_and_an_administrator_asks_for_more(signed: Guarded, plans):
    def seen(name: str, query: str = "") -> set[str]:
        answer = signed.person(name).get(f"/schedules?limit=1000{query}")
        return {schedule["scheduleID"] for schedule in answer.json()["schedules"]}

    assert plans["cora"] in seen("cora")
    assert plans["cora"] not in seen("paul") | seen("anna")
    assert set(plans.values()) <= seen("anna", "&owner=*")
    coras = seen("anna", f"&owner={CORA}")
    assert plans["cora"] in coras
    assert plans["paul"] not in coras


@pytest.mark.parametrize("owner", ["*", CORA], ids=["everybody", "somebody"])
def test_schedules_of_others_are_not_for_those_who_are_no_administrators(signed: Guarded, plans, owner):
    answer = signed.person("carl").get(f"/schedules?owner={owner}")
    assert answer.status_code == 403
    assert "administrators" in answer.json()["detail"]
    assert plans["cora"] not in answer.text


def test_a_schedule_runs_in_the_name_of_who_made_it_whoever_starts_it(signed: Guarded, plans):
    job = signed.person("anna").ask("POST", f"/schedules/{plans['cora']}/run").json()["jobID"]
    assert signed.person("cora").get(f"/jobs/{job}").status_code == 200
    assert signed.person("carl").get(f"/jobs/{job}").status_code == 404


def listed(answer) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {job["jobID"] for job in answer.json()["jobs"]}


def test_a_list_has_ones_own_jobs_only_an_administrators_too(signed: Guarded, jobs):
    assert jobs["cora"] in listed(signed.person("cora").get("/jobs?limit=1000"))
    assert jobs["cora"] not in listed(signed.person("carl").get("/jobs?limit=1000&processID=echo_text"))
    assert jobs["cora"] not in listed(signed.person("anna").get("/jobs?limit=1000"))


def test_an_administrator_asks_for_everybodys_jobs_or_somebodys(signed: Guarded, jobs):
    anna = signed.person("anna")
    assert set(jobs.values()) <= listed(anna.get("/jobs?owner=*&limit=1000"))
    coras = listed(anna.get(f"/jobs?owner={CORA}&limit=1000"))
    assert jobs["cora"] in coras
    assert jobs["paul"] not in coras


def test_jobs_of_others_are_not_for_those_who_are_no_administrators(signed: Guarded):
    answer = signed.person("paul").get("/jobs?owner=*")
    assert answer.status_code == 403
    assert "administrators" in answer.json()["detail"]


def test_an_administrator_dismisses_what_another_runs(signed: Guarded):
    job = signed.person("cora").execute("echo_text", Prefer="respond-async").json()["jobID"]
    assert signed.person("anna").ask("DELETE", f"/jobs/{job}").status_code in {200, 202, 409}


def test_a_program_that_signs_in_is_treated_as_its_roles_say_and_told_apart(signed: Guarded):
    service = signed.bearer(signed.keycloak.service_token())
    assert service.get("/processes").status_code == 403
    seen = [line for line in signed.lines() if line.get("service")]
    assert {line["event"] for line in seen} >= {"sign-in", "denial"}


def test_a_page_says_that_one_has_to_sign_in_where_that_is_not_possible(signed: Guarded):
    frame = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Dest": "iframe"}
    page = signed.person(NOBODY).get("/jobs", headers=frame)
    assert page.status_code == 401
    assert "Please sign in" in page.text
