"""The realm in Keycloak: where it is, and the few things that are asked of it."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakError

from nbprocessor.config import Auth
from nbprocessor.errors import SignInUnavailable
from nbprocessor.model import Json

TIMEOUT = 4
"""Seconds to connect, and seconds without an answer. Nobody waits longer than 10 for both and a response."""
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a kind of token (RFC 8693)
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105  # likewise
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

Answer = TypeVar("Answer")


class Refused(Exception):
    """Keycloak answered, and not with what was asked for."""

    def __init__(self, status: int | None, error: str, code: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.code = code
        """The error's code in OAuth, such as ``invalid_grant``; empty: there is none."""


class Realm:
    """Asks Keycloak; every method may be called from any thread, and takes a few seconds at most."""

    def __init__(self, auth: Auth) -> None:
        self.issuer = auth.issuer_url
        self.client_id = auth.client_id
        self._auth = auth
        self._threads = threading.local()

    def keys(self) -> Mapping[str, Json]:
        """Return the public keys of the realm (RFC 7517).

        Raises:
            SignInUnavailable: Keycloak does not answer, or not with keys.
        """
        try:
            return self._ask(lambda realm: realm.certs())
        except Refused as error:
            raise SignInUnavailable(f"Keycloak gives no keys ({error}).") from None

    def is_active(self, token: str) -> bool:
        """Tell whether Keycloak itself takes a token for good at this moment (RFC 7662).

        Raises:
            SignInUnavailable: Keycloak does not say.
        """
        try:
            return self._ask(lambda realm: realm.introspect(token)).get("active") is True
        except Refused as error:
            raise SignInUnavailable(f"Keycloak does not say whether the token is active ({error}).") from None

    def description(self) -> Mapping[str, Json]:
        """Return what the realm says of itself (OpenID Connect Discovery); Refused when there is no such realm."""
        return self._ask(lambda realm: realm.well_known())

    def own_token(self) -> str:
        """Return a token of this server's own service account; Refused when Keycloak gives none."""
        return str(self._ask(lambda realm: realm.token(grant_type="client_credentials")).get("access_token", ""))

    def exchanged(self, token: str) -> str:
        """Return a token for Data Management in place of another (RFC 8693); Refused when Keycloak gives none."""
        answer = self._ask(
            lambda realm: realm.exchange_token(
                token,
                audience=self._auth.target_client_id,
                subject_token_type=ACCESS_TOKEN,
                requested_token_type=ACCESS_TOKEN,
            )
        )
        return str(answer.get("access_token", ""))

    def exchanged_to_last(self, token: str) -> Mapping[str, Any]:
        """Return tokens for Data Management in place of another, with one to renew them by as long as its owner is
        signed in; Refused when Keycloak gives none, or none that can be renewed.
        """
        return self._ask(
            lambda realm: realm.exchange_token(
                token,
                audience=self._auth.target_client_id,
                subject_token_type=ACCESS_TOKEN,
                requested_token_type=REFRESH_TOKEN,
            )
        )

    def granted(self, assertion: str) -> Mapping[str, Any]:
        """Return tokens for whom a signed assertion names (RFC 7523); Refused when Keycloak gives none."""
        return self._ask(lambda realm: realm.token(grant_type=JWT_GRANT, assertion=assertion))

    def impersonated(self, subject: str) -> Mapping[str, Any]:
        """Return tokens for Data Management for somebody who had no part in it (Keycloak's legacy token exchange);
        Refused when Keycloak gives none.
        """
        wanted = {"requested_subject": subject, "audience": self._auth.target_client_id}
        return self._ask(
            lambda realm: realm.token(grant_type=EXCHANGE_GRANT, requested_token_type=ACCESS_TOKEN, **wanted)
        )

    def sign_in_address(self, **wanted: str) -> str:
        """Return where a browser signs in (OpenID Connect Core, section 3.1.2.1); Refused when there is no such realm.

        Args:
            wanted: The parameters of the request, but for the client's id and the kind of answer.
        """
        address = str(self.description().get("authorization_endpoint", ""))
        return f"{address}?{urlencode({'client_id': self.client_id, 'response_type': 'code', **wanted})}"

    def refusal_of_sign_in(self, redirect_uri: str) -> str:
        """Return how the realm refuses to let a browser sign in without a challenge (RFC 7636); empty: it does not.

        Returns:
            An error code of OAuth that the browser would come back with, or ``page`` for a page of Keycloak's own.

        Raises:
            SignInUnavailable: Keycloak does not answer.
        """
        address = self.sign_in_address(redirect_uri=redirect_uri, scope="openid", state="doctor")
        try:
            answer = requests.get(address, allow_redirects=False, timeout=TIMEOUT)
        except requests.RequestException:
            raise SignInUnavailable(f"Keycloak does not answer at {self._auth.base_url}.") from None
        came_back = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
        return came_back.get("error", "") or ("page" if answer.status_code >= 400 else "")

    def sign_out_address(self, **wanted: str) -> str:
        """Return where a browser signs out (OpenID Connect RP-Initiated Logout); it is not asked for."""
        address = f"{self.issuer}/protocol/openid-connect/logout"
        return f"{address}?{urlencode({'client_id': self.client_id, **wanted})}"

    def redeemed(self, code: str, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        """Return the tokens for a code that a browser came back with; Refused when Keycloak gives none."""
        return self._ask(
            lambda realm: realm.token(
                grant_type="authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=verifier
            )
        )

    def renewed(self, refresh_token: str) -> Mapping[str, Any]:
        """Return new tokens in place of old ones; Refused when the sign-in has ended."""
        return self._ask(lambda realm: realm.refresh_token(refresh_token))

    def device_code(self) -> Mapping[str, Any]:
        """Return what begins a sign-in on another device (RFC 8628); Refused when the client may not have one."""
        return self._ask(lambda realm: realm.device(scope="openid"))

    def device_tokens(self, device_code: str) -> Mapping[str, Any]:
        """Return the tokens of a sign-in on another device; Refused as long as it is not approved there."""
        return self._ask(lambda realm: realm.token(grant_type=DEVICE_GRANT, device_code=device_code))

    def end(self, refresh_token: str) -> None:
        """End the sign-in a refresh token is of; Refused when it has ended already."""
        self._ask(lambda realm: realm.logout(refresh_token) or {})

    def _ask(self, question: "Callable[[KeycloakOpenID], Any]") -> Mapping[str, Any]:
        try:
            answer = question(self._client())
        except KeycloakError as error:
            if not error.response_code:
                raise SignInUnavailable(f"Keycloak does not answer at {self._auth.base_url}.") from None
            if error.response_code >= 500:
                raise SignInUnavailable(f"Keycloak answers with an error of its own ({error.response_code}).") from None
            said = _said(error)
            told = said.get("error_description") or said.get("error") or f"status {error.response_code}"
            raise Refused(error.response_code, str(told)[:200], str(said.get("error") or "")) from None
        except (requests.RequestException, ValueError, TypeError):
            raise SignInUnavailable(f"{self._auth.base_url} does not answer as Keycloak does.") from None
        if not isinstance(answer, Mapping):
            raise SignInUnavailable(f"{self._auth.base_url} does not answer as Keycloak does.")
        return answer

    def _client(self) -> KeycloakOpenID:
        """Return this thread's client: it keeps a connection, and headers that threads must not share."""
        if not hasattr(self._threads, "client"):
            self._threads.client = KeycloakOpenID(
                server_url=self._auth.base_url,
                realm_name=self._auth.realm,
                client_id=self._auth.client_id,
                client_secret_key=self._auth.secret() or None,
                timeout=TIMEOUT,
                max_retries=0,
            )
        return self._threads.client


def _said(error: KeycloakError) -> Mapping[str, Any]:
    """Return what Keycloak said was wrong, without anything of the request."""
    try:
        document = json.loads(error.response_body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
