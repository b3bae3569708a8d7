"""Runs act in their owner's name: with his token exchanged and renewed, which no notebook and no file ever holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.keycloak.acting import Recorder, make_realm, recording, write_asking
from tests.keycloak.conftest import Guarded, guarded
from tests.servers.keycloak import Keycloak


@pytest.fixture(scope="module")
def realm(keycloak: Keycloak) -> Keycloak:
    return make_realm(keycloak, "acting")


@pytest.fixture(scope="module")
def data() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def house(realm, data, tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("acting")
    write_asking(folder / "notebooks")
    yield from guarded(folder, realm, source=data.url)


@pytest.fixture(autouse=True)
def _forgotten(data) -> None:
    data.seen.clear()


def test_data_management_is_asked_in_the_name_of_who_executed(house, realm, data):
    for name in ("cora", "edda"):
        done = house.person(name).execute("ask")
        assert done.status_code == 204, done.text
    found = data.claims()
    assert [claims["preferred_username"] for claims in found] == ["cora", "edda"]
    assert all(claims["aud"] == "kommonitor-data-management" for claims in found)
    assert all(claims["iss"] == realm.issuer for claims in found)


def test_a_token_that_ends_in_the_middle_of_a_run_is_renewed(house, data):
    done = house.person("cora").execute("ask", {"times": 3})
    assert done.status_code == 204, done.text
    assert len(set(data.seen)) == 3
    assert {claims["preferred_username"] for claims in data.claims()} == {"cora"}


def test_no_token_is_in_any_file_or_row_when_its_job_has_ended(house, data):
    person = house.person("cora")
    job_id = person.execute("ask").headers["Location"].rpartition("/")[2]
    results = house.folder / "results"
    tokens = [person.token, *(said.removeprefix("Bearer ") for said in data.seen)]
    kept = b"".join(path.read_bytes() for path in (*results.rglob("*"), house.log) if path.is_file())
    assert job_id.encode() in kept
    assert not [token for token in tokens if token.encode() in kept]
    with closing(sqlite3.connect(results / "nbprocessor.db")) as database:
        assert database.execute("SELECT count(*) FROM grants").fetchone() == (0,)


def test_a_run_whose_owner_signed_out_is_told_so(house, realm, data):
    tokens = realm.tokens("carl")
    person = house.bearer(tokens["access_token"])
    realm.sign_out(tokens["refresh_token"])
    done = person.execute("ask")
    assert done.status_code == 422
    assert "sign-in of the job's owner has ended" in done.text
    assert data.seen == []
