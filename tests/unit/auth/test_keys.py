"""The ring of keys: kept, renewed, and asked for once in ten seconds."""

import asyncio

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from nbprocessor.auth.keys import PAUSE, REFRESH, KeyRing
from nbprocessor.errors import SignInUnavailable, Unauthenticated


class Realm:
    """Answers as Keycloak does, counts, and can be out of reach."""

    def __init__(self, *keys) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.away = False
        self.now = 1000.0

    def fetch(self):
        self.asked += 1
        if self.away:
            raise SignInUnavailable("Keycloak does not answer.")
        return {"keys": self.keys}

    def ring(self) -> KeyRing:
        return KeyRing(self.fetch, lambda: self.now)


def key(kid: str, **more) -> dict:
    return {"use": "sig", "alg": "RS256", **RSAKey.generate_key(2048, {"kid": kid}).as_dict(private=False), **more}


def run(coroutine):
    return asyncio.run(coroutine)


def test_a_key_is_asked_for_once():
    realm = Realm(key("a"))
    ring = realm.ring()

    async def often():
        return await asyncio.gather(*(ring.get("a") for _ in range(20)))

    assert len(run(often())) == 20
    assert realm.asked == 1


def test_a_flood_of_unknown_keys_is_one_question_in_ten_seconds():
    realm = Realm(key("a"))
    ring = realm.ring()

    async def flood():
        refused = await asyncio.gather(*(ring.get(f"x{number}") for number in range(100)), return_exceptions=True)
        assert all(isinstance(error, Unauthenticated) for error in refused)
        assert realm.asked == 1
        realm.now += PAUSE
        with pytest.raises(Unauthenticated):
            await ring.get("x")
        assert realm.asked == 2

    run(flood())


def test_a_new_key_is_found():
    realm = Realm(key("a"))
    ring = realm.ring()

    async def rotation():
        await ring.get("a")
        realm.keys.append(key("b"))
        realm.now += PAUSE
        return await ring.get("b")

    assert run(rotation()).kid == "b"


def test_keys_are_renewed_now_and_then_and_who_comes_does_not_wait_for_it():
    realm = Realm(key("a"))
    ring = realm.ring()

    async def later():
        await ring.get("a")
        realm.keys = [key("b")]
        realm.now += REFRESH + 1
        assert (await ring.get("a")).kid == "a"  # still the old ones
        await ring.refresh()
        with pytest.raises(Unauthenticated):
            await ring.get("a")

    run(later())


def test_without_keycloak_what_is_known_goes_on_and_what_is_not_cannot_be_told():
    realm = Realm(key("a"))
    ring = realm.ring()

    async def away():
        await ring.get("a")
        realm.away = True
        realm.now += REFRESH + 1
        assert await ring.get("a")
        await ring.refresh()
        assert ring.ready
        with pytest.raises(SignInUnavailable):
            await ring.get("b")

    run(away())


def test_a_fetch_that_ends_in_an_unknown_way_is_no_way_in():
    def broken():
        raise ZeroDivisionError

    ring = KeyRing(broken)
    with pytest.raises(SignInUnavailable):
        run(ring.get("a"))
    assert not ring.ready


@pytest.mark.parametrize(
    "odd",
    [
        {"keys": None},
        {"keys": [1, "x", None]},
        {},
        {"keys": [key("a", use="enc")]},
        {"keys": [key("a", alg="RSA-OAEP")]},
        {"keys": [key("a", alg="RS512")]},
        {"keys": [key("")]},
        {"keys": [{"kty": "RSA", "kid": "a", "n": "!", "e": "AQAB"}]},
        {"keys": [OctKey.generate_key(256, {"kid": "a"}).as_dict()]},
    ],
)
def test_keys_that_are_not_for_signatures_are_left_out(odd):
    ring = KeyRing(lambda: odd)
    with pytest.raises(SignInUnavailable):
        run(ring.get("a"))


def test_keys_of_elliptic_curves_are_taken():
    described = ECKey.generate_key("P-256", {"kid": "e"}).as_dict(private=False) | {"use": "sig", "alg": "ES256"}
    assert run(KeyRing(lambda: {"keys": [described]}).get("e")).kid == "e"
