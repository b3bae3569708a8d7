"""Sessions: who signed in on the pages stays signed in, as long as the sign-in at Keycloak does and he uses it.

The cookie has an id of 256 random bits and nothing else. The tokens are in the database, sealed with a key that is
made of that id and the client's secret, beside a digest of the id: neither the database nor a backup of it lets
anybody in.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nbprocessor.auth import sealing
from nbprocessor.auth.identity import Identity
from nbprocessor.auth.idtokens import IdTokens
from nbprocessor.auth.keys import PATIENCE
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.auth.tokens import Tokens
from nbprocessor.config import Auth
from nbprocessor.errors import SignInUnavailable, Unauthenticated
from nbprocessor.store.sessions import SessionStore, StoredSession

BEFORE_EXPIRY = 30
"""Seconds before an access token expires at which it is renewed."""
NOTED = timedelta(minutes=1)
"""How exactly it is noted when a session was used last."""
ID_LENGTH = len(secrets.token_urlsafe(32))
GLANCE = 0.2
"""Seconds between two looks whether another process has renewed a session's tokens."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session, open."""

    id: str
    who: Identity
    access_token: str
    id_token: str

    @property
    def csrf_token(self) -> str:
        """What a page of this session sends along with changes."""
        return csrf_token(self.id)


def csrf_token(session_id: str) -> str:
    """Return what a page of a session sends along with changes, and no other page can know."""
    return hmac.new(session_id.encode(), b"nbprocessor: changes from pages", hashlib.sha256).hexdigest()


class Sessions:
    """Begins, finds and ends sessions; used in one event loop. Every method may raise StoreUnavailable."""

    def __init__(
        self,
        auth: Auth,
        store: SessionStore,
        realm: Realm,
        tokens: Tokens,
        id_tokens: IdTokens,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the parts.

        Args:
            auth: How long sessions last, and the secret their content is sealed with.
            store: Where they are kept.
            realm: Renews tokens.
            tokens: Tells who somebody is.
            id_tokens: Tells that a sign-in is the one that was begun, and who signed out at Keycloak.
            clock: Seconds since 1970.
        """
        self._auth = auth
        self._store = store
        self._realm = realm
        self._tokens = tokens
        self._id_tokens = id_tokens
        self._clock = clock

    async def begin(self, answer: Mapping[str, Any], nonce: str, previous: str = "") -> Session:
        """Begin a session with the tokens of a sign-in; it always has an id of its own.

        Args:
            answer: Of Keycloak's token endpoint.
            nonce: That of the sign-in that was begun in this browser.
            previous: Id of the session the browser had, which ends.

        Raises:
            Unauthenticated: The tokens are not good, or answer another sign-in.
            SignInUnavailable: There are no keys to tell.
        """
        claims = await self._id_tokens.check(str(answer.get("id_token", "")), nonce)
        who = await self._tokens.check(str(answer.get("access_token", "")))
        if claims.get("sub") != who.subject:
            raise Unauthenticated("ID token and access token are not of the same person")
        session_id, now = secrets.token_urlsafe(32), self._now()
        content = _content(answer, {}, self._clock())
        stored = StoredSession(
            digest=_digest(session_id),
            owner=who.owner,
            keycloak_session=str(claims.get("sid") or ""),
            content=sealing.sealed(content, self._key(session_id)),
            created=now,
            used=now,
        )
        await asyncio.to_thread(self._store.add, stored, in_place_of=_digest(previous) if previous else None)
        return _session(session_id, who, content)

    async def find(self, session_id: str, *, used: bool = True) -> Session | None:
        """Return a session with tokens that are good; None: there is none, or no longer.

        Args:
            session_id: From the cookie.
            used: Whether this is the person's doing, so that the session lasts longer.

        Raises:
            SignInUnavailable: Its tokens have to be renewed, and Keycloak does not answer.
        """
        stored = await self._stored(session_id)
        if stored is None:
            return None
        content = sealing.opened(stored.content, self._key(session_id))
        if content is not None and content["expires"] - BEFORE_EXPIRY <= self._clock():
            content = await self._renewed(session_id, content)
        if content is None:
            return None
        try:
            who = await self._tokens.check(content["access_token"])
        except Unauthenticated:
            return None
        if used and self._now() - stored.used >= NOTED:
            await asyncio.to_thread(self._store.touch, stored.digest, self._now())
        return _session(session_id, who, content)

    async def end(self, session_id: str) -> None:
        """End a session."""
        await asyncio.to_thread(self._store.remove, _digest(session_id))

    async def end_at_keycloaks_word(self, logout_token: str) -> int:
        """End the sessions that a logout token names, and return how many there were.

        Raises:
            Unauthenticated: The token is not good.
            SignInUnavailable: There are no keys to tell.
        """
        out = await self._id_tokens.check_logout(logout_token)
        owner = f"{self._auth.issuer_url}#{out.subject}" if out.subject else ""
        return await asyncio.to_thread(self._store.remove_of, owner, out.keycloak_session)

    async def sweep(self) -> None:
        """Remove what has ended by itself."""
        now = self._now()
        await asyncio.to_thread(self._store.sweep, used_before=now - self._idle, created_before=now - self._longest)

    async def _stored(self, session_id: str) -> StoredSession | None:
        if len(session_id) != ID_LENGTH:
            return None
        stored = await asyncio.to_thread(self._store.get, _digest(session_id))
        now = self._now()
        if stored is None or now - stored.used > self._idle or now - stored.created > self._longest:
            return None
        return stored

    async def _renewed(self, session_id: str, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return content with tokens that last; None when the sign-in at Keycloak has ended.

        One process of all asks Keycloak: a realm may take a refresh token that comes twice for a stolen one.
        """
        digest, now = _digest(session_id), self._now()
        until = now + timedelta(seconds=PATIENCE * 2)
        if not await asyncio.to_thread(self._store.begin_renewal, digest, now, until):
            return await self._renewed_by_another(session_id, content)
        new: Mapping[str, Any] | None = None
        try:
            # What was read may be what another process has replaced just before.
            current = await self._current(session_id)
            if current is None or current["expires"] > content["expires"]:
                return current
            async with asyncio.timeout(PATIENCE):
                answer = await asyncio.to_thread(self._realm.renewed, str(content["refresh_token"]))
            new = _content(answer, content, self._clock())
        except Refused:
            await self.end(session_id)
        except (SignInUnavailable, TimeoutError):
            if content["expires"] <= self._clock():
                raise SignInUnavailable("Keycloak does not answer, and the sign-in has to be renewed.") from None
            return content
        finally:
            sealed = None if new is None else sealing.sealed(new, self._key(session_id))
            await asyncio.to_thread(self._store.end_renewal, digest, sealed)
        return new

    async def _renewed_by_another(self, session_id: str, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if content["expires"] > self._clock():
            return content
        try:
            async with asyncio.timeout(PATIENCE):
                while (current := await self._current(session_id)) and current["expires"] <= content["expires"]:
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            raise SignInUnavailable("The sign-in has to be renewed, and that takes too long.") from None
        return current

    async def _current(self, session_id: str) -> Mapping[str, Any] | None:
        stored = await self._stored(session_id)
        return None if stored is None else sealing.opened(stored.content, self._key(session_id))

    def _key(self, session_id: str) -> Any:
        return sealing.key(f"{self._auth.secret()}\n{session_id}", "content of a session")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    @property
    def _idle(self) -> timedelta:
        return timedelta(seconds=self._auth.session_idle)

    @property
    def _longest(self) -> timedelta:
        return timedelta(seconds=self._auth.session_longest)


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


def _content(answer: Mapping[str, Any], before: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what is kept of an answer of the token endpoint; what it does not tell anew stays."""
    kept = {name: str(answer.get(name) or before.get(name, "")) for name in ("refresh_token", "id_token")}
    lasts = answer.get("expires_in")
    seconds = lasts if isinstance(lasts, int) else 0
    return kept | {"access_token": str(answer.get("access_token", "")), "expires": int(now) + seconds}


def _session(session_id: str, who: Identity, content: Mapping[str, Any]) -> Session:
    return Session(session_id, who, access_token=content["access_token"], id_token=content["id_token"])
