"""What sections of the settings are made of."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REFUSED = "refused"
"""Type of the faults whose message is a whole sentence; ``location`` in their context names the setting."""


def _listed(value: object) -> object:
    """Take ``a, b`` and ``["a", "b"]`` for lists, as environment variables have them."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip(" \"'") for part in value.strip(" []").split(",") if part.strip())


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Numbers = Annotated[tuple[int, ...], BeforeValidator(_listed)]


class Section(BaseModel):
    """A section: its keys are those it declares, and it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
