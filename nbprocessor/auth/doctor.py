"""Looks whether the realm is as this server needs it, and says what is missing, for an administrator to mend."""

import json
import time
from collections.abc import Mapping

from joserfc import jws
from joserfc.errors import JoseError

from nbprocessor.auth.keys import ALGORITHMS
from nbprocessor.auth.realm import Realm, Refused
from nbprocessor.auth.ways import Impersonation, JwtGrant
from nbprocessor.config import Auth
from nbprocessor.errors import SettingsError, SignInUnavailable
from nbprocessor.model import Json

NOBODY = "00000000-0000-4000-8000-000000000000"
"""Subject of a user who does not exist."""


def examine(auth: Auth, realm: Realm, base_url: str = "") -> list[str]:
    """Return what is missing, a sentence each; empty: nothing is.

    Keycloak is asked as this server's client: for a token of its own, and for one in its place. Takes up to half a
    minute when Keycloak does not answer.

    Args:
        auth: The settings.
        realm: What they name.
        base_url: Where the pages of this server are; empty: whether people can sign in there is not looked at.
    """
    try:
        return _realm(auth, realm) + _client(auth, realm) + (_pages(auth, realm, base_url) if base_url else [])
    except SignInUnavailable as fault:
        return [str(fault)]


def _realm(auth: Auth, realm: Realm) -> list[str]:
    try:
        description = realm.description()
    except Refused:
        return [f'Keycloak at {auth.base_url} has no realm "{auth.realm}": correct auth.realm (KC_REALM_NAME).']
    found = []
    if (issuer := description.get("issuer")) != auth.issuer_url:
        found.append(
            f"The realm calls itself {issuer}, and tokens are expected from {auth.issuer_url}: set auth.issuer to "
            "the former, or auth.keycloak to the address browsers use."
        )
    offered = {key.get("alg") for key in realm.keys().get("keys", ()) if isinstance(key, Mapping)}
    if not offered & ALGORITHMS:
        names = ", ".join(sorted(ALGORITHMS))
        found.append(f"The realm signs with none of {names}: add such a key (Realm settings, Keys).")
    return found


def _client(auth: Auth, realm: Realm) -> list[str]:
    client = auth.client_id
    if not auth.secret():
        return [
            f'Whether the client "{client}" is set up cannot be looked at without its secret: set '
            "auth.client_secret_file (KC_CLIENT_SECRET)."
        ]
    try:
        token = realm.own_token()
    except Refused as refusal:
        return [
            f'Keycloak does not let the client "{client}" sign in ({refusal}): it has to be there, with client '
            "authentication and the service account role switched on, and auth.client_secret has to be its secret."
        ]
    claims = _claims(token)
    found = []
    audience = claims.get("aud")
    if client not in (audience if isinstance(audience, list) else [audience]):
        found.append(
            f'Tokens of the client "{client}" do not name it in aud: add an audience mapper for it, to this client '
            "and to those people sign in with (Clients, Client scopes, Add mapper, Audience)."
        )
    if "groups" not in claims:
        found.append(
            f'Tokens of the client "{client}" carry no groups, and Data Management gives rights by groups: add a '
            f'group membership mapper with the claim name "groups" and full paths. If it is there, put the user '
            f"service-account-{client.lower()} into some group, so that it can be seen at work."
        )
    return found + _exchange(auth, realm, token) + _absent(auth, realm, claims)


def _exchange(auth: Auth, realm: Realm, token: str) -> list[str]:
    if "exchange" not in auth.tokens:
        return []
    try:
        realm.exchanged(token)
    except Refused as refusal:
        return [
            f'Keycloak exchanges no token of the client "{auth.client_id}" for "{auth.target_client_id}" '
            f"({refusal}): switch on Standard token exchange at the former, and add an audience mapper for the latter."
        ]
    return []


def _absent(auth: Auth, realm: Realm, own: Mapping[str, Json]) -> list[str]:
    """Look at the ways to act for somebody who is not there; ``own`` is what this server's own token says."""
    found = []
    if JwtGrant.name in auth.tokens:
        try:
            JwtGrant(auth, realm, time.time).of(NOBODY, "doctor")
        except Refused as refusal:
            if "user not found" not in str(refusal).lower():
                found.append(
                    f"Keycloak takes no assertions of this server ({refusal}): the realm needs an identity provider of "
                    f'the kind "JWT Authorization Grant" with the issuer {auth.grant_issuer} and the public half of '
                    f'auth.grant_key_file, and the client "{auth.client_id}" has to allow it.'
                )
        except SettingsError as fault:
            found.append(str(fault))
    if Impersonation.name in auth.tokens:
        found += _impersonation(auth, realm, own)
    return found


def _impersonation(auth: Auth, realm: Realm, own: Mapping[str, Json]) -> list[str]:
    """Look whether this server's own service account can be impersonated: of nobody else is known that he is there."""
    try:
        token = str(realm.impersonated(str(own.get("sub", ""))).get("access_token", ""))
    except Refused as refusal:
        return [
            f'Keycloak lets the client "{auth.client_id}" impersonate nobody ({refusal}): it has to run with the '
            "features token-exchange and admin-fine-grained-authz:v1, and the client needs the permissions to "
            "impersonate users and to exchange tokens. Better: auth.tokens: [exchange, jwt_grant]."
        ]
    if "groups" in own and "groups" not in _claims(token):
        return [
            f"Impersonated tokens carry no groups: they are made with the mappers of the client "
            f'"{auth.target_client_id}", which needs the group membership mapper, too.'
        ]
    return []


def _pages(auth: Auth, realm: Realm, base_url: str) -> list[str]:
    """Look whether people can sign in on the pages: asked in a way that a realm that is set up well refuses."""
    callback = f"{base_url}/sign-in/callback"
    try:
        refusal = realm.refusal_of_sign_in(callback)
    except Refused:
        return []  # there is no such realm, which is told already
    match refusal:
        case "invalid_request":
            return []
        case "":
            return [
                f'The client "{auth.client_id}" lets browsers sign in without a challenge: set its attribute '
                "pkce.code.challenge.method to S256 (Clients, Advanced, Proof Key for Code Exchange)."
            ]
        case "unauthorized_client":
            return [f'Nobody can sign in on the pages: switch on Standard flow at the client "{auth.client_id}".']
        case _:
            return [
                f"Nobody can sign in on the pages: add {callback} to the Valid redirect URIs of the client "
                f'"{auth.client_id}" (Clients, Settings), or correct server.url.'
            ]


def _claims(token: str) -> Mapping[str, Json]:
    """Read a token that came from Keycloak itself just now; nobody gets rights by it."""
    try:
        payload = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, TypeError):
        return {}
    return payload if isinstance(payload, Mapping) else {}
