"""The list of processes on offer."""

from typing import Any

from nbprocessor.web.addresses import link_with
from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show OGC's processList as cards with what the search box looks through."""
    cards = []
    for process in page.data.get("processes") or ():
        keywords = [str(keyword) for keyword in process.get("keywords") or ()]
        title = str(process.get("title") or process["id"])
        cards.append(
            {
                "id": str(process["id"]),
                "title": title,
                "description": str(process.get("description") or ""),
                "version": str(process.get("version") or ""),
                "keywords": keywords,
                "sought": " ".join(
                    [title, str(process["id"]), str(process.get("description") or ""), *keywords]
                ).lower(),
            }
        )
    return {"cards": cards, "next": _page(page, "next"), "prev": _page(page, "prev")}


def _page(page: Page, rel: str) -> str:
    return page.addresses.follow(link_with(page.data, rel))
