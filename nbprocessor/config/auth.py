"""The settings of signing in, and what is refused of them."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from nbprocessor.config.section import LOOPBACK, REFUSED, Section, Texts
from nbprocessor.errors import SettingsError

WAYS = ("exchange", "jwt_grant", "offline", "impersonation")
"""Ways to a token for Data Management; all but the first also for somebody who is not there."""
KNOWN_SECRETS = frozenset({"processor-secret", "change-me", "changeme", "secret"})
"""Secrets of example realms: everybody knows them."""


class Auth(Section):
    """Whom Keycloak lets in, and what they may do. Sign-in is on when ``keycloak`` is set."""

    keycloak: str = ""
    """``host[:port]`` (https), or a base URL; empty: sign-in is off."""
    realm: str = ""
    client_id: str = "kommonitor-processor"
    client_secret: SecretStr = SecretStr("")
    client_secret_file: Path | None = None
    """A file that holds the secret, in place of it; a trailing line break does not count."""
    cli_client_id: str = "nbprocessor-cli"
    """The public client that people sign in with on the command line; empty: they cannot."""
    target_client_id: str = "kommonitor-data-management"
    path: str = ""
    """What Keycloak's paths begin with, such as ``/auth``."""
    issuer: str = ""
    """``iss`` of tokens, where Keycloak has another address for browsers; empty: as it is reached."""
    tokens: Texts = ("exchange",)
    """How runs get tokens for Data Management, in the order in which they are tried (:data:`WAYS`)."""
    grant_issuer: str = ""
    """Who signs the assertions of ``jwt_grant``: the identity provider's issuer in the realm."""
    grant_key_file: Path | None = None
    """The private key they are signed with, PEM."""
    development: bool = False
    check_audience: bool = True
    """Tokens have to name ``client_id`` in ``aud``."""
    clients: Texts = ()
    """Clients whose tokens are taken (``azp``); empty: those of every client of the realm."""
    introspect: bool = False
    """Ask Keycloak at every request whether the token is still active."""
    viewers: Texts = ("kommonitor-viewer",)
    editors: Texts = ("kommonitor-editor",)
    creators: Texts = ("kommonitor-creator",)
    publishers: Texts = ("kommonitor-publisher",)
    administrators: Texts = ("administrator",)
    viewers_execute: bool = False
    public_processes: bool = False
    """Whoever has not signed in sees the processes whose front matter says ``access: public``."""
    share_days: Annotated[int, Field(ge=0, le=365)] = 30
    """Days a link to a report is good for, at most; 0: reports cannot be shared."""
    session_idle: Annotated[int, Field(ge=60, le=86_400)] = 1800
    """Seconds after which somebody who does nothing on the pages has to sign in again."""
    session_longest: Annotated[int, Field(ge=60, le=604_800)] = 36_000
    """Seconds after which everybody has to sign in again."""
    security_log: Path | None = None
    """File of the security log; None: standard error."""

    @field_validator("client_secret_file", "security_log", "grant_key_file", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse half a sign-in: whoever set a part of it takes the server for protected."""
        given = [key for key in ("realm", "client_secret_file", "introspect") if getattr(self, key)]
        given += ["client_secret"] if self.secret() else []
        if not self.on:
            if given:
                raise _refused(
                    "keycloak",
                    f"auth.{given[0]} is set and auth.keycloak is not, so that sign-in would be off. "
                    "Set auth.keycloak (KC_HOSTNAME), too.",
                )
            return self
        if not self.realm:
            raise _refused("realm", "auth.keycloak is set and auth.realm is not. Set it, too (KC_REALM_NAME).")
        self._check_address()
        if self.secret() in KNOWN_SECRETS and not self.development:
            raise _refused(
                "client_secret",
                "auth.client_secret is the one of the example realm, which everybody knows. Make another in "
                "Keycloak, or set auth.development where nobody else can reach the server.",
            )
        self._check_ways()
        if self.introspect and not self.secret() and not self.client_secret_file:
            raise _refused("introspect", "auth.introspect needs the client's secret: set auth.client_secret_file.")
        return self

    def _check_ways(self) -> None:
        for way in self.tokens:
            if way not in WAYS:
                raise _refused("tokens", f"auth.tokens names '{way}'; there are {', '.join(WAYS)}.")
        if "jwt_grant" in self.tokens and not (self.grant_issuer.startswith("https://") and self.grant_key_file):
            raise _refused(
                "grant_issuer",
                "auth.tokens names jwt_grant, which needs auth.grant_issuer (an https URL, as the realm's identity "
                "provider has it) and auth.grant_key_file.",
            )

    def _check_address(self) -> None:
        try:
            address = urlsplit(self.base_url)
            usable = address.scheme in {"https", "http"} and address.hostname and address.port != 0
        except ValueError:
            usable = False
        if not usable or address.username or address.query or address.fragment:
            raise _refused("keycloak", f"auth.keycloak is '{self.keycloak}'; it has to be host, host:port or a URL.")
        if address.scheme == "http" and address.hostname not in LOOPBACK:
            raise _refused(
                "keycloak",
                f"auth.keycloak is '{self.keycloak}': tokens must not travel without encryption. Use https "
                "(http is for this machine's own address only).",
            )

    @property
    def on(self) -> bool:
        """Whether people have to sign in."""
        return bool(self.keycloak)

    @property
    def base_url(self) -> str:
        """Where Keycloak is reached, without a trailing slash."""
        return _base_url(self.keycloak, self.path)

    @property
    def issuer_url(self) -> str:
        """``iss`` of the realm's tokens."""
        return self.issuer or f"{self.base_url}/realms/{self.realm}"

    def secret(self) -> str:
        """Return the client's secret; empty: there is none."""
        return self.client_secret.get_secret_value()


def with_secret(auth: Auth, settings_file: Path | None = None) -> Auth:
    """Read the secret from its file, if it has one.

    Raises:
        SettingsError: The file cannot be read, is empty, or holds a secret everybody knows.
    """
    file = auth.client_secret_file
    if file is None:
        return auth
    place = settings_file or "settings"
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        sentence = f"{place}: auth.client_secret_file: {file} cannot be read: {reason}."
        raise SettingsError(sentence, file=settings_file, key="auth.client_secret_file") from None
    if not secret or (secret in KNOWN_SECRETS and not auth.development):
        what = "holds the secret of the example realm, which everybody knows" if secret else "is empty"
        sentence = f"{place}: auth.client_secret_file: {file} {what}. Write the client's own secret into it."
        raise SettingsError(sentence, file=settings_file, key="auth.client_secret_file")
    return auth.model_copy(update={"client_secret": SecretStr(secret)})


def _base_url(keycloak: str, path: str) -> str:
    whole = keycloak if "://" in keycloak else f"https://{keycloak}"
    middle = path.strip("/")
    return whole.rstrip("/") + (f"/{middle}" if middle else "")


def _refused(key: str, sentence: str) -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{sentence}", {"sentence": sentence, "location": ("auth", key)})
