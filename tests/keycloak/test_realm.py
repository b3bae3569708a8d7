"""The page "Set up your realm", followed word for word; and what the doctor says of a realm that is not set up."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keycloak import KeycloakAdmin

from nbprocessor.auth.doctor import examine
from nbprocessor.auth.realm import Realm
from nbprocessor.config import Auth
from tests.keycloak.notebooks import write_notebooks
from tests.keycloak.visitors import Visitor
from tests.servers.keycloak import ADMIN, REALM_FILE, Keycloak, free_port, home_folder
from tests.servers.nbprocessor import start

SECRET = "a-secret-of-its-own"
PAGES = "http://127.0.0.1:8099"
"""Where the pages of a server would be."""
PAGE = REALM_FILE.parent / "README.md"
USER = {
    "username": "vera",
    "enabled": True,
    "email": "vera@fresh.invalid",
    "firstName": "Vera",
    "lastName": "Neu",
    "credentials": [{"type": "password", "value": "vera", "temporary": False}],
}


ABSENT = {
    "NBPROCESSOR_AUTH__TOKENS": '["exchange", "jwt_grant"]',
    "NBPROCESSOR_AUTH__GRANT_ISSUER": "https://nbprocessor.example",
    "NBPROCESSOR_AUTH__GRANT_KEY_FILE": "grant.pem",
}
"""What the page says of runs of schedules."""


def commands() -> str:
    """Return all the page tells an administrator to type, as one script."""
    return "\n".join(["set -eu", *re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)])


def kcadm(script: str, keycloak: Keycloak, realm: str, address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{home_folder() / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "KC_CLI_PASSWORD": ADMIN,
        "KEYCLOAK": keycloak.url,
        "REALM": realm,
        "SERVER": address,
        "KC_OPTS": "-XX:TieredStopAtLevel=1",
    }
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def settings_of_the_page(folder: Path, keycloak: Keycloak, realm: str) -> Path:
    """Return the page's settings, with this Keycloak and this realm in place of the example's."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    file = folder / "settings.yml"
    file.write_text(
        block.replace("https://keycloak.example", keycloak.url).replace("realm: kommonitor", f"realm: {realm}")
    )
    return file


def test_an_empty_realm_is_set_up_as_the_page_says(keycloak: Keycloak, tmp_path):
    realm = "fresh"
    keycloak.admin("master").create_realm({"realm": realm, "enabled": True})
    admin = keycloak.admin(realm)
    # What the platform has before there is this server.
    admin.create_client({"clientId": "kommonitor-web-client", "publicClient": True, "directAccessGrantsEnabled": True})
    port = free_port()
    done = kcadm(commands(), keycloak, realm, f"http://127.0.0.1:{port}", tmp_path)
    assert done.returncode == 0, done.stderr
    file = settings_of_the_page(tmp_path, keycloak, realm)
    doctor = subprocess.run(
        [sys.executable, "-m", "nbprocessor", "--config", str(file), "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"NBPROCESSOR_SERVER__PORT": str(port)} | ABSENT,
        timeout=60,
        check=False,
    )
    assert doctor.stdout.startswith("Signing in is set up"), doctor.stdout + doctor.stderr
    user = admin.create_user(USER)
    admin.assign_realm_roles(user, [admin.get_realm_role("kommonitor-viewer")])
    token = keycloak.token("vera", client="kommonitor-web-client", realm=realm)
    write_notebooks(tmp_path / "notebooks")
    with start(
        tmp_path / "notebooks",
        tmp_path / "results",
        env={"NBPROCESSOR_AUTH__SECURITY_LOG": str(tmp_path / "log")},
        command=["nbprocessor", "--config", str(file), "serve", "--port", str(port)],
    ) as server:
        answer = server.get("/processes", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        assert server.get("/processes").status_code == 401
        assert server.get("/health").json()["signIn"]["problems"] == []
        visitor = Visitor(server)
        visitor.sign_in("vera")
        assert visitor.open("/processes").status_code == 200
        visitor.sign_out()


@pytest.fixture(scope="module")
def realm(keycloak: Keycloak) -> KeycloakAdmin:
    """A realm of these tests' own."""
    name = "spoiled"
    keycloak.admin("master").create_realm({"realm": name, "enabled": True})
    admin = keycloak.admin(name)
    admin.create_client({"clientId": "kommonitor-data-management"})
    admin.create_group({"name": "nbprocessor"})
    return admin


@pytest.fixture
def copy(keycloak: Keycloak, realm: KeycloakAdmin) -> Iterator[KeycloakAdmin]:
    """The realm with a client that is set up as that of the project's own realm, to be spoiled."""
    original = keycloak.admin()
    client = original.get_client(original.get_client_id("kommonitor-processor"))
    known = {"clientId", "publicClient", "serviceAccountsEnabled", "attributes", "standardFlowEnabled", "redirectUris"}
    described = {key: value for key, value in client.items() if key in known}
    mappers = [{key: mapper[key] for key in mapper if key != "id"} for mapper in client["protocolMappers"]]
    own = realm.create_client(described | {"secret": SECRET, "protocolMappers": mappers})
    account = realm.get_client_service_account_user(own)["id"]
    realm.group_user_add(account, realm.get_group_by_path("/nbprocessor")["id"])
    yield realm
    realm.delete_client(own)


def told(server: Keycloak, admin: KeycloakAdmin, **settings) -> list[str]:
    name = admin.connection.realm_name
    auth = Auth(**{"keycloak": server.url, "realm": name, "client_secret": SECRET, **settings})
    return examine(auth, Realm(auth), PAGES)


def without_mapper(name: str) -> Callable[[KeycloakAdmin, str], None]:
    def spoil(admin: KeycloakAdmin, client: str) -> None:
        mappers = {mapper["name"]: mapper["id"] for mapper in admin.get_mappers_from_client(client)}
        admin.remove_client_mapper(client, mappers[name])

    return spoil


def without_exchange(admin: KeycloakAdmin, client: str) -> None:
    admin.update_client(client, {"attributes": {"standard.token.exchange.enabled": "false"}})


def without_service_account(admin: KeycloakAdmin, client: str) -> None:
    admin.update_client(client, {"serviceAccountsEnabled": False})


def without_redirect(admin: KeycloakAdmin, client: str) -> None:
    admin.update_client(client, {"redirectUris": ["https://elsewhere.example/*"]})


def without_standard_flow(admin: KeycloakAdmin, client: str) -> None:
    admin.update_client(client, {"standardFlowEnabled": False})


def without_challenge(admin: KeycloakAdmin, client: str) -> None:
    admin.update_client(client, {"attributes": {"pkce.code.challenge.method": ""}})


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_redirect, f"add {PAGES}/sign-in/callback to the Valid redirect URIs"),
        (without_standard_flow, "switch on Standard flow"),
        (without_challenge, "set its attribute pkce.code.challenge.method to S256"),
        (without_mapper("aud-kommonitor-processor"), "do not name it in aud: add an audience mapper"),
        (without_mapper("groups"), "carry no groups"),
        (without_mapper("aud-kommonitor-data-management"), "add an audience mapper for the latter"),
        (without_exchange, "switch on Standard token exchange"),
        (without_service_account, "service account role switched on"),
    ],
    ids=[
        "redirect",
        "flow",
        "challenge",
        "processor-audience",
        "groups",
        "target-audience",
        "exchange",
        "service-account",
    ],
)
def test_the_doctor_says_what_is_missing(keycloak: Keycloak, copy: KeycloakAdmin, spoil, sentence):
    assert told(keycloak, copy) == []
    spoil(copy, copy.get_client_id("kommonitor-processor"))
    problems = told(keycloak, copy)
    assert [problem for problem in problems if sentence in problem], problems
    assert not [problem for problem in problems if SECRET in problem or "eyJ" in problem]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"client_secret": "wrong"}, "auth.client_secret has to be its secret"),
        ({"client_secret": ""}, "cannot be looked at without its secret"),
        ({"realm": "absent"}, 'has no realm "absent"'),
        ({"issuer": "https://keycloak.example/realms/kommonitor"}, "set auth.issuer to"),
        ({"client_id": "absent"}, 'the client "absent" sign in'),
        ({"keycloak": "http://127.0.0.1:1"}, "does not answer at http://127.0.0.1:1"),
    ],
    ids=lambda part: next(iter(part)) if isinstance(part, dict) else "",
)
def test_the_doctor_says_which_setting_is_wrong(keycloak: Keycloak, copy: KeycloakAdmin, settings, sentence):
    problems = told(keycloak, copy, **settings)
    assert [problem for problem in problems if sentence in problem], problems


def test_the_doctor_says_that_a_realm_takes_no_assertions(keycloak, copy, tmp_path):
    file = tmp_path / "grant.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", str(file)], check=True, capture_output=True)
    ways = {"tokens": ("jwt_grant",), "grant_issuer": "https://nbprocessor.example", "grant_key_file": file}
    (problem,) = told(keycloak, copy, **ways)
    assert 'the kind "JWT Authorization Grant" with the issuer https://nbprocessor.example' in problem
    file.write_text("no key")
    (problem,) = told(keycloak, copy, **ways)
    assert "has no private key" in problem


def test_the_doctor_says_that_a_realm_lets_nobody_be_impersonated(keycloak, copy):
    (problem,) = told(keycloak, copy, tokens=("impersonation",))
    assert "impersonate nobody" in problem and "admin-fine-grained-authz:v1" in problem
