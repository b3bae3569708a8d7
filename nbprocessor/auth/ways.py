"""Ways to a token for Data Management in somebody's name; what Keycloak answers is read here, too."""

import json
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from nbprocessor.auth import sealing
from nbprocessor.auth.identity import identity, owner_of
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.auth.securitylog import SecurityLog
from nbprocessor.config import Auth
from nbprocessor.errors import SettingsError, SignInUnavailable
from nbprocessor.model.job import Job
from nbprocessor.store.grants import GrantStore, OfflineStore

log = logging.getLogger(__name__)

BEFORE_EXPIRY = 20
"""Seconds before a token expires at which another is asked for."""
ASSERTED = 60
"""Seconds an assertion is good for."""
ALGORITHMS: Mapping[str, str] = {"RSA": "RS256", "EC": "ES256"}
"""What assertions are signed with, by the kind of key."""


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A token and how long it is good."""

    text: str
    expires: float
    """Seconds since 1970."""

    def is_good(self, now: float) -> bool:
        """Tell whether it lasts for another request."""
        return now < self.expires - BEFORE_EXPIRY


class Way(ABC):
    """A way to a token for a job's owner; called from threads."""

    name: ClassVar[str]

    @abstractmethod
    def leads(self, job: Job) -> bool:
        """Tell whether it may be tried for a job of somebody of this realm."""

    @abstractmethod
    def token(self, job: Job, subject: str, refused: str | None) -> Token:
        """Ask Keycloak for a token.

        Args:
            job: For which.
            subject: Its owner's ``sub``.
            refused: The token that Data Management does not take; another is wanted.

        Raises:
            Refused: Keycloak gives none.
            SignInUnavailable: Keycloak does not answer.
        """


class Exchange(Way):
    """The token that came with the request, exchanged for one for Data Management (RFC 8693), and renewed."""

    name: ClassVar[str] = "exchange"

    def __init__(self, auth: Auth, realm: Realm, grants: GrantStore, clock: Callable[[], float]) -> None:
        self._realm = realm
        self._grants = grants
        self._clock = clock
        self._key = sealing.key(auth.secret(), "grants of jobs")

    def grant(self, token: str, job_id: UUID) -> str:
        """Exchange the token of a request, and seal what lets a job go on with it, however long it waits.

        Where Keycloak does not answer now, the token itself is kept, to be exchanged with the first request for data.
        """
        try:
            return self._sealed(job_id, self._realm.exchanged_to_last(token))
        except (Refused, SignInUnavailable) as fault:
            log.info("token not exchanged beforehand job=%s reason=%s", job_id, fault)
        return sealing.sealed({"job": str(job_id), "subject_token": token}, self._key)

    def leads(self, job: Job) -> bool:
        """Tell whether the job came with a token."""
        return bool(self._content(job))

    def token(self, job: Job, subject: str, refused: str | None) -> Token:  # noqa: ARG002  # the token knows whose it is
        """Return what was exchanged before if it is still good, else renew it, else exchange."""
        content = self._content(job)
        if not content:
            raise Refused(None, "the job has ended, or was not sent with a token")
        if "access_token" in content:
            kept = Token(content["access_token"], content["expires"])
            if kept.is_good(self._clock()) and kept.text != refused:
                return kept
        if "refresh_token" in content:
            renewed = self._realm.renewed(content["refresh_token"])
            # A renewed token is good for this server, too; what Data Management gets is good for itself alone.
            narrowed = self._realm.exchanged(str(renewed.get("access_token", "")))
            answer: Mapping[str, Any] = {"access_token": narrowed, "refresh_token": renewed.get("refresh_token")}
        else:
            answer = self._exchanged(content["subject_token"])
        found = _token(answer, self._clock())
        if answer.get("refresh_token"):
            self._grants.replace(job.id, self._sealed(job.id, answer))
        return found

    def _sealed(self, job_id: UUID, answer: Mapping[str, Any]) -> str:
        found = _token(answer, self._clock())
        content = {"job": str(job_id), "refresh_token": str(answer.get("refresh_token", ""))}
        return sealing.sealed(content | {"access_token": found.text, "expires": found.expires}, self._key)

    def _exchanged(self, token: str) -> Mapping[str, Any]:
        try:
            return self._realm.exchanged_to_last(token)
        except Refused as refusal:
            if refusal.status != 400:
                raise
        # A realm that gives none to renew by: then the run may take as long as the first one is good.
        return {"access_token": self._realm.exchanged(token)}

    def _content(self, job: Job) -> Mapping[str, Any]:
        sealed = self._grants.get(job.id)
        content = sealing.opened(sealed, self._key) if sealed else None
        return content if content is not None and content.get("job") == str(job.id) else {}


class Absent(Way):
    """A way that needs nothing of the owner at the time; it also tells whether he still may what he might."""

    def leads(self, job: Job) -> bool:  # noqa: ARG002  # the contract's
        """Always."""
        return True

    def token(self, job: Job, subject: str, refused: str | None) -> Token:  # noqa: ARG002  # it is asked for anew anyway
        """Ask Keycloak."""
        return self.of(subject, f"job {job.id}")

    @abstractmethod
    def of(self, subject: str, purpose: str) -> Token:
        """Return a token for somebody; errors as :meth:`token`.

        Args:
            subject: His ``sub``.
            purpose: What for, in words.
        """


class JwtGrant(Absent):
    """An assertion that this server signs (RFC 7523); for people whom the realm has linked to it."""

    name: ClassVar[str] = "jwt_grant"

    def __init__(self, auth: Auth, realm: Realm, clock: Callable[[], float]) -> None:
        """Read the key.

        Raises:
            SettingsError: It cannot be read.
        """
        self._auth = auth
        self._realm = realm
        self._clock = clock
        self._key = _private_key(auth)

    def of(self, subject: str, purpose: str) -> Token:  # noqa: ARG002  # Keycloak's own log has it
        """Sign an assertion and have it exchanged for a token."""
        now = int(self._clock())
        header = {"alg": ALGORITHMS[self._key.key_type], "typ": "JWT", "kid": self._key.thumbprint()}
        assertion_of = {
            "iss": self._auth.grant_issuer,
            "sub": subject,
            "aud": self._auth.issuer_url,
            "iat": now,
            "exp": now + ASSERTED,
            "jti": uuid.uuid4().hex,
        }
        assertion = jwt.encode(header, assertion_of, self._key, algorithms=list(ALGORITHMS.values()))
        return _token(self._realm.granted(assertion), self._clock())


class Offline(Absent):
    """A token that its owner left here on the pages, until he takes it back in Keycloak's account pages."""

    name: ClassVar[str] = "offline"

    def __init__(self, auth: Auth, realm: Realm, store: OfflineStore, clock: Callable[[], float]) -> None:
        self._issuer = auth.issuer_url
        self._realm = realm
        self._store = store
        self._clock = clock
        self._key = sealing.key(auth.secret(), "offline tokens")

    def keep(self, owner: str, refresh_token: str) -> None:
        """Keep what somebody leaves here."""
        self._store.put(owner, sealing.sealed({"owner": owner, "refresh_token": refresh_token}, self._key))

    def of(self, subject: str, purpose: str) -> Token:  # noqa: ARG002  # Keycloak's own log has it
        """Renew what was left here, and exchange it for a token for Data Management."""
        owner = owner_of(self._issuer, subject)
        sealed = self._store.get(owner)
        content = sealing.opened(sealed, self._key) if sealed else None
        if content is None or content.get("owner") != owner:
            raise Refused(None, "the owner has not allowed it on the page of schedules")
        try:
            renewed = self._realm.renewed(content["refresh_token"])
        except Refused as refusal:
            if refusal.code == "invalid_grant":  # taken back, or too old: it will never do again
                self._store.forget(owner)
            raise
        if renewed.get("refresh_token") not in {None, content["refresh_token"]}:
            self.keep(owner, str(renewed["refresh_token"]))
        narrowed = self._realm.exchanged(str(renewed.get("access_token", "")))
        return _token({"access_token": narrowed}, self._clock())


class Impersonation(Absent):
    """Keycloak's legacy token exchange: the client's secret alone is everybody. For platforms that rely on it."""

    name: ClassVar[str] = "impersonation"

    def __init__(self, auth: Auth, realm: Realm, security_log: SecurityLog, clock: Callable[[], float]) -> None:
        self._auth = auth
        self._realm = realm
        self._log = security_log
        self._clock = clock

    def of(self, subject: str, purpose: str) -> Token:
        """Ask for somebody's token; one that may be an administrator's is not used, whatever Keycloak allows."""
        try:
            found = _token(self._realm.impersonated(subject), self._clock())
            who = identity(claims(found), self._auth.client_id)
        except Refused as refusal:
            self._log.write("impersonation", None, reason=f"Keycloak refused, of {subject}, {purpose}: {refusal}")
            raise
        if not who.roles or who.roles & set(self._auth.administrators):
            self._log.write("impersonation", who, reason=f"not used, {purpose}")
            raise Refused(403, "nobody is impersonated who is an administrator, or whose token shows no roles")
        self._log.write("impersonation", who, reason=purpose)
        return found


def _token(answer: Mapping[str, Any], now: float) -> Token:
    """Read an answer of the token endpoint.

    Raises:
        Refused: There is no token in it.
    """
    text = answer.get("access_token")
    if not isinstance(text, str) or not text:
        raise Refused(None, "Keycloak's answer has no token")
    lasts = answer.get("expires_in")
    if isinstance(lasts, int):
        return Token(text, now + lasts)
    expires = _read(text).get("exp")
    return Token(text, float(expires) if isinstance(expires, int) else now)


def claims(token: Token) -> Mapping[str, Any]:
    """Read a token that came from Keycloak itself just now.

    Raises:
        Refused: It says not whose it is.
    """
    claims = _read(token.text)
    if not isinstance(claims.get("iss"), str) or not isinstance(claims.get("sub"), str):
        raise Refused(None, "Keycloak's token does not say whose it is")
    return claims


def _read(token: str) -> Mapping[str, Any]:
    try:
        payload = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, TypeError):
        return {}
    return payload if isinstance(payload, Mapping) else {}


def _private_key(auth: Auth) -> RSAKey | ECKey:
    """Read the key that assertions are signed with.

    Raises:
        SettingsError: There is none, or none of a kind that signs.
    """
    file = auth.grant_key_file
    try:
        content = file.read_bytes() if file is not None else b""
        for kind in (RSAKey, ECKey):
            try:
                key = kind.import_key(content)
            except (JoseError, ValueError, TypeError):
                continue
            if key.is_private and (not isinstance(key, ECKey) or key.curve_name == "P-256"):
                return key
    except OSError as error:
        raise SettingsError(f"auth.grant_key_file ({file}) cannot be read: {error.strerror or error}.") from None
    mend = "make one with `openssl genpkey -algorithm RSA`."
    raise SettingsError(f"auth.grant_key_file ({file}) has no private key of RSA or P-256: {mend}")
