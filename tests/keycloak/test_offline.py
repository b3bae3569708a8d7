"""Schedules run in the names of those who left a token here, on the page of schedules, until they take it back."""

import html
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests

from tests.keycloak.acting import make_realm, write_asking
from tests.keycloak.conftest import Guarded, guarded
from tests.keycloak.visitors import Visitor
from tests.servers.keycloak import Keycloak

BODY = {"inputs": {}, "schedule": {"cron": "0 0 1 1 *"}}


@pytest.fixture(scope="module")
def realm(keycloak: Keycloak) -> Keycloak:
    return make_realm(keycloak, "offline")


@pytest.fixture(scope="module")
def house(realm, data, tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("offline")
    write_asking(folder / "notebooks")
    yield from guarded(folder, realm, source=data.url, tokens='["exchange", "offline"]')


def _left(house: Guarded) -> list[str]:
    """Return what people have left in the database."""
    with closing(sqlite3.connect(house.folder / "results" / "nbprocessor.db")) as database:
        return [content for (content,) in database.execute("SELECT content FROM offline_tokens").fetchall()]


def _followed(visitor: Visitor, path: str) -> requests.Response:
    """Follow a link to Keycloak, which knows the visitor, and back."""
    answer = visitor.open(path)
    for _ in range(5):
        if answer.is_redirect:
            answer = visitor.open(answer.headers["Location"])
    return answer


def _link(visitor: Visitor) -> str:
    (found,) = re.findall(r'href="([^"]*/sign-in\?away=[^"]+)"', visitor.open("/schedules?f=html").text)
    return html.unescape(found)


def test_who_left_a_token_here_has_his_schedules_run_in_his_name_until_he_takes_it_back(house, realm, data):
    person = house.person("cora")
    refused = person.ask("POST", "/processes/ask/schedule", json=BODY)
    assert refused.status_code == 403
    assert "page of schedules" in refused.text
    visitor = Visitor(house.server)
    visitor.sign_in("cora")
    came_back = _followed(visitor, _link(visitor))
    assert came_back.status_code == 200, came_back.text
    visitor.sign_out()
    made = house.person("cora").ask("POST", "/processes/ask/schedule", json=BODY)
    assert made.status_code == 201, made.text
    schedule = made.headers["Location"].rpartition("/")[2]
    (content,) = _left(house)
    assert content.count(".") == 4 and "eyJhbGciOiJIUzUxMiI" not in content  # encrypted, no signed token
    data.seen.clear()
    job = house.person("cora").ask("POST", f"/schedules/{schedule}/run").json()["jobID"]
    deadline = time.monotonic() + 120
    while house.person("cora").get(f"/jobs/{job}").json()["status"] in {"accepted", "running"}:
        assert time.monotonic() < deadline
    assert [claims["preferred_username"] for claims in data.claims()] == ["cora"]
    admin = realm.admin()
    admin.user_logout(admin.get_user_id("cora"))
    deadline = time.monotonic() + 60
    while (ran := house.person("cora").ask("POST", f"/schedules/{schedule}/run")).status_code == 201:
        assert time.monotonic() < deadline
    assert ran.status_code == 403, ran.text
    assert _left(house) == []


def test_nobody_is_made_to_leave_a_token_by_a_link_of_somebody_else(house):
    ticket = _link(_signed_in(house, "edda"))
    carl = _signed_in(house, "carl")
    assert _followed(carl, ticket).status_code == 200  # just another sign-in
    assert _left(house) == []


def _signed_in(house: Guarded, name: str) -> Visitor:
    visitor = Visitor(house.server)
    visitor.sign_in(name)
    return visitor
