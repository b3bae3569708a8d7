"""Acting for somebody: tokens for Data Management in the name of a job's owner, also when he is not there.

A run never has a token: its gateway adds one to each request (:mod:`nbprocessor.execution.gateway`). What lets it do so
is kept sealed beside the job's row until the job ends, so that a run goes on in whichever process takes it over.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from nbprocessor.auth import sealing
from nbprocessor.auth.identity import Identity, identity, owner_of
from nbprocessor.auth.keys import PATIENCE
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.auth.securitylog import SecurityLog
from nbprocessor.auth.ways import Absent, Exchange, Impersonation, JwtGrant, Offline, Token, Way, claims
from nbprocessor.config import Auth
from nbprocessor.errors import RightsLost, SignInUnavailable, TokenUnavailable
from nbprocessor.execution.gateway.tokens import TokenSource
from nbprocessor.model.job import Job
from nbprocessor.store.grants import GrantStore, OfflineStore

log = logging.getLogger(__name__)

REMEMBERED = 1_000
"""Jobs whose tokens are kept in memory."""
RIGHTS = "rights of a schedule's owner"
"""What a token is asked for that no run gets."""
TICKET = 3600.0
"""Seconds a page may be open before its link does no longer."""
KNOWN = 5.0
"""Seconds for which is remembered who somebody is that is not there: many schedules may be due at once."""


@dataclass(slots=True)
class _Kept:
    """The token of one job."""

    token: Token | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    thread: threading.Lock = field(default_factory=threading.Lock)
    """Held by the thread that asks, which goes on when nobody waits for it any more."""


class Delegation(TokenSource):
    """Finds tokens for jobs by the ways the settings name, and keeps them while they are good."""

    def __init__(
        self,
        auth: Auth,
        realm: Realm,
        grants: GrantStore,
        offline: OfflineStore,
        security_log: SecurityLog,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the parts; Keycloak is not asked yet.

        Raises:
            SettingsError: The key of ``auth.grant_key_file`` cannot be read.
        """
        made: Mapping[str, Callable[[], Way]] = {
            Exchange.name: lambda: Exchange(auth, realm, grants, clock),
            JwtGrant.name: lambda: JwtGrant(auth, realm, clock),
            Offline.name: lambda: Offline(auth, realm, offline, clock),
            Impersonation.name: lambda: Impersonation(auth, realm, security_log, clock),
        }
        self._auth = auth
        self._ways: Sequence[Way] = [made[name]() for name in auth.tokens]
        self._clock = clock
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._known: dict[str, tuple[float, Identity]] = {}
        self._silent = 0.0
        """Until when Keycloak counts as not answering."""

    @property
    def ways(self) -> Sequence[str]:
        """Names of the ways there are, in the order in which they are tried."""
        return [way.name for way in self._ways]

    @property
    def acts_for_absent(self) -> bool:
        """Whether there is a way for somebody who is not there: schedules are run in their owners' names by it."""
        return any(isinstance(way, Absent) for way in self._ways)

    def grant(self, token: str) -> Callable[[UUID], str] | None:
        """Return what seals the token of a request for the job that comes of it; None: it is not needed."""
        exchange = next((way for way in self._ways if isinstance(way, Exchange)), None)
        if exchange is None or not token or not self._auth.secret():  # without a secret it could not be sealed
            return None
        return partial(exchange.grant, token)

    def ticket(self, session_id: str) -> str:
        """Return what a page of a session links to so that its owner is asked to leave a token here; empty: none is."""
        if self._offline is None or not self._auth.secret():
            return ""
        content = {"session": _digest(session_id), "until": self._clock() + TICKET}
        return sealing.sealed(content, sealing.key(self._auth.secret(), "tickets"))

    def is_ticket(self, ticket: str, session_id: str) -> bool:
        """Tell whether a ticket was made for a page of this session, not long ago."""
        content = sealing.opened(ticket, sealing.key(self._auth.secret(), "tickets"))
        return bool(
            session_id and content and content["session"] == _digest(session_id) and content["until"] > self._clock()
        )

    def remember(self, owner: str, refresh_token: str) -> None:
        """Keep the offline token somebody leaves here (runs in a thread)."""
        if self._offline is not None:
            self._offline.keep(owner, refresh_token)
            self._known.pop(owner, None)

    @property
    def _offline(self) -> Offline | None:
        return next((way for way in self._ways if isinstance(way, Offline)), None)

    def signs_in(self, job: Job) -> bool:
        """Tell whether there is a way for a job."""
        return bool(self._subject(job.owner)) and any(way.leads(job) for way in self._ways)

    async def token(self, job: Job, refused: str | None = None) -> str | None:
        """Return a token for a request of a job; concurrent requests ask Keycloak once."""
        kept = self._kept.setdefault(job.id, _Kept())
        self._kept.move_to_end(job.id)
        if len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        async with kept.asking:
            token = kept.token
            if token is None or token.text == refused or not token.is_good(self._clock()):
                try:
                    async with asyncio.timeout(PATIENCE):
                        token = kept.token = await asyncio.to_thread(self._fresh, job, kept, refused)
                except TimeoutError:
                    raise SignInUnavailable("Keycloak does not answer; the request may be sent again.") from None
        return None if token is None else token.text

    def rights(self, owner: str) -> Identity:
        """Return who an owner of schedules is at this moment, as Keycloak says (may run in a thread).

        Raises:
            RightsLost: Keycloak does not let this server act for him: he is disabled or gone, or took it back.
            SignInUnavailable: Keycloak does not answer.
        """
        subject = self._subject(owner)
        if not subject:
            raise RightsLost("The owner is of another realm.")
        until, known = self._known.get(owner, (0.0, None))
        if known is not None and self._clock() < until:
            return known
        if self._clock() < self._silent:
            raise SignInUnavailable("Keycloak does not answer.")
        refusals = []
        for way in self._ways:
            if not isinstance(way, Absent):
                continue
            try:
                who = identity(claims(_checked(subject, way.of(subject, RIGHTS))), self._auth.client_id)
            except SignInUnavailable:
                self._silent = self._clock() + KNOWN  # a round of many schedules does not wait for each
                raise
            except Refused as refusal:
                refusals.append(f"{way.name}: {refusal}")
                continue
            if len(self._known) > REMEMBERED:
                self._known.clear()
            self._known[owner] = self._clock() + KNOWN, who
            return who
        raise RightsLost(f"Keycloak does not let this server act for the owner ({'; '.join(refusals)}).")

    def _fresh(self, job: Job, kept: _Kept, refused: str | None) -> Token | None:
        """Ask Keycloak by one way after the other (runs in a thread); None: there is none for this job."""
        with kept.thread:
            return self._asked(job, refused)

    def _asked(self, job: Job, refused: str | None) -> Token | None:
        subject = self._subject(job.owner)
        ways = [way for way in self._ways if subject and way.leads(job)]
        refusals = []
        for way in ways:
            try:
                return _checked(subject, way.token(job, subject, refused))
            except Refused as refusal:
                refusals.append(f"{way.name}: {refusal}")
        if not ways:
            return None
        log.warning("no token for a job job=%s reason=%s", job.id, "; ".join(refusals))
        raise TokenUnavailable(
            f"The sign-in of the job's owner has ended or was taken back ({'; '.join(refusals)}); sign in and run it "
            "again."
        )

    def _subject(self, owner: str | None) -> str:
        """Return the ``sub`` of somebody of this realm; empty: he is of another one, or nobody."""
        prefix = owner_of(self._auth.issuer_url, "")
        return owner.removeprefix(prefix) if owner is not None and owner.startswith(prefix) else ""


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


def _checked(subject: str, token: Token) -> Token:
    """Return a token that is of whom it was asked for.

    Raises:
        Refused: It is somebody else's: what links people to this server in the realm is wrong.
    """
    if claims(token)["sub"] != subject:
        raise Refused(None, "Keycloak's token is of somebody else; the realm's link to this server is wrong")
    return token
