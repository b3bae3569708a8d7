"""Signing in, put together: one object that the server has when sign-in is on."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine

from nbprocessor.auth.delegation import Delegation
from nbprocessor.auth.doctor import examine
from nbprocessor.auth.idtokens import IdTokens
from nbprocessor.auth.keys import KeyRing
from nbprocessor.auth.policy import Policy
from nbprocessor.auth.realm import Realm
from nbprocessor.auth.securitylog import SecurityLog
from nbprocessor.auth.sessions import Sessions
from nbprocessor.auth.shares import Shares
from nbprocessor.auth.tokens import Tokens
from nbprocessor.config import Auth
from nbprocessor.errors import StoreUnavailable
from nbprocessor.store.grants import GrantStore, OfflineStore
from nbprocessor.store.sessions import SessionStore

log = logging.getLogger(__name__)

LOOK_AGAIN = 300.0
"""Seconds between two looks at the realm."""


@dataclass(slots=True)
class SignIn:
    """Whatever decides who may do what."""

    auth: Auth
    realm: Realm
    keys: KeyRing
    tokens: Tokens
    policy: Policy
    shares: Shares
    sessions: Sessions
    security_log: SecurityLog
    delegation: Delegation
    problems: Sequence[str] = field(default=())
    """What was missing in the realm when it was looked at last."""

    async def watch(self, stop: asyncio.Event, base_url: str) -> None:
        """Fetch the keys, and look at the realm and after the sessions now and then, until ``stop`` is set."""
        while not stop.is_set():
            await self.keys.refresh()
            found = await asyncio.to_thread(examine, self.auth, self.realm, base_url)
            for problem in found:
                if problem not in self.problems:
                    log.warning("sign-in: %s", problem)
            self.problems = tuple(found)
            with suppress(StoreUnavailable):  # it is done the next time
                await self.sessions.sweep()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_AGAIN)


def build(auth: Auth, engine: Engine) -> SignIn | None:
    """Put the parts together; None when sign-in is off. Keycloak is not asked yet.

    Raises:
        SettingsError: The key of ``auth.grant_key_file`` cannot be read.
        StoreUnavailable: The security log cannot be written.
    """
    if not auth.on:
        return None
    realm = Realm(auth)
    keys = KeyRing(realm.keys)
    tokens = Tokens(auth, keys, realm.is_active)
    security_log = SecurityLog(auth.security_log)
    return SignIn(
        auth=auth,
        realm=realm,
        keys=keys,
        tokens=tokens,
        policy=Policy(auth),
        shares=Shares(auth.secret(), auth.share_days),
        sessions=Sessions(auth, SessionStore(engine), realm, tokens, IdTokens(auth, tokens)),
        security_log=security_log,
        delegation=Delegation(auth, realm, GrantStore(engine), OfflineStore(engine), security_log),
    )
