"""What Keycloak tells this server as its client: who signed in (ID token), and who signed out (logout token)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from nbprocessor.auth.tokens import LEEWAY, Tokens
from nbprocessor.config import Auth
from nbprocessor.errors import Unauthenticated
from nbprocessor.model import Json

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_AGE = 300
"""Seconds after which a logout token is too old."""


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Whose sessions end: those of one sign-in at Keycloak, or all of one person."""

    subject: str
    keycloak_session: str


class IdTokens:
    """Checks both kinds; they are signed with the keys of access tokens, and must never do as one another."""

    def __init__(self, auth: Auth, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        self._auth = auth
        self._tokens = tokens
        self._clock = clock

    async def check(self, token: str, nonce: str) -> Mapping[str, Json]:
        """Return the claims of an ID token that answers one sign-in (OpenID Connect Core, section 3.1.3.7).

        Raises:
            Unauthenticated: It is not good, or answers another sign-in.
            SignInUnavailable: There are no keys to tell.
        """
        claims = await self._checked(token, "ID", nonce={"essential": True, "value": nonce})
        if claims.get("azp", self._auth.client_id) != self._auth.client_id:
            raise Unauthenticated("the ID token was issued to another client")
        return claims

    async def check_logout(self, token: str) -> SignedOut:
        """Return whom a logout token signs out (OpenID Connect Back-Channel Logout, section 2.6).

        Raises:
            Unauthenticated: It is not good.
            SignInUnavailable: There are no keys to tell.
        """
        claims = await self._checked(token, "Logout", iat={"essential": True}, jti={"essential": True})
        events = claims.get("events")
        issued = claims.get("iat")
        if not isinstance(events, Mapping) or LOGOUT_EVENT not in events or "nonce" in claims:
            raise Unauthenticated("this is no logout token")
        if not isinstance(issued, int) or issued < self._clock() - LOGOUT_AGE:
            raise Unauthenticated("the logout token is too old")
        subject, session = claims.get("sub"), claims.get("sid")
        found = SignedOut(
            subject=subject if isinstance(subject, str) else "",
            keycloak_session=session if isinstance(session, str) else "",
        )
        if not found.subject and not found.keycloak_session:
            raise Unauthenticated("the logout token names nobody")
        return found

    async def _checked(self, token: str, kind: str, **further: Mapping[str, object]) -> Mapping[str, Json]:
        claims = await self._tokens.signed(token)
        options = {
            "iss": {"essential": True, "value": self._auth.issuer_url},
            "aud": {"essential": True, "value": self._auth.client_id},
            "exp": {"essential": True},
        }
        registry = JWTClaimsRegistry(now=lambda: int(self._clock()), leeway=LEEWAY, **options, **further)  # type: ignore[arg-type]  # claims by name
        try:
            registry.validate(dict(claims))
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated(f"the {kind} token's claims are not as they have to be here") from None
        if claims.get("typ") != kind:
            raise Unauthenticated(f"this is no {kind} token")
        return claims
