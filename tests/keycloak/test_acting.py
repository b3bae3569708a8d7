"""Runs act in their owner's name: with his token exchanged and renewed, which no notebook and no file ever holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from nbprocessor.auth.realm import Realm
from nbprocessor.auth.ways import Exchange
from nbprocessor.config import Auth
from tests.keycloak.acting import LIFESPAN, make_realm, write_asking
from tests.keycloak.conftest import Guarded, guarded
from tests.servers.keycloak import Keycloak


@dataclass
class Held:
    """A database's only grant, whichever job it is asked for."""

    content: str

    def get(self, _: UUID) -> str:
        return self.content


@dataclass
class Asked:
    """A job as a grant knows it."""

    id: UUID


@pytest.fixture(scope="module")
def realm(keycloak: Keycloak) -> Keycloak:
    return make_realm(keycloak, "acting")


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


def test_a_run_that_asks_late_still_acts_for_its_owner(house, data):
    done = house.person("edda").execute("ask", {"wait": 2 * int(LIFESPAN)})
    assert done.status_code == 204, done.text
    assert [claims["preferred_username"] for claims in data.claims()] == ["edda"]


def test_what_lets_a_job_act_cannot_be_read_from_the_database_nor_used_for_another(house):
    person = house.person("cora")
    asked = person.execute("ask", {"wait": 60}, Prefer="respond-async")
    job_id = asked.headers["Location"].rpartition("/")[2]
    with closing(sqlite3.connect(house.folder / "results" / "nbprocessor.db")) as database:
        ((content,),) = database.execute("SELECT content FROM grants").fetchall()
    assert person.token.split(".")[1] not in content
    auth = Auth(keycloak="http://127.0.0.1:1", realm="acting", client_secret="processor-secret", development=True)
    held = Held(content)
    exchange = Exchange(auth, Realm(auth), held, lambda: 0.0)
    assert exchange.leads(Asked(UUID(job_id)))
    assert not exchange.leads(Asked(uuid4()))
    assert person.ask("DELETE", f"/jobs/{job_id}").status_code == 200


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
