"""Why the newest save of a process's notebook is not on offer."""

from typing import Any

from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show the faults of the newest save, and the version that stays on offer."""
    return {
        "process_id": str(page.data.get("processID") or ""),
        "version": str(page.data.get("versionOnOffer") or ""),
        "faults": [
            {name: str(fault.get(name) or "") for name in ("place", "detail", "mend")}
            for fault in page.data.get("faults") or ()
            if isinstance(fault, dict)
        ],
    }
