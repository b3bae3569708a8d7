"""The ``Prefer`` header (RFC 7240) as OGC API - Processes uses it: ``respond-async`` and ``wait``."""

from collections.abc import Iterable
from dataclasses import dataclass

from werkzeug.http import parse_list_header, parse_options_header


@dataclass(frozen=True, slots=True)
class Preference:
    """How the client wants to be answered."""

    respond_async: bool = False
    wait: float | None = None
    """Seconds the client is ready to wait for a synchronous answer."""

    def applied(self, *, asynchronous: bool) -> str:
        """Return the ``Preference-Applied`` header for the way the answer was given; empty when nothing was asked."""
        parts = []
        if self.respond_async and asynchronous:
            parts.append("respond-async")
        if self.wait is not None:
            parts.append(f"wait={self.wait:g}")
        return ", ".join(parts)


def parse(headers: Iterable[str]) -> Preference:
    """Parse the request's ``Prefer`` headers; of equal ones the first counts, unknown or malformed ones do not."""
    respond_async = False
    wait: float | None = None
    for header in headers:
        for item in parse_list_header(header):
            token, _, rest = parse_options_header(item)[0].partition("=")
            name, value = token.strip().lower(), rest.strip().strip('"')
            if name == "respond-async":
                respond_async = True
            elif name == "wait" and wait is None and value.isascii() and value.isdigit() and len(value) < 10:
                wait = float(value)
    return Preference(respond_async, wait)
