"""ID tokens and logout tokens: which are good, with keys of the tests' own."""

import asyncio
import time

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from nbprocessor.auth.idtokens import LOGOUT_EVENT, IdTokens
from nbprocessor.auth.keys import KeyRing
from nbprocessor.auth.tokens import Tokens
from nbprocessor.config import Auth
from nbprocessor.errors import Unauthenticated

AUTH = Auth(keycloak="https://keycloak.example", realm="kommonitor", client_id="processor")
KEY = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})


def token(kind: str, **changed) -> str:
    now = int(time.time())
    claims = {"iss": AUTH.issuer_url, "aud": "processor", "sub": "cora", "sid": "s", "exp": now + 60, "iat": now}
    claims |= {"ID": {"nonce": "n", "azp": "processor"}, "Logout": {"jti": "j", "events": {LOGOUT_EVENT: {}}}}[kind]
    claims |= {"typ": kind} | changed
    return jwt.encode({"alg": "RS256", "kid": "one"}, {k: v for k, v in claims.items() if v is not None}, KEY)


def checked(kind: str, given: str):
    async def check():
        tokens = Tokens(AUTH, KeyRing(lambda: {"keys": [KEY.as_dict(private=False)]}), lambda _: True)
        ids = IdTokens(AUTH, tokens)
        return await (ids.check(given, "n") if kind == "ID" else ids.check_logout(given))

    return asyncio.run(check())


def test_what_the_realm_says_to_this_client_is_taken():
    assert checked("ID", token("ID"))["sub"] == "cora"
    assert checked("ID", token("ID", aud=["another", "processor"]))["sub"] == "cora"
    assert checked("Logout", token("Logout")).keycloak_session == "s"
    assert checked("Logout", token("Logout", sid=None)).subject == "cora"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"azp": "another"},
        {"typ": "Bearer"},
        {"typ": "Logout"},
    ],
)
def test_an_id_token_that_is_not_as_it_has_to_be_is_refused(changed):
    with pytest.raises(Unauthenticated):
        checked("ID", token("ID", **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"exp": 1},
        {"iat": None},
        {"iat": 1},
        {"jti": None},
        {"events": {}},
        {"events": None},
        {"nonce": "n"},
        {"typ": "ID"},
        {"sub": None, "sid": None},
    ],
)
def test_a_logout_token_that_is_not_as_it_has_to_be_is_refused(changed):
    with pytest.raises(Unauthenticated):
        checked("Logout", token("Logout", **changed))
