"""One schedule: when it runs, with what, and what became of its fires."""

import json
from collections.abc import Mapping
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web.scheduleinfo import fire_info, schedule_info
from nbprocessor.web.views import Page

_FACTS = {
    "misfirePolicy": "schedule-misfire",
    "overlapPolicy": "schedule-overlap",
    "retries": "schedule-retries",
    "jitter": "schedule-jitter",
    "start": "schedule-start",
    "end": "schedule-end",
    "source": "schedule-source",
    "owner": "schedule-owner",
}
"""What is told of a schedule beside its runs: member → text."""

_EVENTS = {"failure": "notice-failure", "recovery": "notice-recovery", "pause": "notice-pause"}
"""What recipients are told of: event → text."""


def view(page: Page) -> dict[str, Any]:
    """Show a schedule with its next and its last runs."""
    request = page.data.get("request")
    inputs = request.get("inputs") if isinstance(request, Mapping) else None
    return {
        "schedule": schedule_info(page.data, page.language),
        "facts": [(key, str(page.data[name])) for name, key in _FACTS.items() if page.data.get(name) not in {None, ""}],
        "told": [_told(entry) for entry in page.data.get("notify") or ()],
        "inputs": json.dumps(inputs, ensure_ascii=False, indent=2) if inputs else "",
        "fires": [fire_info(fire, page.language) for fire in page.data.get("lastRuns") or ()],
    }


def _told(entry: Mapping[str, Json]) -> tuple[str, list[str]]:
    """Return the address of a recipient, and the texts that say of what he is told."""
    events = entry.get("on") or _EVENTS
    return str(entry.get("email") or entry.get("webhook") or ""), [_EVENTS[event] for event in events]
