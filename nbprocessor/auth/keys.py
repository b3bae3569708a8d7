"""The realm's public keys, kept: a request with a token costs no call, a flood of unknown keys one in 10 seconds."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from nbprocessor.errors import SignInUnavailable, Unauthenticated
from nbprocessor.model import Json

log = logging.getLogger(__name__)

ALGORITHMS = frozenset({"RS256", "PS256", "ES256"})
"""The algorithms of signatures that are taken; a token's own word for it counts for nothing."""
PAUSE = 10.0
"""Seconds between two calls to Keycloak, whatever comes in."""
REFRESH = 600.0
"""Seconds after which keys are asked for anew: what was taken out of the realm must not be good for ever."""
PATIENCE = 9.0
"""Seconds somebody waits for keys at most."""

Fetch = Callable[[], Mapping[str, Json]]


class KeyRing:
    """Public keys by their id; used in one event loop."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what asks Keycloak; nothing is asked yet.

        Args:
            fetch: Returns the realm's keys (RFC 7517), in a thread, or raises SignInUnavailable.
            clock: Seconds that only rise.
        """
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Any] = {}
        self._asked = float("-inf")
        self._fault: SignInUnavailable | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether there are keys, so that people can sign in."""
        return bool(self._keys)

    async def get(self, key_id: str) -> Any:
        """Return a key; what is not known is asked for, once in 10 s for everybody.

        Raises:
            Unauthenticated: The realm has no such key.
            SignInUnavailable: Keycloak does not say whether it has.
        """
        if (known := self._keys.get(key_id)) is not None:
            if self._clock() - self._asked > REFRESH:
                self._ask()  # nobody waits for it
            return known
        await self.refresh()
        if (known := self._keys.get(key_id)) is not None:
            return known
        if self._fault is not None:
            raise SignInUnavailable(str(self._fault), self._fault.retry_after)
        raise Unauthenticated("the token is signed with a key that the realm does not have")

    async def refresh(self) -> None:
        """Ask for the keys, unless that was done just now; whoever comes meanwhile waits for the same answer."""
        asking = self._ask()
        if asking is not None:
            await asyncio.wait([asking], timeout=PATIENCE)

    def _ask(self) -> "asyncio.Task[None] | None":
        if self._asking is None and self._clock() - self._asked >= PAUSE:
            self._asked = self._clock()
            self._asking = asyncio.create_task(self._renew(), name="keys")
        return self._asking

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                document = await asyncio.to_thread(self._fetch)
            self._keys = _signing_keys(document)
            self._fault = None if self._keys else SignInUnavailable("Keycloak has no key whose signatures are taken.")
        except TimeoutError:
            self._fault = SignInUnavailable("Keycloak does not answer.")
        except SignInUnavailable as fault:
            self._fault = fault
        except Exception:  # a door: whatever Keycloak answers, others go on with the keys that are there
            log.exception("keys cannot be read by a fault of the server")
            self._fault = SignInUnavailable("Keycloak's keys cannot be read.")
        finally:
            self._asking = None
        if self._fault is not None:
            log.warning("keys not renewed reason=%s kept=%d", self._fault, len(self._keys))


def _signing_keys(document: Mapping[str, Json]) -> dict[str, Any]:
    """Read the public keys that may sign tokens; the others, and what cannot be read, are left out."""
    keys: dict[str, Any] = {}
    listed = document.get("keys")
    for described in listed if isinstance(listed, list) else ():
        if not isinstance(described, dict) or described.get("kty") not in {"RSA", "EC"}:
            continue
        if described.get("use", "sig") != "sig" or described.get("alg", "RS256") not in ALGORITHMS:
            continue
        key_id = described.get("kid")
        try:
            if isinstance(key_id, str) and key_id:
                keys[key_id] = JWKRegistry.import_key(described)
        except (JoseError, ValueError, TypeError):
            log.warning("a key of the realm cannot be read kid=%r", key_id)
    return keys
