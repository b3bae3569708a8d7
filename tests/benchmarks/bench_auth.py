"""What signing in adds to a request: checking a token here, beside asking Keycloak; a request beside one without."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import requests

from nbprocessor.auth.keys import KeyRing
from nbprocessor.auth.realm import Realm
from nbprocessor.auth.tokens import Tokens
from nbprocessor.config import Auth
from tests.benchmarks.measurement import Measurement
from tests.benchmarks.timing import medians
from tests.servers.keycloak import Keycloak, install, stop
from tests.servers.keycloak import start as start_keycloak
from tests.servers.nbprocessor import REPOSITORY, start

CHECKS, REQUESTS = 2000, 300
NOTEBOOKS = REPOSITORY / "notebooks" / "examples"


def measure() -> Iterator[Measurement]:
    home, data = install()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        keycloak = start_keycloak(home, folder / "keycloak", data=data)
        try:
            yield from asyncio.run(_checks(keycloak))
            yield from _requests(keycloak, folder)
        finally:
            stop(keycloak)


async def _checks(keycloak: Keycloak) -> list[Measurement]:
    """Measure the check itself; in the same run, with introspection at each."""
    auth = Auth(keycloak=keycloak.url, realm=keycloak.realm, client_secret=keycloak.secret, development=True)
    realm = Realm(auth)
    asked = 0

    def keys():
        nonlocal asked
        asked += 1
        return realm.keys()

    ring = KeyRing(keys)
    here = Tokens(auth, ring, realm.is_active)
    there = Tokens(auth.model_copy(update={"introspect": True}), ring, realm.is_active)
    token = keycloak.token("cora")
    local = await _median(lambda: here.check(token), CHECKS)
    introspected = await _median(lambda: there.check(token), CHECKS // 20)
    return [
        Measurement("checking a token, p50", local * 1000, "ms", at_most=0.5),
        Measurement("checking a token", local * 1000, "ms", "asking Keycloak each time", introspected * 1000, 0.1),
        Measurement(f"calls to Keycloak for {CHECKS} tokens", asked, "", at_most=1),
    ]


async def _median(call: Callable[[], Awaitable[object]], rounds: int) -> float:
    await call()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _requests(keycloak: Keycloak, folder: Path) -> Iterator[Measurement]:
    """Measure a whole request with a token beside the same one to a server without sign-in, for information.

    What two servers differ in on a busy machine is more than a check takes.
    """
    log = {"NBPROCESSOR_AUTH__SECURITY_LOG": str(folder / "security.log")}
    with (
        start(NOTEBOOKS, folder / "off") as off,
        start(NOTEBOOKS, folder / "on", env=keycloak.environment() | log) as on,
        requests.Session() as plain,
        requests.Session() as signed,
    ):
        signed.headers["Authorization"] = f"Bearer {keycloak.token('cora')}"
        calls = {
            "on": lambda: signed.get(f"{on.url}/jobs", timeout=60).raise_for_status(),
            "off": lambda: plain.get(f"{off.url}/jobs", timeout=60).raise_for_status(),
        }
        times = medians(calls, REQUESTS, warm_up=20)
    yield Measurement("GET /jobs with a token", times["on"] * 1000, "ms", "sign-in off", times["off"] * 1000)
