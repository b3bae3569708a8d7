"""Access tokens: which are good, checked here without a call to Keycloak (RFC 9068, RFC 8725).

The signature says that the realm wrote the token, its claims that it wrote an access token, for this server, and
that it is still good. An ID token or a refresh token is signed with the same keys and is not one.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError

from nbprocessor.auth.identity import Identity, identity
from nbprocessor.auth.keys import ALGORITHMS, PATIENCE, KeyRing
from nbprocessor.config import Auth
from nbprocessor.errors import SignInUnavailable, Unauthenticated
from nbprocessor.model import Json

LEEWAY = 30
"""Seconds that clocks may differ."""
LONGEST = 16_384
"""Characters a token may have."""

IsActive = Callable[[str], bool]
"""Asks Keycloak whether a token is active; raises SignInUnavailable."""


class Tokens:
    """Tells who sent a token; used in one event loop."""

    def __init__(self, auth: Auth, keys: KeyRing, is_active: IsActive, clock: Callable[[], float] = time.time) -> None:
        """Take the parts.

        Args:
            auth: What a token has to be like.
            keys: Of the realm.
            is_active: Asked for every token when ``auth.introspect`` is on.
            clock: Seconds since 1970.
        """
        self._auth = auth
        self._keys = keys
        self._is_active = is_active
        self._clock = clock

    async def check(self, token: str) -> Identity:
        """Return who a token was issued to.

        Raises:
            Unauthenticated: It is not good; the reason says which check it failed.
            SignInUnavailable: Keycloak has to be asked, and does not answer.
        """
        claims = await self.signed(token)
        self._check_times(claims)
        self._check_kind(claims)
        found = identity(claims, self._auth.client_id)
        if self._auth.introspect and not await self._active(token):
            raise Unauthenticated("Keycloak says that the token is no longer active")
        return found

    async def signed(self, token: str) -> Mapping[str, Json]:
        """Return the claims of a token that the realm has signed, of whatever kind it is.

        Raises:
            Unauthenticated: It has not.
            SignInUnavailable: There are no keys to tell.
        """
        if len(token) > LONGEST or not token.isascii():
            raise Unauthenticated("this is no token")
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated("this is no signed token") from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise Unauthenticated("the token is signed with an algorithm that is not taken here")
        if not isinstance(key_id, str):
            raise Unauthenticated("the token does not say which key signed it")
        key = await self._keys.get(key_id)
        if key.get("alg", algorithm) != algorithm:
            raise Unauthenticated("the token's algorithm is not that of its key")
        try:
            return jwt.decode(token, key, algorithms=[str(algorithm)]).claims
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated("the token's signature is not good") from None

    def _check_times(self, claims: Mapping[str, Json]) -> None:
        """Check that the token is from this realm and of this time."""
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._auth.issuer_url},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(dict(claims))
        except ExpiredTokenError:
            raise Unauthenticated("the token has expired") from None
        except ClaimError as error:
            raise Unauthenticated(f'the token\'s "{error.claim}" is not as it has to be here') from None
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated("the token's claims cannot be read") from None
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Unauthenticated('the token\'s "sub" is not as it has to be here')

    def _check_kind(self, claims: Mapping[str, Json]) -> None:
        """Check that it is an access token, and for this server."""
        if claims.get("typ") != "Bearer":
            raise Unauthenticated("this is no access token")
        client = claims.get("azp")
        if self._auth.clients and client not in self._auth.clients:
            raise Unauthenticated("tokens of the client it was issued to are not taken here (auth.clients)")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if self._auth.check_audience and self._auth.client_id not in named:
            raise Unauthenticated(
                f"the token's aud does not name {self._auth.client_id}; the realm's client "
                f"{client if isinstance(client, str) else ''} needs an audience mapper for it"
            )

    async def _active(self, token: str) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.to_thread(self._is_active, token)
        except TimeoutError:
            raise SignInUnavailable("Keycloak does not say whether the token is active.") from None
