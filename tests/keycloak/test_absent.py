"""Schedules run in their owners' names while these are away, as long as Keycloak says that they still may."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.keycloak.acting import make_realm, write_asking
from tests.keycloak.conftest import Guarded, guarded
from tests.servers.keycloak import Keycloak

LIST = "/jobs?limit=1000&status=accepted&status=running&status=successful&status=failed"
"""Without a status, jobs that wait are not listed (OGC 18-062r2, 11)."""
ISSUER = "https://nbprocessor.example"


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("key") / "grant.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", str(file)], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def realm(keycloak: Keycloak, key: Path) -> Keycloak:
    """A realm that takes this server's word for those it has linked to it: cora, carl, edda and anna."""
    grant = "oauth2.jwt.authorization.grant"
    made = make_realm(keycloak, "absent", **{f"{grant}.enabled": "true", f"{grant}.idp": "nbprocessor"})
    public = subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout"], check=True, capture_output=True, text=True)
    config = {
        "issuer": ISSUER,
        "jwtAuthorizationGrantEnabled": "true",
        "useJwksUrl": "false",
        "publicKeySignatureVerifier": "".join(public.stdout.splitlines()[1:-1]),
        "jwtAuthorizationGrantAssertionSignatureAlg": "RS256",
    }
    admin = made.admin()
    admin.create_idp(
        {"alias": "nbprocessor", "providerId": "jwt-authorization-grant", "enabled": True, "config": config}
    )
    for name in ("cora", "carl", "edda", "anna"):
        _link(made, name)
    return made


@pytest.fixture(scope="module")
def house(realm, key, data, tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("absent")
    write_asking(folder / "notebooks")
    ways = {"tokens": '["exchange", "jwt_grant"]', "grant_issuer": ISSUER, "grant_key_file": str(key)}
    yield from guarded(folder, realm, source=data.url, **ways)


def _link(realm: Keycloak, name: str) -> None:
    admin = realm.admin()
    user = admin.get_user_id(name)
    admin.add_user_social_login(user, "nbprocessor", user, name)


def _scheduled(house: Guarded, name: str) -> str:
    """Make a schedule that does not fire by itself, and return its path."""
    body = {"inputs": {}, "schedule": {"cron": "0 0 1 1 *"}}
    made = house.person(name).ask("POST", "/processes/ask/schedule", json=body)
    assert made.status_code == 201, made.text
    return "/schedules/" + made.headers["Location"].rpartition("/")[2]


def _run(house: Guarded, name: str, schedule: str) -> requests.Response:
    return house.person(name).ask("POST", f"{schedule}/run")


def test_the_realm_lacks_nothing(house):
    health = requests.get(f"{house.server.url}/health", timeout=10).json()
    assert health["signIn"]["tokens"] == ["exchange", "jwt_grant"]
    assert not [problem for problem in health["signIn"]["problems"] if "assertions" in problem]


def test_a_schedules_run_asks_data_management_in_its_owners_name(house, data):
    data.seen.clear()
    made = _run(house, "cora", _scheduled(house, "cora"))
    assert made.status_code == 201, made.text
    job = f"/jobs/{made.json()['jobID']}"
    deadline = time.monotonic() + 60
    while (status := house.person("cora").get(job).json()["status"]) in {"accepted", "running"}:
        assert time.monotonic() < deadline
    assert status == "successful"
    assert [claims["preferred_username"] for claims in data.claims()] == ["cora"]


def test_who_is_not_linked_is_told_so_when_he_makes_a_schedule(house):
    body = {"inputs": {}, "schedule": {"cron": "0 0 1 1 *"}}
    made = house.person("paul").ask("POST", "/processes/ask/schedule", json=body)
    assert made.status_code == 403
    assert "does not let this server act for the owner" in made.text


@pytest.mark.parametrize(("loss", "name"), [("role", "edda"), ("link", "carl"), ("disabled", "anna")])
def test_an_owner_who_lost_his_rights_loses_his_schedules_runs(house, realm, loss, name):
    schedule = _scheduled(house, name)
    person, admin = house.person(name), realm.admin()
    user, role = admin.get_user_id(name), [admin.get_realm_role("kommonitor-editor")]
    take = {
        "role": lambda: admin.delete_realm_roles_of_user(user, role),
        "link": lambda: admin.delete_user_social_login(user, "nbprocessor"),
        "disabled": lambda: admin.update_user(user, {"enabled": False}),
    }
    give = {
        "role": lambda: admin.assign_realm_roles(user, role),
        "link": lambda: _link(realm, name),
        "disabled": lambda: admin.update_user(user, {"enabled": True}),
    }
    take[loss]()
    try:
        # For some seconds it is remembered who he was.
        deadline = time.monotonic() + 30
        while (refused := person.ask("POST", f"{schedule}/run")).status_code == 201:
            assert time.monotonic() < deadline
        assert refused.status_code == 403, refused.text
    finally:
        give[loss]()


def test_the_whole_tour_shows_its_owner_everything_and_the_next_user_nothing(house):
    cora, carl = house.person("cora"), house.person("carl")  # by name and password, as the old readme has it
    before = {job["jobID"] for job in cora.get(LIST).json()["jobs"]}
    asked = cora.execute("ask")
    assert asked.status_code == 204
    schedule = _scheduled(house, "cora")
    run = _run(house, "cora", schedule).json()["jobID"]
    mine = {job["jobID"] for job in cora.get(LIST).json()["jobs"]} - before
    assert mine == {asked.headers["Location"].rpartition("/")[2], run}
    assert not mine & {job["jobID"] for job in carl.get(LIST).json()["jobs"]}
    hidden = [f"/jobs/{job_id}{part}" for job_id in mine for part in ("", "/results", "/notebook", "/manifest")]
    hidden += [schedule, f"{schedule}/jobs"]
    assert {carl.get(path).status_code for path in hidden} == {404}
    assert schedule.rpartition("/")[2] not in carl.get("/schedules?limit=1000").text
