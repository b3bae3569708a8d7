"""Who somebody is, as the claims of an access token say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbprocessor.model import Json


@dataclass(frozen=True, slots=True)
class Identity:
    """One person, or one service account."""

    issuer: str
    subject: str
    name: str
    """User name, for people to read; rights never depend on it, but for a process whose notebook names users."""
    groups: frozenset[str] = frozenset()
    """Full paths, such as ``/kommonitor/amt-62``."""
    roles: frozenset[str] = frozenset()
    """Names of realm roles, and of roles at this server's client."""
    is_service: bool = False
    """A program that signed in with a secret of its own."""
    client: str = ""
    """Client the token was issued to."""
    token_id: str = ""
    expires: int = 0
    """When the token does, in seconds since 1970."""

    @property
    def owner(self) -> str:
        """What is written to the jobs of this person: issuer and subject, which never change and are never reused."""
        return owner_of(self.issuer, self.subject)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a page says of who looks at it."""

    name: str = ""
    """Empty: nobody has signed in."""
    csrf_token: str = ""
    """What changes from this page are sent with; empty: whoever looks has no session to sign out of."""
    ticket: str = ""
    """What the link has by which he lets his schedules act for him; empty: there is no such link."""


def owner_of(issuer: str, subject: str) -> str:
    """Return the owner of jobs for a person; an issuer is an address without a fragment, so both can be told apart."""
    return f"{issuer}#{subject}"


def identity(claims: Mapping[str, Json], client_id: str) -> Identity:
    """Read an identity from claims that were checked.

    What is missing or of another form than expected gives no rights: lightweight tokens have neither roles nor names.

    Args:
        claims: Of an access token; ``iss`` and ``sub`` are there.
        client_id: Roles at this client count beside those of the realm.
    """
    client = _text(claims.get("azp"))
    name = _text(claims.get("preferred_username"))
    access = _mapping(claims.get("resource_access"))
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        name=name or claims["sub"],
        groups=_texts(claims.get("groups")),
        roles=_roles(claims.get("realm_access")) | _roles(access.get(client_id)),
        is_service=bool(client) and name == f"service-account-{client.lower()}",
        client=client,
        token_id=_text(claims.get("jti")),
        expires=int(claims.get("exp") or 0),
    )


def _roles(access: Json) -> frozenset[str]:
    return _texts(_mapping(access).get("roles"))


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Json) -> frozenset[str]:
    return frozenset(part for part in value if isinstance(part, str)) if isinstance(value, list) else frozenset()


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
