"""Tokens that are not good, each made with Keycloak's own keys or with what an attacker has."""

import asyncio
import base64
import hmac
import json
import secrets
import time

import pytest
import requests
from joserfc import jws
from joserfc.jwk import RSAKey

from nbprocessor.auth.keys import KeyRing
from nbprocessor.auth.realm import Realm
from nbprocessor.auth.tokens import Tokens
from nbprocessor.config import Auth
from nbprocessor.errors import Unauthenticated
from tests.keycloak.conftest import Guarded


def part(content: dict | bytes) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict, dict, str]:
    signed = jws.extract_compact(token.encode())
    return signed.headers(), json.loads(signed.payload), token.rpartition(".")[2]


@pytest.fixture(scope="module")
def good(signed: Guarded) -> str:
    return signed.keycloak.token("cora")


@pytest.fixture(scope="module")
def public_keys(signed: Guarded) -> list[dict]:
    return requests.get(f"{signed.keycloak.issuer}/protocol/openid-connect/certs", timeout=30).json()["keys"]


@pytest.fixture(scope="module")
def foreign_realm(signed: Guarded) -> str:
    """Name of another realm of the same Keycloak, with a client and a user of the same names."""
    name = "foreign"
    admin = signed.keycloak.admin("master")
    client = {"clientId": signed.keycloak.client, "publicClient": True, "directAccessGrantsEnabled": True}
    client["protocolMappers"] = [
        {
            "name": "audience",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-audience-mapper",
            "config": {"included.client.audience": signed.keycloak.client, "access.token.claim": "true"},
        }
    ]
    user = {
        "username": "cora",
        "enabled": True,
        "email": "cora@foreign.invalid",
        "firstName": "Cora",
        "lastName": "Fremd",
        "credentials": [{"type": "password", "value": "cora", "temporary": False}],
        "realmRoles": ["administrator"],
    }
    roles = {"realm": [{"name": "administrator"}]}
    admin.create_realm({"realm": name, "enabled": True, "clients": [client], "users": [user], "roles": roles})
    return name


def refused(signed: Guarded, token: str, reason: str) -> None:
    answer = signed.bearer(token).get("/processes")
    assert answer.status_code == 401, answer.text
    assert reason in answer.json()["detail"]
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert token not in signed.log.read_text()


def test_a_good_token_is_taken(signed: Guarded, good):
    assert signed.bearer(good).get("/processes").status_code == 200


def test_a_token_without_signature_is_refused(signed: Guarded, good):
    header, claims, _ = parts(good)
    for algorithm in ("none", "None", "NONE", ""):
        refused(signed, f"{part(header | {'alg': algorithm})}.{part(claims)}.", "algorithm")


def test_a_public_key_is_no_secret_to_sign_with(signed: Guarded, good, public_keys):
    header, claims, _ = parts(good)
    described = next(key for key in public_keys if key["kid"] == header["kid"])
    public = RSAKey.import_key(described)
    for secret in (public.as_pem(private=False), public.as_der(private=False), described["n"].encode()):
        # By hand: the library refuses to do this.
        signed_part = f"{part({'alg': 'HS256', 'kid': header['kid']})}.{part(claims)}"
        signature = hmac.digest(secret, signed_part.encode(), "sha256")
        refused(signed, f"{signed_part}.{part(signature)}", "algorithm")


def test_a_token_of_another_realm_is_refused(signed: Guarded, foreign_realm):
    body = {"grant_type": "password", "username": "cora", "password": "cora", "client_id": signed.keycloak.client}
    url = f"{signed.keycloak.url}/realms/{foreign_realm}/protocol/openid-connect/token"
    refused(signed, requests.post(url, data=body, timeout=30).json()["access_token"], "key")


def test_an_id_token_is_no_access_token(signed: Guarded):
    refused(signed, signed.keycloak.tokens("cora")["id_token"], "this is no access token")


def test_a_refresh_token_is_no_access_token(signed: Guarded):
    refused(signed, signed.keycloak.tokens("cora")["refresh_token"], "algorithm")


def test_a_token_does_not_name_its_own_keys(signed: Guarded, good):
    header, claims, _ = parts(good)
    own = RSAKey.generate_key(2048, {"kid": "own"})
    described = own.as_dict(private=False)
    for lure in (
        {"jku": "https://attacker.example/keys", "kid": "own"},
        {"jwk": described, "kid": "own"},
        {"jwk": described, "kid": header["kid"]},
        {"x5u": "https://attacker.example/cert", "kid": header["kid"]},
    ):
        forged = _signed({"alg": "RS256", **lure}, claims, own)
        refused(signed, forged, "")


def _signed(header: dict, claims: dict, key: RSAKey) -> str:
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, registry=registry)


def test_a_token_that_was_changed_is_refused(signed: Guarded, good):
    _, claims, signature = parts(good)
    header = good.partition(".")[0]
    more = claims | {"realm_access": {"roles": ["administrator"]}}
    refused(signed, f"{header}.{part(more)}.{signature}", "signature")


def test_a_token_cut_short_or_without_its_signature_is_refused(signed: Guarded, good):
    header, payload, signature = good.split(".")
    refused(signed, f"{header}.{payload}.", "signature")
    refused(signed, f"{header}.{payload}.{signature[:-8]}", "signature")
    refused(signed, f"{header}.{payload}", "no signed token")
    refused(signed, "nothing", "no signed token")
    refused(signed, "x" * 20_000, "no token")


def test_a_token_for_another_audience_says_which_mapper_is_missing(signed: Guarded):
    admin = signed.keycloak.admin()
    admin.create_client(
        {"clientId": "stranger", "publicClient": True, "directAccessGrantsEnabled": True, "fullScopeAllowed": False},
        skip_exists=True,
    )
    refused(signed, signed.keycloak.token("cora", client="stranger"), "stranger needs an audience mapper")


@pytest.mark.parametrize(("seconds", "taken"), [(29, True), (31, False), (3600, False)])
def test_a_token_is_good_for_half_a_minute_longer_than_it_says_as_clocks_differ(signed: Guarded, good, seconds, taken):
    _, claims, _ = parts(good)
    check = tokens(signed, clock=lambda: claims["exp"] + seconds).check(good)
    if taken:
        assert asyncio.run(check).name == "cora"
    else:
        with pytest.raises(Unauthenticated, match="expired"):
            asyncio.run(check)


def tokens(signed: Guarded, clock=time.time, **settings) -> Tokens:
    """Check tokens here, with a clock of the test's own and Keycloak's keys."""
    keycloak = signed.keycloak
    given = {"keycloak": keycloak.url, "realm": keycloak.realm, "client_id": keycloak.client, **settings}
    realm = Realm(Auth(**given))
    return Tokens(Auth(**given), KeyRing(realm.keys), realm.is_active, clock)


def test_only_tokens_of_the_clients_that_are_named_are_taken(signed: Guarded, good):
    assert asyncio.run(tokens(signed, clients=["kommonitor-processor"]).check(good)).client == "kommonitor-processor"
    with pytest.raises(Unauthenticated, match="client"):
        asyncio.run(tokens(signed, clients=["kommonitor-web-client"]).check(good))


def test_a_token_of_another_issuer_is_refused_even_with_the_same_keys(signed: Guarded, good):
    with pytest.raises(Unauthenticated, match="iss"):
        asyncio.run(tokens(signed, issuer=f"{signed.keycloak.issuer}/").check(good))


def test_where_keycloak_is_asked_a_token_ends_with_the_logout(signed: Guarded):
    given = {"introspect": True, "client_secret": signed.keycloak.secret, "development": True}
    own = signed.keycloak.tokens("edda")
    checked = tokens(signed, **given)
    assert asyncio.run(checked.check(own["access_token"])).name == "edda"
    admin = signed.keycloak.admin()
    admin.user_logout(admin.get_user_id("edda"))
    with pytest.raises(Unauthenticated, match="no longer active"):
        asyncio.run(tokens(signed, **given).check(own["access_token"]))


def test_tokens_with_keys_that_do_not_exist_do_not_become_calls_to_keycloak(signed: Guarded, good):
    _, claims, _ = parts(good)
    own = RSAKey.generate_key(2048)
    answers = set()
    for _ in range(50):
        forged = _signed({"alg": "RS256", "kid": secrets.token_urlsafe(16)}, claims, own)
        answers.add(signed.bearer(forged).get("/processes").status_code)
    assert answers == {401}
    assert signed.bearer(good).get("/processes").status_code == 200


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "bearer", "Token abc", ""])
def test_other_ways_to_sign_in_are_refused(signed: Guarded, header):
    answer = requests.get(f"{signed.server.url}/processes", headers={"Authorization": header}, timeout=30)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_in_the_address_or_a_cookie_is_no_sign_in(signed: Guarded, good):
    url = f"{signed.server.url}/processes"
    assert requests.get(url, params={"access_token": good}, timeout=30).status_code == 401
    assert requests.get(url, cookies={"access_token": good}, timeout=30).status_code == 401


def test_a_bad_token_is_refused_where_none_is_needed(signed: Guarded):
    assert signed.bearer("nothing").get("/").status_code == 401
