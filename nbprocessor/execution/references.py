"""Inputs given by reference: ``{"href": …}`` is replaced by what is found there, before the notebook runs."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from nbprocessor.errors import InputUnavailable, OutboundRefused
from nbprocessor.model import Json
from nbprocessor.model.process import Input, Process
from nbprocessor.notebook.values import is_link

Fetch = Callable[[str, int], tuple[bytes, str]]
"""Fetches an address, at most so many bytes: content and media type; raises OutboundRefused."""


def resolve(process: Process, inputs: Mapping[str, Json], fetch: Fetch, max_bytes: int) -> dict[str, Json]:
    """Return ``inputs`` with the content of references, but for those the notebook wants to have as references.

    Args:
        process: Says what its inputs are.
        inputs: As they were sent.
        fetch: Fetches an address.
        max_bytes: Of one input, however many references it has.

    Raises:
        InputUnavailable: An address may not be called, does not answer, or has no content of the input's type.
    """
    resolved = dict(inputs)
    for input_id, value in inputs.items():
        declared = process.inputs.get(input_id)
        if declared is not None and not declared.by_reference:
            resolved[input_id] = _resolved(declared, value, fetch, max_bytes)
    return resolved


def address(value: Json) -> str:
    """Return the first address in a value as it was sent; empty when it has none."""
    links = value if isinstance(value, list) else [value]
    return next((link["href"] for link in links if is_link(link)), "")


def _resolved(declared: Input, value: Json, fetch: Fetch, max_bytes: int) -> Json:
    if not isinstance(value, list):
        return _content(declared, value, fetch, max_bytes)[0] if is_link(value) else value
    found, left = [], max_bytes
    for item in value:
        content, size = _content(declared, item, fetch, left) if is_link(item) else (item, 0)
        found.append(content)
        left -= size
    return found


def _content(declared: Input, link: Mapping[str, Json], fetch: Fetch, max_bytes: int) -> tuple[Json, int]:
    """Return what is found at a link, and its size in bytes."""
    url = link["href"]
    try:
        content, media_type = fetch(url, max_bytes)
        return _value(declared, content, link.get("type") or media_type), len(content)
    except OutboundRefused as error:
        raise InputUnavailable(declared.id, url, error.reason) from error
    except (ValueError, RecursionError) as error:
        reason = f"its content cannot be read: {error}"
        raise InputUnavailable(declared.id, url, reason) from error


def _value(declared: Input, content: bytes, media_type: str) -> Json:
    """Read content as the input's value: text where a text is wanted, base64 where bytes are, else JSON."""
    schema: Mapping[str, Any] = declared.schema
    if schema.get("type") == "array" and declared.max_occurs == 1 and "items" not in schema:
        schema = {}
    if schema.get("type") != "string":
        return json.loads(content, parse_constant=_refuse_constant)
    if schema.get("contentEncoding") in {"base64", "binary"} or schema.get("format") in {"byte", "binary"}:
        return base64.b64encode(content).decode()
    text = content.decode()
    plain = media_type.partition(";")[0].strip()
    if plain == "application/json" and schema.get("contentMediaType") != plain:
        found = json.loads(text)
        return found if isinstance(found, str) else text
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
