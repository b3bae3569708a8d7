"""Signing in from the command line: approved on another device or in a browser (RFC 8628), renewed, and ended."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay

from nbprocessor.auth.keeping import Keeping
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.config import LOOPBACK, Auth
from nbprocessor.errors import SettingsError, SignInUnavailable, Unauthenticated

TIMEOUT = 10
SLOWER = 5
"""Seconds that are added to the pause when Keycloak asks for it (RFC 8628, section 3.5)."""
BEFORE_EXPIRY = 30
"""Seconds before a token expires at which it is renewed."""
NOT_YET = frozenset({"authorization_pending", "slow_down"})

Tell = Callable[[str, str], None]
"""Tells a person the address to open and the code that is shown there."""


def realm_of(server: str) -> Realm:
    """Return the realm people sign in to for a server, which is asked for it.

    Raises:
        SettingsError: The address is none, or without encryption, or nobody signs in there.
        SignInUnavailable: The server does not answer.
    """
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f'"{server}" is no address of a server; write one such as https://nbprocessor.example.')
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise SettingsError(f"{server}: tokens must not travel without encryption; use https.")
    try:
        told = requests.get(f"{server}/health?f=json", timeout=TIMEOUT, allow_redirects=False).json()
    except requests.ConnectionError:
        raise SignInUnavailable(f"{server} does not answer.") from None
    except (requests.RequestException, ValueError):
        raise SignInUnavailable(f"{server} does not answer as nbprocessor does.") from None
    facts = told.get("signIn") if isinstance(told, dict) else None
    if not isinstance(facts, dict):
        raise SettingsError(f"{server} lets everybody in; there is nothing to sign in to.")
    if not facts.get("commandLine"):
        raise SettingsError(f"{server} lets nobody sign in from the command line (auth.cli_client_id).")
    return realm(str(facts.get("issuer")), str(facts["commandLine"]))


def realm(issuer: str, client: str) -> Realm:
    """Return a realm by what its tokens call it.

    Raises:
        SettingsError: That is no realm of a Keycloak, or one without encryption.
    """
    base, _, name = issuer.rpartition("/realms/")
    try:
        return Realm(Auth(keycloak=base, realm=name, client_id=client))
    except ValidationError:
        raise SettingsError(f'The server names "{issuer}" to sign in to, which is no realm that can be used.') from None


def sign_in(at: Realm, tell: Tell, pause: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Return tokens, once a person has approved this in a browser.

    Raises:
        Unauthenticated: It was refused, or took too long.
        SettingsError: The realm lets nobody sign in like this.
        SignInUnavailable: Keycloak does not answer.
    """
    try:
        begun = at.device_code()
    except Refused as refusal:
        raise SettingsError(
            f'The realm\'s client "{at.client_id}" cannot be used from the command line ({refusal}): it has to be '
            "there, without client authentication, and with the device authorization grant switched on."
        ) from None
    tell(str(begun.get("verification_uri_complete") or begun["verification_uri"]), str(begun["user_code"]))
    pauses = [float(begun.get("interval") or SLOWER)]

    def wait(state: RetryCallState) -> float:
        refusal = state.outcome.exception() if state.outcome else None
        if isinstance(refusal, Refused) and refusal.code == "slow_down":
            pauses.append(pauses[-1] + SLOWER)
        return pauses[-1]

    attempts = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, Refused) and error.code in NOT_YET),
        wait=wait,
        stop=stop_after_delay(float(begun.get("expires_in") or 600)),
        sleep=pause,
        reraise=True,
    )
    try:
        return tokens(attempts(at.device_tokens, str(begun["device_code"])))
    except Refused as refusal:
        why = "it was refused there" if refusal.code == "access_denied" else "it was not approved in time"
        raise Unauthenticated(f"nobody is signed in: {why}") from None


def tokens(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an answer of Keycloak's token endpoint."""
    return {
        "access_token": str(answer.get("access_token", "")),
        "refresh_token": str(answer.get("refresh_token", "")),
        "expires": int(time.time()) + int(answer.get("expires_in") or 0),
    }


def access_token(keeping: Keeping, server: str) -> str:
    """Return a token for a server that is good for a while, renewed if need be.

    Raises:
        Unauthenticated: Nobody is signed in there, or no longer.
        SignInUnavailable: Keycloak does not answer.
    """
    with keeping.alone():
        known = keeping.get(server)
        if known is None:
            raise Unauthenticated(f"nobody is signed in; run: nbprocessor login {server}")
        kept = known["tokens"]
        if kept["expires"] - BEFORE_EXPIRY > time.time():
            return str(kept["access_token"])
        try:
            answer = realm(known["issuer"], known["client"]).renewed(kept["refresh_token"])
        except Refused:
            keeping.remove(server)
            raise Unauthenticated(f"the sign-in has ended; run: nbprocessor login {server}") from None
        renewed = tokens(answer)
        keeping.put(server, {**known, "tokens": renewed})
        return str(renewed["access_token"])


def sign_out(keeping: Keeping, server: str) -> bool:
    """End a sign-in here and at Keycloak; return whether there was one.

    Raises:
        SignInUnavailable: Keycloak does not answer; here it has ended all the same.
    """
    with keeping.alone():
        known = keeping.get(server)
        keeping.remove(server)
        if known is None:
            return False
        with suppress(Refused):  # it has ended there already
            realm(known["issuer"], known["client"]).end(known["tokens"]["refresh_token"])
        return True
