"""Keycloak stops, dies or changes its keys while the server runs."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from tests.keycloak.conftest import Guarded, guarded
from tests.servers.keycloak import Keycloak, running, stop

BOUND = 10
"""Seconds within which somebody is answered, whatever Keycloak does."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A Keycloak of this file's own, to be stopped."""
    with running(tmp_path_factory.mktemp("own")) as server:
        yield server


@contextmanager
def hanging(keycloak: Keycloak) -> Iterator[None]:
    """Stop a Keycloak for a while: it takes connections and answers none."""
    os.killpg(keycloak.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(keycloak.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def known(own: Keycloak, tmp_path_factory) -> Iterator[Guarded]:
    """A server that has the keys."""
    yield from guarded(tmp_path_factory.mktemp("known"), own)


def timed(person, path: str = "/processes"):
    begun = time.monotonic()
    answer = person.get(path)
    return answer, time.monotonic() - begun


def test_keys_that_were_fetched_go_on_while_keycloak_hangs(known: Guarded, own: Keycloak):
    cora = known.person("cora")
    assert cora.get("/processes").status_code == 200
    with hanging(own):
        answer, seconds = timed(cora)
        assert answer.status_code == 200
        assert seconds < BOUND
        assert cora.get(f"/jobs/{cora.job()}").json()["status"] == "successful"


def test_a_key_nobody_knows_is_answered_in_time_while_keycloak_hangs(known: Guarded, own: Keycloak):
    token = own.token("cora")
    header = jws.extract_compact(token.encode()).headers() | {"kid": "unknown"}
    unknown = jws.serialize_compact(header, b"{}", RSAKey.generate_key(2048))
    with hanging(own):
        answer, seconds = timed(known.bearer(unknown))
    # Whether the realm has the key by now cannot be told, unless it was asked for its keys just before.
    assert answer.status_code in {401, 503}
    assert seconds < BOUND


def test_without_keys_the_answer_is_that_it_cannot_be_told_now(own: Keycloak, tmp_path):
    token = own.token("cora")
    with hanging(own):
        for server in guarded(tmp_path, own):
            answer, seconds = timed(server.bearer(token))
            health = server.person("").get("/health")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert seconds < BOUND
    assert health.status_code == 503
    assert "nobody can sign in" in health.text


def test_where_keycloak_is_asked_each_time_nobody_gets_in_while_it_hangs(own: Keycloak, tmp_path):
    for server in guarded(tmp_path, own, introspect="true"):
        cora = server.person("cora")
        assert cora.get("/processes").status_code == 200
        with hanging(own):
            answer, seconds = timed(cora)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert seconds < BOUND
        assert cora.get("/processes").status_code == 200


def test_a_new_key_of_the_realm_is_fetched_and_an_old_token_goes_on(own: Keycloak, tmp_path):
    for server in guarded(tmp_path, own):
        old = server.person("cora")
        assert old.get("/processes").status_code == 200
        admin = own.admin()
        realm = admin.get_realm(own.realm)["id"]
        key = {"name": "new", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider"}
        admin.create_component(key | {"parentId": realm, "config": {"priority": ["1000"], "algorithm": ["RS256"]}})
        new = server.person("cora")
        assert _key(new.token) != _key(old.token)
        answer, _ = timed(new)
        while answer.status_code == 401:  # the realm is asked once in 10 seconds
            answer, _ = timed(new)
        assert answer.status_code == 200
        assert old.get("/processes").status_code == 200


def test_keys_go_on_when_keycloak_is_killed_and_a_server_without_them_says_so(own: Keycloak, known: Guarded, tmp_path):
    cora = known.person("cora")
    cora.get("/processes")
    stop(own)
    assert cora.get("/processes").status_code == 200
    for server in guarded(tmp_path, own):
        answer, seconds = timed(server.bearer(cora.token))
        assert answer.status_code == 503
        assert seconds < BOUND


def _key(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])
