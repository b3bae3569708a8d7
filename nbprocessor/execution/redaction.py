"""Redaction: no secret and no token stays in what is kept of a run; what is found is masked in place.

A mask is as long as what it covers, so that JSON stays JSON and offsets stay right. Found is what stands there in
clear or escaped as JSON, Python, URLs or base64 have it; not what a picture shows or an archive packs.
"""

import base64
import json
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

from nbprocessor import contract
from nbprocessor.store import manifest
from nbprocessor.store.files import PART, explained, open_plain, sync_folder

KEPT = frozenset(
    {contract.FILE_NOTEBOOK, contract.FILE_INPUTS, contract.FILE_PROCESS, contract.FILE_MANIFEST}
)  # fmt: skip
"""What a job was accepted with, which no secret of the run is in; and what is written last."""
LINE = 16
"""Characters from which a line of a secret is a secret itself: notebooks keep texts line by line."""
_BLOCK = 1 << 20
_REACH = 1 << 16
"""Bytes before and behind its anchor that one find may have."""
_LEFT = 16_384
"""Bytes of a token before its first dot."""
_TOKEN = re.compile(rb"\.eyJ[\w-]{5,16000}(?:\.[\w-]{0,8000})?")
_RUN = re.compile(rb"[\w-]*")
_ANCHOR = b".eyJ"
"""A signed token (JWT) is two JSON objects and a signature in base64url; both objects begin with ``{"``."""

Span = tuple[int, int]
"""First byte and the one behind the last."""

log = logging.getLogger(__name__)


class Redaction:
    """Finds and masks some secrets, and whatever looks like a signed token."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets' values."""
        self.found: dict[str, int] = {}
        """Number of finds by file, in all folders so far."""
        self._needles = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text with what was found masked."""
        content = bytearray(text, "utf-8", "surrogatepass")
        for start, end in self._spans(bytes(content), 0, len(content)):
            content[start:end] = b"*" * (end - start)
        return content.decode("utf-8", "surrogatepass")

    def folder(self, folder: Path) -> None:
        """Mask what is found in the files of a job's folder; each is replaced whole or removed.

        Raises:
            StoreUnavailable: A file could not be replaced, as the disk is full; it is gone.
        """
        with explained(folder):
            for name in manifest.names(folder) if folder.is_dir() else ():
                if name not in KEPT and (count := self._file(folder, name)):
                    self.found[name] = self.found.get(name, 0) + count
                    log.warning("secrets or tokens were masked folder=%s file=%r count=%d", folder, name, count)

    def _file(self, folder: Path, name: str) -> int:
        with open_plain(folder, *name.split("/")) as file:
            spans = self._found(file)
            first = next(spans, None)
            if first is None:
                return 0
            path, part = folder / name, folder / f".{uuid4().hex}{PART}"
            try:
                shutil.copyfile(path, part, follow_symlinks=False)
                count = _mask(part, [first], spans)
                part.replace(path)
            except OSError:
                # A record less is better than a secret kept.
                path.unlink(missing_ok=True)
                part.unlink(missing_ok=True)
                raise
        sync_folder(path.parent)
        return count

    def _found(self, file: BinaryIO) -> Iterator[Span]:
        """Yield what is to be masked in a file, in order; reads it block by block, as it may be of any size."""
        buffer, offset, done = b"", 0, 0
        while True:
            block = file.read(_BLOCK)
            buffer += block
            safe = len(buffer) - _REACH if block else len(buffer)
            if safe > done - offset:
                for start, end in self._spans(buffer, done - offset, safe):
                    yield offset + start, offset + end
                done = offset + safe
            if not block:
                return
            cut = max(0, done - offset - _REACH)
            buffer, offset = buffer[cut:], offset + cut

    def _spans(self, content: bytes, low: int, high: int) -> Sequence[Span]:
        """Return what is to be masked, joined where it overlaps, of all whose anchor is in ``low`` to ``high``."""
        found = [(at, at + len(needle)) for needle in self._needles for at in _places(content, needle, low, high)]
        found += [span for at in _places(content, _ANCHOR, low, high) if (span := _token(content, at)) is not None]
        joined: list[Span] = []
        for start, end in sorted(found):
            if joined and start < joined[-1][1]:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((start, end))
        return joined


def _mask(path: Path, *spans: Iterable[Span]) -> int:
    count = 0
    with path.open("r+b") as file:
        for part in spans:
            for start, end in part:
                file.seek(start)
                file.write(b"*" * (end - start))
                count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def _places(content: bytes, needle: bytes, low: int, high: int) -> Iterator[int]:
    at = content.find(needle, low)
    while -1 < at < high:
        yield at
        at = content.find(needle, at + 1)


def _token(content: bytes, dot: int) -> Span | None:
    """Return the signed token whose first dot is there, if there is one."""
    rest = _TOKEN.match(content, dot)
    head = _head(content, dot) if rest is not None else b""
    begin = head.find(b"eyJ")
    if rest is None or begin < 0 or len(head) - begin < 8:
        return None
    return dot - len(head) + begin, rest.end()


def _head(content: bytes, dot: int) -> bytes:
    """Return what of a token stands before its first dot."""
    reach = 128
    while True:
        run = _RUN.match(content[max(0, dot - reach) : dot][::-1])
        head = run[0][::-1] if run else b""
        if len(head) < reach or reach >= _LEFT:
            return head
        reach *= 2  # most are short; to look far for each would take long in a file full of dots


def _forms(secret: str) -> set[bytes]:
    """Return a secret and its longer lines, as texts of several kinds have them."""
    parts = [secret, *(line for line in secret.splitlines() if len(line) >= LINE)]
    forms = {
        form.encode("utf-8", "surrogatepass")
        for part in parts
        for form in (
            part,
            json.dumps(part)[1:-1],
            json.dumps(part, ensure_ascii=False)[1:-1],
            json.dumps(json.dumps(part)[1:-1])[1:-1],
            repr(part)[1:-1],
            json.dumps(repr(part)[1:-1])[1:-1],
            quote(part, safe=""),
        )
    }
    return forms | {base64.b64encode(secret.encode("utf-8", "surrogatepass")).rstrip(b"=")}
