"""The page between signing out here and at Keycloak; it goes on by itself."""

from typing import Any

from nbprocessor.web.sanitised import safe_address
from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show where it goes on, for whom it does not by itself."""
    return {"next": safe_address(page.data.get("next")) or page.addresses.link("/")}
