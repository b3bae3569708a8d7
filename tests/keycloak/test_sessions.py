"""How long sessions last: Keycloak's word, renewal, idleness, restarts, several processes, and streams of events."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.keycloak.conftest import Guarded, guarded
from tests.keycloak.notebooks import write_notebooks, write_slow
from tests.keycloak.visitors import Visitor
from tests.servers.keycloak import Keycloak, free_port, running
from tests.servers.nbprocessor import Server, start

MAPPER = "oidc-audience-mapper"


@pytest.fixture(scope="module")
def client(keycloak: Keycloak) -> Iterator[tuple[str, str, int]]:
    """A client of this file's own, with the port of the server it is for: id in Keycloak, name, port."""
    admin, port, name = keycloak.admin(), free_port(), "pages-of-a-test"
    url = f"http://127.0.0.1:{port}"
    audience = {"included.client.audience": name, "access.token.claim": "true"}
    known = admin.create_client(
        {
            "clientId": name,
            "secret": keycloak.secret,
            "publicClient": False,
            "serviceAccountsEnabled": True,
            "redirectUris": [f"{url}/sign-in/callback"],
            "attributes": {
                "pkce.code.challenge.method": "S256",
                "post.logout.redirect.uris": f"{url}/",
                "backchannel.logout.url": f"{url}/sign-out/back-channel",
                "backchannel.logout.session.required": "true",
                "access.token.lifespan": "40",
            },
            "protocolMappers": [
                {"name": "aud", "protocol": "openid-connect", "protocolMapper": MAPPER, "config": audience}
            ],
        }
    )
    yield known, name, port
    admin.delete_client(known)


PEOPLE = ("ida", "ivo", "isa", "ilka")
"""People of this file's own: they are signed out and disabled, and other tests run at the same time."""


@pytest.fixture(scope="module", autouse=True)
def people(keycloak: Keycloak) -> Iterator[None]:
    admin = keycloak.admin()
    role = admin.get_realm_role("kommonitor-creator")
    made = []
    for name in PEOPLE:
        facts = {
            "username": name,
            "enabled": True,
            "email": f"{name}@test.invalid",
            "firstName": name,
            "lastName": name,
        }
        made.append(admin.create_user(facts | {"credentials": [{"type": "password", "value": name}]}))
        admin.assign_realm_roles(made[-1], [role])
    yield
    for user in made:
        admin.delete_user(user)


def serving(folder: Path, keycloak: Keycloak, client: tuple[str, str, int], *options: str, **settings: str):
    _, name, port = client
    write_notebooks(folder / "notebooks")
    write_slow(folder / "notebooks")
    environment = keycloak.environment() | {"KC_CLIENT_ID": name, "NBPROCESSOR_AUTH__SECURITY_LOG": str(folder / "log")}
    environment |= {f"NBPROCESSOR_AUTH__{key.upper()}": value for key, value in settings.items()}
    command = ["nbprocessor", "serve", "--port", str(port), "--notebooks", str(folder / "notebooks")]
    command += ["--results", str(folder / "results"), *options]
    return start(folder / "notebooks", folder / "results", env=environment, command=command)


@pytest.fixture(scope="module")
def server(keycloak: Keycloak, client, tmp_path_factory) -> Iterator[Server]:
    """A server of two processes, whose access tokens are renewed after ten seconds."""
    with serving(tmp_path_factory.mktemp("pages"), keycloak, client, "--workers", "2") as running_server:
        yield running_server


def signed_in(server: Server, name: str = "ida") -> Visitor:
    visitor = Visitor(server)
    assert visitor.sign_in(name).status_code == 303
    return visitor


def gone(visitor: Visitor) -> bool:
    return visitor.open("/jobs").status_code == 303


def test_every_process_of_a_server_knows_the_session(server: Server):
    visitor = signed_in(server)
    for _ in range(12):
        with requests.Session() as connection:  # a new one each time, for either process to take
            connection.cookies = visitor.browser.cookies
            answer = connection.get(f"{server.url}/jobs", timeout=60, allow_redirects=False)
            assert answer.status_code == 200


def test_who_signs_out_at_keycloak_is_signed_out_here_and_nobody_else(keycloak: Keycloak, server: Server):
    ida, ivo = signed_in(server), signed_in(server, "ivo")
    admin = keycloak.admin()
    admin.user_logout(admin.get_user_id("ida"))
    assert gone(ida)
    assert not gone(ivo)


@pytest.mark.parametrize("kind", ["access_token", "id_token", "refresh_token", "none", "garbage", "tampered"])
def test_a_logout_token_that_keycloak_did_not_make_signs_nobody_out(keycloak: Keycloak, server: Server, kind: str):
    visitor = signed_in(server)
    tokens = keycloak.tokens("ida")
    header, payload, _ = tokens["id_token"].split(".")
    made = tokens | {
        "none": f"eyJhbGciOiJub25lIn0.{payload}.",
        "garbage": "x" * 100,
        "tampered": f"{header}.{payload[:-4]}AAAA.{'A' * 342}",
    }
    url = f"{server.url}/sign-out/back-channel"
    refused = requests.post(url, data={"logout_token": made[kind]}, timeout=60)
    assert refused.status_code == 400
    assert refused.headers["Cache-Control"] == "no-store"
    assert requests.post(url, json={}, timeout=60).status_code == 415
    assert requests.post(url, data={"logout_token": "x" * 30_000}, timeout=60).status_code == 413
    assert not gone(visitor)


def test_a_stream_of_events_ends_when_the_person_signs_out_elsewhere(keycloak: Keycloak, server: Server):
    visitor = signed_in(server, "isa")
    job = visitor.execute("slow", Prefer="respond-async").json()["jobID"]
    with visitor.browser.get(f"{server.url}/jobs/{job}/events", stream=True, timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith(b"data: "))
        admin = keycloak.admin()
        admin.user_logout(admin.get_user_id("isa"))
        told = [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]
    assert not [state for state in told if state["status"] in {"successful", "failed", "dismissed"}]
    again = signed_in(server, "isa")
    again.change("DELETE", f"/jobs/{job}", headers={"X-CSRF-Token": again.csrf_token()})


def test_tokens_are_renewed_while_the_session_lives(keycloak: Keycloak, server: Server):
    """Tokens live for 40 seconds, and are renewed 30 before their end."""
    visitor = signed_in(server, "ivo")
    admin = keycloak.admin()
    user = admin.get_user_id("ivo")
    role = admin.get_realm_role("administrator")
    assert visitor.open("/jobs?owner=*&f=json").status_code == 403
    admin.assign_realm_roles(user, [role])
    try:
        deadline = time.monotonic() + 60
        while visitor.open("/jobs?owner=*&f=json").status_code == 403:
            assert time.monotonic() < deadline
            time.sleep(0.5)  # nothing tells when a token is renewed
    finally:
        admin.delete_realm_roles_of_user(user, [role])


def test_who_was_disabled_is_out_once_the_token_is_to_be_renewed(keycloak: Keycloak, server: Server):
    visitor = signed_in(server, "ilka")
    admin = keycloak.admin()
    user = admin.get_user_id("ilka")
    admin.update_user(user, {"enabled": False})
    try:
        deadline = time.monotonic() + 60
        while visitor.open("/processes").status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)  # likewise
        assert visitor.open("/processes").status_code == 303
    finally:
        admin.update_user(user, {"enabled": True})


def test_a_restart_keeps_sessions_and_a_new_secret_ends_them(keycloak: Keycloak, client, tmp_path):
    known, name, _ = client
    second = (known, name, free_port())
    keycloak.admin().update_client(known, {"redirectUris": ["http://127.0.0.1:*"]})
    with serving(tmp_path, keycloak, second) as one:
        visitor = signed_in(one)
        assert not gone(visitor)
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
    with serving(tmp_path, keycloak, second) as other:
        assert not gone(Visitor(other, visitor.browser))
    with serving(tmp_path, keycloak, second, client_secret="of-another-time") as changed:
        assert gone(Visitor(changed, visitor.browser))


def test_without_keycloak_pages_say_that_signing_in_is_not_possible_now(tmp_path_factory):
    with running(tmp_path_factory.mktemp("down")) as own:
        for signed in guarded(tmp_path_factory.mktemp("signed"), own):
            known = signed_in(signed.server, "cora")
            os.killpg(own.pid, signal.SIGSTOP)
            try:
                begun = time.monotonic()
                refused = Visitor(signed.server).open("/sign-in?to=/jobs")
                assert time.monotonic() - begun < 10
                assert refused.status_code == 503
                assert int(refused.headers["Retry-After"]) > 0
                assert refused.headers["Content-Type"].startswith("text/html")
                assert known.open("/jobs").status_code == 200
                assert known.sign_out().status_code in {200, 303}
            finally:
                os.killpg(own.pid, signal.SIGCONT)


def test_a_stream_of_events_ends_when_the_token_does(signed: Guarded, keycloak: Keycloak):
    """The one way to a token that ends soon is a client of its own."""
    admin = keycloak.admin()
    audience = {"included.client.audience": keycloak.client, "access.token.claim": "true"}
    name = "short-lived"
    known = admin.create_client(
        {
            "clientId": name,
            "publicClient": True,
            "directAccessGrantsEnabled": True,
            "attributes": {"access.token.lifespan": "1"},
            "protocolMappers": [
                {"name": "aud", "protocol": "openid-connect", "protocolMapper": MAPPER, "config": audience}
            ],
        }
    )
    try:
        write_slow(signed.server.notebooks)
        cora = signed.person("cora")
        while cora.get("/processes/slow").status_code == 404:
            time.sleep(0.2)  # nothing tells when a notebook is on offer
        job = cora.execute("slow", Prefer="respond-async").json()["jobID"]
        short = signed.bearer(keycloak.token("cora", client=name))
        with short.get(f"/jobs/{job}/events", stream=True) as stream:
            told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith(b"data: ")]
        assert told
        assert told[-1]["status"] == "running"
        cora.ask("DELETE", f"/jobs/{job}")
    finally:
        admin.delete_client(known)
