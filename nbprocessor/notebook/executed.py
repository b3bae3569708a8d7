"""An executed notebook as the index of its outputs: what its cells handed over, by display metadata or scrapbook."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbprocessor import contract
from nbprocessor.notebook.declaration import OUTPUT_ID

_SCRAPS: Mapping[str, tuple[str, str]] = {
    f"{contract.SCRAP_MEDIA_TYPE}json+json": ("application/json", "json"),
    f"{contract.SCRAP_MEDIA_TYPE}text+json": ("text/plain", "txt"),
}
"""Media type and extension of what scrapbook's ``glue`` left in the notebook itself."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One output as a cell handed it over."""

    id: str
    media_type: str
    file: str
    """Name of its file in the outputs folder."""
    content: bytes | None = None
    """Of an output that stands in the notebook itself; None: the file is there already."""


def handed_over(notebook: Mapping[str, Any]) -> list[HandedOver]:
    """Return the outputs of an executed notebook (a parsed ``.ipynb``), in their order; the last of a name counts.

    Whatever a notebook writes into its outputs is read as foreign: what is malformed is no output.
    """
    found: dict[str, HandedOver] = {}
    for output in _outputs(notebook):
        for handed in (_by_metadata(output), *_scraps(output)):
            if handed is not None and re.fullmatch(OUTPUT_ID, handed.id):
                found[handed.id] = handed
    return list(found.values())


def _outputs(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for cell in _list(_map(notebook).get("cells")):
        for output in map(_map, _list(_map(cell).get("outputs"))):
            if output.get("output_type") in ("display_data", "execute_result"):
                yield output


def _by_metadata(output: Mapping[str, Any]) -> HandedOver | None:
    facts = _map(_map(output.get("metadata")).get(contract.METADATA_KEY))
    output_id, media_type, file = (facts.get(name) for name in ("output", "mediaType", "href"))
    if not (isinstance(output_id, str) and isinstance(media_type, str) and isinstance(file, str)):
        return None
    right = _is_media_type(media_type) and _is_file_name(file)
    return HandedOver(output_id, media_type, file) if right else None


def _scraps(output: Mapping[str, Any]) -> Iterator[HandedOver]:
    for kind, (media_type, extension) in _SCRAPS.items():
        scrap = _map(_map(output.get("data")).get(kind))
        if isinstance(scrap.get("name"), str) and "data" in scrap:
            data = scrap["data"]
            plain = media_type == "text/plain" and isinstance(data, str)
            try:
                content = (data if plain else json.dumps(data, ensure_ascii=False, allow_nan=False)).encode()
            except ValueError:  # NaN and half characters, which Python's JSON has and JSON has not
                continue
            yield HandedOver(scrap["name"], media_type, f"{scrap['name']}.{extension}", content)


def _is_file_name(text: str) -> bool:
    """Tell whether a text names a file of the outputs folder itself, none beside it."""
    return re.fullmatch(r"[\w-][\w. -]{0,199}", text) is not None


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_media_type(text: str) -> bool:
    """Tell whether a text can be a Content-Type header."""
    return len(text) <= 200 and re.fullmatch(r"[\w.+-]+/[\w.+-]+(\s*;[ -~]*)?", text, re.ASCII) is not None
