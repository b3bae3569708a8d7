"""Inputs given by reference: ``{"href": …}`` is replaced by what is found there, before the notebook runs."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from nbprocessor.errors import InputUnavailable, OutboundRefused
from nbprocessor.model import Input, Json, Process
from nbprocessor.notebook.values import is_link

Fetch = Callable[[str], tuple[bytes, str]]
"""Fetches an address: content and media type; raises OutboundRefused."""


def resolve(process: Process, inputs: Mapping[str, Json], fetch: Fetch) -> dict[str, Json]:
    """Return ``inputs`` with the content of references, but for those the notebook wants to have as references.

    Raises:
        InputUnavailable: An address may not be called, does not answer, or has no content of the input's type.
    """
    resolved = dict(inputs)
    for input_id, value in inputs.items():
        declared = process.inputs.get(input_id)
        if declared is not None and not declared.by_reference:
            resolved[input_id] = _resolved(declared, value, fetch)
    return resolved


def address(value: Json) -> str:
    """Return the first address in a value as it was sent; empty when it has none."""
    links = value if isinstance(value, list) else [value]
    return next((link["href"] for link in links if is_link(link)), "")


def _resolved(declared: Input, value: Json, fetch: Fetch) -> Json:
    if isinstance(value, list):
        return [_resolved(declared, item, fetch) if is_link(item) else item for item in value]
    if not is_link(value):
        return value
    url = value["href"]
    try:
        content, media_type = fetch(url)
        return _value(declared, content, value.get("type") or media_type)
    except OutboundRefused as error:
        raise InputUnavailable(declared.id, url, error.reason) from error
    except ValueError as error:
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
