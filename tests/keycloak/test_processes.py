"""Which processes are there for whom, as their front matter says."""

from collections.abc import Iterator

import pytest

from tests.keycloak.conftest import Guarded, guarded

VISIBLE = {
    "vera": {"echo_text", "open_to_all"},
    "edda": {"echo_text", "open_to_all", "of_a_user"},
    "carl": {"echo_text", "open_to_all", "of_a_group"},
    "anna": {"echo_text", "open_to_all", "of_a_user", "of_a_group", "nobodys"},
}
"""carl is in a group below the one that is named; anna is an administrator."""
EVERY = VISIBLE["anna"]


@pytest.mark.parametrize("name", VISIBLE)
def test_a_list_has_what_somebody_may_see(signed: Guarded, name):
    processes = signed.person(name).get("/processes").json()["processes"]
    assert {process["id"] for process in processes} == VISIBLE[name]


@pytest.mark.parametrize("name", VISIBLE)
@pytest.mark.parametrize("process", sorted(EVERY))
def test_what_is_not_in_the_list_is_not_there_by_its_name_either(signed: Guarded, name, process):
    person = signed.person(name)
    runs = name != "vera"
    paths = [f"/processes/{process}"]
    paths += [f"/processes/{process}/notebook", f"/processes/{process}/check"] if runs else []
    expected = 200 if process in VISIBLE[name] else 404
    assert {person.get(path).status_code for path in paths} == {expected}
    if runs and expected == 404:
        assert person.execute(process).status_code == 404


@pytest.mark.parametrize("name", ["", *VISIBLE])
def test_the_description_of_the_interface_tells_of_nothing_else(signed: Guarded, name):
    paths = signed.person(name).get("/openapi").json()["paths"]
    told = {process for process in EVERY if f"/processes/{process}/execution" in paths}
    assert told == VISIBLE.get(name, set())


def test_health_tells_nobody_which_notebooks_there_are(signed: Guarded):
    health = signed.person("").get("/health")
    assert not [process for process in EVERY if process in health.text]


@pytest.fixture(scope="module")
def open_house(keycloak, tmp_path_factory) -> Iterator[Guarded]:
    """A server that shows public processes to everybody, and lets viewers run."""
    folder = tmp_path_factory.mktemp("open")
    yield from guarded(folder, keycloak, public_processes="true", viewers_execute="true")


@pytest.mark.parametrize("name", ["", "nora"])
def test_who_has_no_role_sees_what_is_public_if_the_server_says_so_and_runs_nothing(open_house: Guarded, name):
    person = open_house.person(name)
    processes = person.get("/processes").json()["processes"]
    assert {process["id"] for process in processes} == {"open_to_all"}
    assert person.get("/processes/open_to_all").status_code == 200
    assert person.get("/processes/echo_text").status_code == 404
    assert person.execute("open_to_all").status_code == (403 if name else 401)


def test_viewers_run_if_the_server_says_so(open_house: Guarded):
    vera = open_house.person("vera")
    assert vera.get(f"/jobs/{vera.job()}").json()["status"] == "successful"
    assert open_house.person("cora").get("/jobs").json()["jobs"] == []


def test_the_interface_says_how_to_sign_in_and_where_nobody_has_to(signed: Guarded, open_house: Guarded):
    document = signed.person("").get("/openapi").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["keycloak"]["openIdConnectUrl"].startswith(signed.keycloak.issuer)
    assert document["security"] == [{"keycloak": []}, {"token": []}]
    open_to_all = {
        path for path, resource in document["paths"].items() if resource.get("get", {}).get("security") == []
    }
    assert open_to_all == {"/", "/conformance", "/openapi", "/health"}
    listing = open_house.person("").get("/openapi").json()["paths"]["/processes"]["get"]
    assert {} in listing["security"]


def test_the_description_with_sign_in_is_valid(signed: Guarded):
    from openapi_spec_validator import validate

    validate(signed.person("edda").get("/openapi").json())
