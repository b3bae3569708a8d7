"""The list of schedules."""

from typing import Any

from nbprocessor.web.addresses import link_with
from nbprocessor.web.scheduleinfo import schedule_info
from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show the list of schedules: one line each, with the next fire and what became of the last one."""
    active = page.addresses.query().get("active", "")
    return {
        "schedules": [schedule_info(entry, page.language) for entry in page.data.get("schedules") or ()],
        "facets": [
            {"key": key, "href": page.addresses.here(active=value, offset="", f=""), "current": value == active}
            for value, key in (("", "all"), ("true", "schedule-active"), ("false", "schedule-paused"))
        ],
        "next": page.addresses.follow(link_with(page.data, "next")),
        "prev": page.addresses.follow(link_with(page.data, "prev")),
    }
