"""The security log: who signed in, was refused, ran and dismissed what; a JSON object a line, and never a token."""

import json
import logging
import os
import sys
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path

from nbprocessor.auth.identity import Identity
from nbprocessor.errors import StoreUnavailable

LONGEST = 300
"""Characters of a value that are kept; strangers write some of them."""
REMEMBERED = 10_000
"""Tokens whose first sight is remembered."""


class _Private(WatchedFileHandler):
    """A file that only this user may read, also when it is made anew after it was moved away."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding)


class SecurityLog:
    """Writes lines; may be used from any thread."""

    def __init__(self, file: Path | None) -> None:
        """Open the log.

        Args:
            file: Written to its end, and opened anew when it was moved away; None: standard error.

        Raises:
            StoreUnavailable: It cannot be written.
        """
        try:
            self._handler = _Private(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
        except OSError as error:
            reason = error.strerror or error
            raise StoreUnavailable(
                f"{file}: the security log (auth.security_log) cannot be written: {reason}"
            ) from None
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def signed_in(self, who: Identity, address: str) -> None:
        """Note the first sight of a token."""
        key = f"{who.owner} {who.token_id}"
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
                return
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        self.write("sign-in", who, address=address)

    def write(self, event: str, who: Identity | None, **facts: str | int | None) -> None:
        """Write a line.

        Args:
            event: ``sign-in``, ``sign-out``, ``consent``, ``denial``, ``execution``, ``dismissal`` or ``share``.
            who: Who did it; None: not known.
            facts: What else is known of it: ``address``, ``method``, ``path``, ``status``, ``reason``, ``process``,
                ``job``. Values are cut to a few hundred characters.
        """
        line: dict[str, object] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        if who is not None:
            line |= {"subject": who.subject, "user": who.name, "issuer": who.issuer, "client": who.client}
            line |= {"service": True} if who.is_service else {}
        line |= {name: value for name, value in facts.items() if value not in (None, "")}
        cut = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in line.items()}
        # In JSON without other alphabets there is no line break, and nothing a terminal would obey.
        self._handler.handle(logging.makeLogRecord({"msg": json.dumps(cut, ensure_ascii=True), "args": ()}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
