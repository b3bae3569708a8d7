"""Reading execute requests strictly: size, JSON, envelope, inputs; every fault is named before anything is queued."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any

from nbprocessor.api.problems import RequestRefused
from nbprocessor.errors import InvalidRequest, OutboundRefused, Problem
from nbprocessor.model import Json
from nbprocessor.model.job import Execution, Subscriber
from nbprocessor.model.process import Process
from nbprocessor.notebook import validation, values

MAX_DEPTH = 64
MAX_ITEMS = 1_000_000
"""Values in one body, counted over all levels."""

_URI = {"type": "string", "format": "uri", "maxLength": 2000}
_ENVELOPE: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "inputs": {"type": "object"},
        "outputs": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "transmissionMode": {"enum": ["value", "reference"]},
                    "format": {
                        "type": "object",
                        "properties": {"mediaType": {"type": "string"}, "encoding": {"type": "string"}},
                    },
                },
            },
        },
        "response": {"enum": ["raw", "document"]},
        "subscriber": {
            "type": "object",
            "required": ["successUri"],
            "properties": {"successUri": _URI, "inProgressUri": _URI, "failedUri": _URI},
        },
    },
}
"""OGC 18-062r2, execute.yaml, without the inputs, which each process describes for itself."""


async def read_body(chunks: AsyncIterator[bytes], headers: Mapping[str, str], limit: int) -> bytes:
    """Read a request body of at most ``limit`` bytes.

    Raises:
        RequestRefused: 413 when it is larger, 415 when it does not say that it is JSON, as it is.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The body is encoded as {encoding}; send it as it is.",
            {"Accept-Encoding": "identity"},
        )
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {limit:,} bytes.")
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json and (body or media_type):
        # A browser sends other types to any server without asking first: a foreign page could start jobs here.
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The body is declared as {media_type or 'nothing'}; send it with Content-Type: application/json.",
        )
    return bytes(body)


def parse_json(body: bytes) -> Json:
    """Parse a body as JSON to the letter of RFC 8259: no NaN, no duplicate members, bounded depth.

    Raises:
        InvalidRequest: With the place of the fault.
    """
    try:
        value = json.loads(body.decode("utf-8-sig") or "{}", object_pairs_hook=_members, parse_constant=_constant)
        _measure(value)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _unreadable(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    except UnicodeDecodeError as error:
        raise _unreadable(f"The body is not UTF-8 (byte {error.start}).") from None
    except UnicodeEncodeError:
        raise _unreadable("The body has a text with half a surrogate pair (\\ud800 to \\udfff alone).") from None
    except json.JSONDecodeError as error:
        raise _unreadable(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    except ValueError as error:
        raise _unreadable(f"The body is not JSON that can be used: {error}.") from None
    return value


def execution(process: Process, body: Json, check_url: Callable[[str], None]) -> Execution:
    """Read an execute request for ``process``.

    Args:
        process: The process asked for.
        body: The parsed body.
        check_url: Raises OutboundRefused for an address that must not be called.

    Raises:
        InvalidRequest: Names every fault of the request with its JSON pointer.
    """
    problems = list(validation.problems_of(_ENVELOPE, body, ""))
    if not isinstance(body, dict):
        raise InvalidRequest(problems)
    inputs: Mapping[str, Json] = {}
    given = body.get("inputs", {})
    if isinstance(given, dict):
        try:
            inputs = values.complete(process, given)
        except InvalidRequest as error:
            problems += error.problems
    problems += _output_problems(process, body.get("outputs"))
    problems += _subscriber_problems(body.get("subscriber"), check_url)
    if problems:
        # Both the envelope and the input it belongs to may say that a number is too large.
        raise InvalidRequest(list(dict.fromkeys(problems)))
    return Execution(
        process_id=process.id,
        inputs=inputs,
        outputs=body.get("outputs") or None,
        response=body.get("response", "raw"),
        subscriber=_subscriber(body.get("subscriber")),
    )


def _output_problems(process: Process, outputs: Json) -> list[Problem]:
    if not isinstance(outputs, dict):
        return []
    problems = []
    for output_id, wanted in outputs.items():
        pointer = f"/outputs/{validation.escaped(output_id)}"
        output = process.outputs.get(output_id)
        if process.outputs and output is None:
            known = ", ".join(f'"{name}"' for name in process.outputs)
            problems.append(Problem(pointer, f'The process has no output "{output_id}".', f"It has {known}."))
            continue
        if not isinstance(wanted, dict):
            continue
        mode = wanted.get("transmissionMode", "value")
        if mode in {"value", "reference"} and mode not in process.output_transmission:
            problems.append(Problem(f"{pointer}/transmissionMode", f'The process does not offer outputs by "{mode}".'))
        problems += _format_problems(output.schema if output else {}, wanted.get("format"), f"{pointer}/format")
    return problems


def _format_problems(schema: Mapping[str, Json], wanted: Json, pointer: str) -> list[Problem]:
    offered = schema.get("contentMediaType")
    asked = wanted.get("mediaType") if isinstance(wanted, dict) else None
    if (
        isinstance(asked, str)
        and isinstance(offered, str)
        and asked.partition(";")[0].strip() != offered.partition(";")[0].strip()
    ):
        return [Problem(f"{pointer}/mediaType", f'The output is not offered as "{asked}".', f'Ask for "{offered}".')]
    return []


def _subscriber_problems(subscriber: Json, check_url: Callable[[str], None]) -> list[Problem]:
    if not isinstance(subscriber, dict):
        return []
    problems = []
    for member in ("successUri", "inProgressUri", "failedUri"):
        url = subscriber.get(member)
        if isinstance(url, str):
            try:
                check_url(url)
            except OutboundRefused as error:
                problems.append(Problem(f"/subscriber/{member}", f"This address is not called: {error.reason}."))
    return problems


def _subscriber(subscriber: Mapping[str, Any] | None) -> Subscriber | None:
    if subscriber is None:
        return None
    return Subscriber(subscriber.get("successUri"), subscriber.get("inProgressUri"), subscriber.get("failedUri"))


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the member "{twice}" stands twice in one object')
    return members


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _measure(value: Json) -> None:
    """Refuse bodies that would be dear to validate; breadth first, without recursion."""
    level, depth, items = [value], 0, 0
    while level:
        depth += 1
        items += len(level)
        if depth > MAX_DEPTH:
            raise RecursionError
        if items > MAX_ITEMS:
            raise ValueError(f"it has more than {MAX_ITEMS:,} values")
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]


def _unreadable(detail: str) -> InvalidRequest:
    return InvalidRequest([Problem("", detail)])
