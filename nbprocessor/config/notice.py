"""Settings of notices: the mail server, and who may be written to."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from nbprocessor.config.section import LOOPBACK, REFUSED, Section, Texts

MAX_ADDRESS = 254
"""Characters of a mail address (RFC 5321, section 4.5.3.1.3)."""
# The dot-atom form only: quoted names and comments are what mail servers disagree about.
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOMS}@(?:{_LABEL}\.)*{_LABEL}")


def is_mail_address(text: str) -> bool:
    """Tell whether a text is one plain mail address (RFC 5321): no name beside it, no second one, no line end."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None


class Notice(Section):
    """Who is told of schedules that fail, recover or are paused, and how."""

    host: str = ""
    """The mail server; empty: nobody is told by e-mail."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "smtps", "none"] = "starttls"
    """``starttls``: encrypted before anything is said (port 587); ``smtps``: from the beginning (465)."""
    sender: str = ""
    """The address that messages come from."""
    user: str = ""
    """Who signs in to the mail server; empty: nobody."""
    password_file: Path | None = None
    """File with the password of ``user``."""
    domains: Texts = ()
    """Domains that may be written to; empty: every one."""
    operator: str = ""
    """Address that is told of the schedules which name nobody."""
    timeout: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds the mail server may take for each of its answers."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 10
    """How often a notice is tried, by e-mail or webhook."""
    backoff: Annotated[float, Field(gt=0)] = 30.0
    """Seconds before the second attempt; doubled for each further one, up to an hour."""

    @field_validator("password_file", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        for name in ("sender", "operator"):
            address = str(getattr(self, name))
            if address and not is_mail_address(address):
                raise _wrong(name, "is no mail address; write it plainly, such as service@example.org")
        if self.host and not self.sender:
            raise _wrong("sender", "is empty, and there is a mail server; name the address that messages come from")
        if self.operator and (reason := self.refuses(self.operator)):
            raise _wrong("operator", f"cannot be written to: {reason}")
        if bool(self.user) != (self.password_file is not None):
            raise _wrong("user", "and notice.password_file belong together; set both, or none")
        if self.user and self.tls == "none" and self.host not in LOOPBACK:
            raise _wrong("tls", "is none, and a password would be sent to another machine; use starttls or smtps")
        if self.password_file is not None and not os.access(self.password_file, os.R_OK):
            raise _wrong("password_file", "names no file that can be read")
        return self

    def refuses(self, address: str) -> str:
        """Return why an address cannot be written to; empty: it can."""
        if not is_mail_address(address):
            return "It is no mail address; write it plainly, such as name@example.org."
        if not self.host:
            return "This server has no mail server (notice.host), so nobody is told by e-mail; name a webhook."
        domain = address.rpartition("@")[2].lower()
        if self.domains and domain not in {allowed.lower() for allowed in self.domains}:
            return f"Only addresses of these domains are written to: {', '.join(self.domains)}."
        return ""


def _wrong(key: str, problem: str) -> PydanticCustomError:
    sentence = f"notice.{key} {problem.removesuffix('.')}."
    return PydanticCustomError(REFUSED, "{sentence}", {"sentence": sentence, "location": ("notice", key)})
