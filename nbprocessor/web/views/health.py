"""The state of the server."""

from collections.abc import Mapping
from typing import Any

from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show whether the parts work, what is on offer and how much is to do."""
    processes, jobs, execution = (_mapping(page.data.get(name)) for name in ("processes", "jobs", "execution"))
    return {
        "works": page.data.get("status") == "ok",
        "version": str(page.data.get("version") or ""),
        "faults": [(str(part), str(fault)) for part, fault in _mapping(page.data.get("faults")).items()],
        "on_offer": processes.get("onOffer", 0),
        "with_faults": [str(name) for name in processes.get("withFaults") or ()],
        "waiting": jobs.get("waiting", 0),
        "running": jobs.get("running", 0),
        "workers": execution.get("workers", ""),
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
