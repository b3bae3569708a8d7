"""The error page, from a problem document (RFC 7807)."""

from typing import Any

from nbprocessor.web.texts import TEXTS, translate
from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show what went wrong, every fault of the request, and the status."""
    data, text = page.data, translate(page.language)
    key = f"problem-{data.get('status')}"
    return {
        "title": text(key if key in TEXTS else "problem"),
        "name": str(data.get("title") or ""),
        "detail": str(data.get("detail") or ""),
        "status": data.get("status") or "",
        "faults": [
            {name: str(fault.get(name) or "") for name in ("pointer", "detail", "mend")}
            for fault in data.get("errors") or ()
            if isinstance(fault, dict)
        ],
    }
