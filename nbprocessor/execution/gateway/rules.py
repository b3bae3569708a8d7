"""Which requests pass a job's gateway: what the kit asks for, and writing to the indicators the job names.

A path is taken apart, decoded once, looked at, and put together again; what goes on is never what was sent. So nothing
that two servers may read in two ways gets through: ``..`` in any disguise, ``//``, encoded slashes, path parameters
(``;``, which Tomcat cuts off before it resolves ``..``), absolute addresses.
"""

import re
from collections.abc import Collection
from urllib.parse import quote, unquote_to_bytes

from nbprocessor.errors import NbprocessorError

KINDS = ("indicators", "spatial-units", "georesources", "topics")
DESCRIPTION = "/v3/api-docs"
LONGEST = 2_000
"""Characters of path and query that go on."""
_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+")
_QUERY = re.compile(rb"[\x21-\x7e]*")


class Refused(NbprocessorError):
    """The request does not pass; the sentence says what would."""


def passed(method: str, path: bytes, query: bytes, writable: Collection[str]) -> str:
    """Return path and query as they go on to Data Management.

    Args:
        method: HTTP method.
        path: As it was sent, encoded.
        query: Without ``?``.
        writable: Ids of the indicators that may be written.

    Raises:
        Refused: The request is none of those that pass.
    """
    segments = _segments(path) if len(path) + len(query) < LONGEST and _QUERY.fullmatch(query) else None
    if segments is None or not _allowed(method, segments, query, writable):
        raise Refused(f"{method} {shown(path)} does not pass the job's gateway. {_would_pass(writable)}")
    target = "".join(f"/{quote(segment, safe='')}" for segment in segments)
    return f"{target}?{query.decode('ascii')}" if query else target


def shown(path: bytes, length: int = 200) -> str:
    """Return a path as a sentence can have it, whatever was sent."""
    text = "".join(chr(byte) if 0x21 <= byte < 0x7F else "?" for byte in path[: length + 1])
    return text if len(text) <= length else f"{text[:length]}…"


def _segments(path: bytes) -> list[str] | None:
    """Return the decoded segments of a path; None when it has something that no path of ours has."""
    first, *parts = path.split(b"/")
    if first or not parts:
        return None
    segments = []
    for part in parts:
        if not _SEGMENT.fullmatch(part):
            return None
        try:
            segment = unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            return None
        if segment.strip(". ") == "" or not segment.isprintable() or {"/", "\\", "%", ";", "?", "#"} & set(segment):
            return None
        segments.append(segment)
    return segments


def _allowed(method: str, segments: list[str], query: bytes, writable: Collection[str]) -> bool:
    match method, segments:
        case "GET", ["v3", "api-docs"]:
            return not query
        case "GET", ["management", "public", kind, *_] | ["management", kind, *_]:
            return kind in KINDS
        case "PUT", ["management", "indicators", indicator]:
            return not query and indicator in writable
    return False


def _would_pass(writable: Collection[str]) -> str:
    kinds = ", ".join(KINDS)
    reading = (
        f"Allowed are GET of {DESCRIPTION} and below /management/ or /management/public/ of {kinds} with plain paths"
    )
    if not writable:
        return f"{reading}; PUT of nothing, as no input of the process says writes: true."
    targets = ", ".join(f"/management/indicators/{quote(indicator, safe='')}" for indicator in sorted(writable))
    return f"{reading}; PUT of {targets}, which the inputs name that say writes: true."
