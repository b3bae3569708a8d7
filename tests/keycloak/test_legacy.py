"""Impersonation, on a Keycloak with the legacy token exchange that older platforms have set up."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from keycloak import KeycloakAdmin

from nbprocessor.auth.doctor import examine
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.auth.securitylog import SecurityLog
from nbprocessor.auth.ways import Impersonation, claims
from nbprocessor.config import Auth
from tests.servers import keycloak as server
from tests.servers.keycloak import Keycloak

PAGES = "http://127.0.0.1:8099"


@pytest.fixture(scope="module")
def legacy(tmp_path_factory) -> Iterator[Keycloak]:
    home = server.install_legacy()
    started = server.start(home, tmp_path_factory.mktemp("legacy"))
    yield started
    server.stop(started)


@pytest.fixture(scope="module")
def auth(legacy: Keycloak) -> Auth:
    return Auth(
        keycloak=legacy.url,
        realm=legacy.realm,
        client_secret=legacy.secret,
        development=True,
        tokens=("impersonation",),
    )


def permit(admin: KeycloakAdmin) -> None:
    """Let the processor's client impersonate users and exchange for Data Management, as older platforms do."""
    realm, connection = f"/admin/realms/{admin.connection.realm_name}", admin.connection
    managed = f"{realm}/clients/{admin.get_client_id('realm-management')}/authz/resource-server"
    target = f"{realm}/clients/{admin.get_client_id('kommonitor-data-management')}/management/permissions"
    policy = {"name": "processor", "type": "client", "clients": [admin.get_client_id("kommonitor-processor")]}
    on = json.dumps({"enabled": True})
    users = connection.raw_put(f"{realm}/users-management-permissions", data=on).json()["scopePermissions"]
    exchange = connection.raw_put(target, data=on).json()["scopePermissions"]
    made = connection.raw_post(f"{managed}/policy/client", data=json.dumps(policy)).json()["id"]
    for permission in (users["impersonate"], exchange["token-exchange"]):
        place = f"{managed}/permission/scope/{permission}"
        described = connection.raw_get(place).json() | {"policies": [made]}
        connection.raw_put(place, data=json.dumps(described)).raise_for_status()


def test_the_doctor_follows_the_set_up_of_impersonation_step_by_step(legacy, auth):
    admin, realm = legacy.admin(), Realm(auth)
    (problem,) = examine(auth, realm, PAGES)
    assert "impersonate nobody" in problem
    permit(admin)
    (problem,) = examine(auth, realm, PAGES)
    assert "carry no groups" in problem
    mappers = admin.get_mappers_from_client(admin.get_client_id("kommonitor-processor"))
    (groups,) = [mapper for mapper in mappers if mapper["name"] == "groups"]
    del groups["id"]
    admin.add_mapper_to_client(admin.get_client_id("kommonitor-data-management"), groups)
    assert examine(auth, realm, PAGES) == []


def test_people_are_impersonated_and_administrators_are_not_and_each_is_a_line_of_the_log(legacy, auth, tmp_path: Path):
    admin, log = legacy.admin(), tmp_path / "security.log"
    edda, anna = admin.get_user_id("edda"), admin.get_user_id("anna")
    with closing(SecurityLog(log)) as security_log:
        way = Impersonation(auth, Realm(auth), security_log, time.time)
        said = claims(way.of(edda, "job 1"))
        assert (said["sub"], "kommonitor-data-management" in said["aud"]) == (edda, True)
        with pytest.raises(Refused, match="administrator"):
            way.of(anna, "job 2")
        with pytest.raises(Refused):
            way.of("00000000-0000-4000-8000-000000000000", "job 3")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["impersonation"] * 3
    assert [line.get("user") for line in lines] == ["edda", "anna", None]
    assert "eyJ" not in log.read_text()
