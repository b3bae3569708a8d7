"""What each page shows: a function from the document to the template's values, one module per page."""

from collections.abc import Mapping
from dataclasses import dataclass

from nbprocessor.model import Json
from nbprocessor.web.addresses import Addresses


@dataclass(frozen=True, slots=True)
class Page:
    """What a view is given."""

    data: Mapping[str, Json]
    language: str
    addresses: Addresses
