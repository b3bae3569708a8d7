"""The state of the server."""

from collections.abc import Mapping
from typing import Any

from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show whether the parts work, what is on offer and how much is to do."""
    parts = ("processes", "jobs", "execution", "workers")
    processes, jobs, execution, workers = (_mapping(page.data.get(name)) for name in parts)
    return {
        "works": page.data.get("status") == "ok",
        "version": str(page.data.get("version") or ""),
        "faults": [(str(part), str(fault)) for part, fault in _mapping(page.data.get("faults")).items()],
        "on_offer": processes.get("onOffer", 0),
        "with_faults": [str(name) for name in processes.get("withFaults") or ()],
        "waiting": jobs.get("waiting", 0),
        "running": jobs.get("running", 0),
        "oldest": jobs.get("oldestWaiting"),
        "slots": execution.get("slots", ""),
        "workers": workers.get("alive", ""),
        "sign_in": [str(problem) for problem in _mapping(page.data.get("signIn")).get("problems") or ()],
        "lost_workers": max(0, workers.get("known", 0) - workers.get("alive", 0)),
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
