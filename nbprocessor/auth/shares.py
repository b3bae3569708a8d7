"""Links to a job's report for people who do not sign in: signed, for one job, good until a day that stands in them."""

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from nbprocessor.errors import Unauthenticated

ALGORITHM = "HS256"
KIND = "share+jwt"
"""Type of these tokens, so that none is taken for another (RFC 8725, section 3.11)."""


class Shares:
    """Makes and checks the signatures of shared links."""

    def __init__(self, secret: str, days: int, clock: Callable[[], float] = time.time) -> None:
        """Take the secret.

        Args:
            secret: Of this server's client; a new one ends every link. Not used itself: a key is derived from it.
            days: Days a link is good for at most.
            clock: Seconds since 1970.
        """
        self.days = days if secret else 0
        """0: nothing can be shared."""
        key = hmac.new(secret.encode(), b"nbprocessor: links to reports", hashlib.sha256).digest()
        self._key = OctKey.import_key(key)
        self._clock = clock

    def make(self, job_id: UUID, days: int) -> tuple[str, datetime]:
        """Return the token of a link and when it ends to be good."""
        expires = datetime.fromtimestamp(int(self._clock()), UTC) + timedelta(days=days)
        claims = {"sub": str(job_id), "exp": int(expires.timestamp())}
        return jwt.encode({"alg": ALGORITHM, "typ": KIND}, claims, self._key), expires

    def check(self, token: str, job_id: str) -> None:
        """Check a link.

        Raises:
            Unauthenticated: It is not of this server, for another job, or no longer good.
        """
        try:
            found = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            rules = jwt.JWTClaimsRegistry(
                now=lambda: int(self._clock()), exp={"essential": True}, sub={"essential": True, "value": job_id}
            )
            rules.validate(found.claims)
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated("this link is not good, or no longer") from None
        if not self.days or found.header.get("typ") != KIND:
            raise Unauthenticated("this link is not good, or no longer")
