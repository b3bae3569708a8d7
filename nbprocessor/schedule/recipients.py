"""Recipients: who is told of what of a schedule, and whether they may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nbprocessor import config
from nbprocessor.errors import OutboundRefused, Problem
from nbprocessor.language import LANGUAGES
from nbprocessor.model import Json

EVENTS = ("failure", "recovery", "pause")
MOST = 10
"""Recipients of one schedule."""
SCHEMA: Mapping[str, Json] = {
    "type": "array",
    "maxItems": MOST,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "email": {"type": "string", "maxLength": 254},
            "webhook": {"type": "string", "maxLength": 2000},
            "on": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": [*EVENTS]}},
            "language": {"enum": [*LANGUAGES]},
        },
    },
}
"""JSON Schema of the member ``notify``."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """Says who may be told."""

    settings: config.Notice
    check_url: Callable[[str], None]
    """Raises OutboundRefused for an address that must not be called."""

    def problems(self, entries: Sequence[Mapping[str, Json]], pointer: str) -> list[Problem]:
        """Return what is wrong with recipients that are of the form :data:`SCHEMA` says."""
        found = []
        for number, entry in enumerate(entries):
            place = f"{pointer}/{number}"
            if ("email" in entry) == ("webhook" in entry):
                found.append(Problem(place, "A recipient has either email or webhook.", "Name several recipients."))
            elif "email" in entry:
                if reason := self.settings.refuses(entry["email"]):
                    found.append(Problem(f"{place}/email", reason))
            elif reason := self._refused(entry["webhook"]):
                found.append(Problem(f"{place}/webhook", reason))
        return found

    def of(self, entries: Sequence[Mapping[str, Json]]) -> Sequence[Mapping[str, Json]]:
        """Return who is to be told: the recipients of a schedule, or the operator if there are none."""
        operator = self.settings.operator
        return entries or ([{"email": operator}] if operator else [])

    def _refused(self, url: str) -> str:
        try:
            self.check_url(url)
        except OutboundRefused as error:
            return f"This address is not called: {error.reason}."
        return ""
