"""Sessions and their clocks: idleness, age, and renewal by one of many; with keys of the tests' own."""

import asyncio
import time

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from nbprocessor.auth.idtokens import IdTokens
from nbprocessor.auth.keys import KeyRing
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.auth.sessions import Sessions
from nbprocessor.auth.tokens import Tokens
from nbprocessor.config import Auth
from nbprocessor.errors import SignInUnavailable, Unauthenticated
from nbprocessor.store.database import open_database
from nbprocessor.store.sessions import SessionStore

AUTH = Auth(keycloak="https://keycloak.example", realm="kommonitor", client_id="processor", client_secret="own")
KEY = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})


class Renewing(Realm):
    """A realm that gives tokens as Keycloak does when refresh tokens are good once."""

    def __init__(self):
        super().__init__(AUTH)
        self.clock = time.time()
        self.good = "refresh-0"
        self.asked = 0
        self.away = False

    def now(self) -> float:
        return self.clock

    def signed(self, **claims) -> str:
        known = {"iss": AUTH.issuer_url, "aud": "processor", "sub": "cora", "exp": int(self.clock) + 300} | claims
        return jwt.encode({"alg": "RS256", "kid": "one"}, known, KEY)

    def tokens(self) -> dict:
        identity = self.signed(typ="ID", nonce="n", sid="s")
        return {
            "access_token": self.signed(typ="Bearer"),
            "id_token": identity,
            "refresh_token": self.good,
            "expires_in": 300,
        }

    def renewed(self, refresh_token: str) -> dict:
        self.asked += 1
        if self.away:
            raise SignInUnavailable("away")
        if refresh_token != self.good:
            raise Refused(400, "Token is not active", "invalid_grant")
        self.good = f"refresh-{self.asked}"
        return self.tokens()


@pytest.fixture
def realm() -> Renewing:
    return Renewing()


@pytest.fixture
def process(realm: Renewing, tmp_path):
    """Makes the sessions of one more process of a server."""
    engine = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")

    def make(auth: Auth = AUTH) -> Sessions:
        keys = KeyRing(lambda: {"keys": [KEY.as_dict(private=False)]})
        tokens = Tokens(auth, keys, lambda _: True, clock=realm.now)
        ids = IdTokens(auth, tokens, clock=realm.now)
        return Sessions(auth, SessionStore(engine), realm, tokens, ids, clock=realm.now)

    yield make
    engine.dispose()


def test_a_session_lasts_as_long_as_it_is_used_but_not_for_ever(realm, process):
    async def story():
        sessions = process()
        idle, used = [await sessions.begin(realm.tokens(), "n") for _ in range(2)]
        begun = realm.clock
        while realm.clock < begun + AUTH.session_idle:
            realm.clock += 200
            assert await sessions.find(used.id)
        realm.clock += 1
        assert await sessions.find(idle.id) is None
        while realm.clock < begun + AUTH.session_longest - 400:
            realm.clock += 200
            assert await sessions.find(used.id)
        realm.clock = begun + AUTH.session_longest + 1
        assert await sessions.find(used.id) is None

    asyncio.run(story())


def test_a_stream_does_not_keep_a_session_alive(realm, process):
    async def story():
        sessions = process()
        session = await sessions.begin(realm.tokens(), "n")
        begun = realm.clock
        while realm.clock < begun + AUTH.session_idle:
            realm.clock += 100
            await sessions.find(session.id, used=False)
        realm.clock += 1
        assert await sessions.find(session.id, used=False) is None

    asyncio.run(story())


def test_many_requests_at_several_processes_renew_once(realm, process):
    async def story():
        processes = [process() for _ in range(3)]
        session = await processes[0].begin(realm.tokens(), "n")
        realm.clock += 301
        found = await asyncio.gather(*(one.find(session.id) for one in processes * 5))
        assert all(found)
        assert realm.asked == 1

    asyncio.run(story())


def test_a_sign_in_that_has_ended_at_keycloak_ends_here(realm, process):
    async def story():
        sessions = process()
        session = await sessions.begin(realm.tokens(), "n")
        realm.good = "of another sign-in"
        realm.clock += 301
        assert await sessions.find(session.id) is None
        assert await sessions.find(session.id) is None
        assert realm.asked == 1

    asyncio.run(story())


def test_while_keycloak_is_away_a_token_goes_on_to_its_end(realm, process):
    async def story():
        sessions = process()
        session = await sessions.begin(realm.tokens(), "n")
        realm.away = True
        realm.clock += 280
        assert await sessions.find(session.id)
        realm.clock += 21
        with pytest.raises(SignInUnavailable):
            await sessions.find(session.id)
        realm.away = False
        assert await sessions.find(session.id)

    asyncio.run(story())


def test_an_id_or_a_secret_that_is_another_opens_nothing(realm, process):
    async def story():
        session = await process().begin(realm.tokens(), "n")
        other = AUTH.model_copy(update={"client_secret": type(AUTH.client_secret)("another")})
        assert await process(other).find(session.id) is None
        for wrong in ("", "x", "A" * 43, session.id[:-1], session.id + "A"):
            assert await process().find(wrong) is None

    asyncio.run(story())


def test_id_token_and_access_token_have_to_be_of_one_person(realm, process):
    async def story():
        answer = realm.tokens() | {"access_token": realm.signed(typ="Bearer", sub="paul")}
        with pytest.raises(Unauthenticated, match="same person"):
            await process().begin(answer, "n")

    asyncio.run(story())
