"""The landing page: what this service is and where to go."""

from typing import Any

from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show OGC's landingPage."""
    return {
        "title": str(page.data.get("title") or "nbprocessor"),
        "description": str(page.data.get("description") or ""),
    }
