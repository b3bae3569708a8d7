"""The error page, from a problem document (RFC 7807)."""

import re
from typing import Any

from nbprocessor.web.texts import TEXTS, translate
from nbprocessor.web.views import Page

_JOB = re.compile(r"/jobs/([0-9a-f-]{36})(?:/|$)")


def view(page: Page) -> dict[str, Any]:
    """Show what went wrong, every fault of the request, and the status."""
    data, text = page.data, translate(page.language)
    key = f"problem-{data.get('status')}"
    return {
        "title": text(key if key in TEXTS else "problem"),
        "name": str(data.get("title") or ""),
        "detail": str(data.get("detail") or ""),
        "status": data.get("status") or "",
        "job": _job(page) if data.get("title") != "NoSuchJob" else "",
        "faults": [
            {name: str(fault.get(name) or "") for name in ("pointer", "detail", "mend")}
            for fault in data.get("errors") or ()
            if isinstance(fault, dict)
        ],
    }


def _job(page: Page) -> str:
    """Return the job this page's address is a part of."""
    path = page.addresses.path.removeprefix(page.addresses.base_url)
    found = _JOB.match(path)
    return found[1] if found and found.end() < len(path) else ""
