"""Pages for people: a view and a template of one name per page, fed with the JSON a client gets."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from nbprocessor.auth.identity import Visitor
from nbprocessor.language import LANGUAGES
from nbprocessor.model import Json
from nbprocessor.web import environment
from nbprocessor.web.addresses import Addresses, links_of
from nbprocessor.web.views import Page

PAGES: tuple[str, ...] = (
    "landing",
    "health",
    "conformance",
    "api",
    "processes",
    "process",
    "check",
    "jobs",
    "job",
    "results",
    "schedules",
    "schedule",
    "signed_out",
    "problem",
)
"""Every page; each is a module in ``views`` and a file in ``templates``."""


class Pages:
    """Writes the pages."""

    def __init__(self) -> None:
        self._views: Mapping[str, Callable[[Page], dict[str, Any]]] = {
            name: import_module(f"nbprocessor.web.views.{name}").view for name in PAGES
        }

    def render(
        self,
        page: str,
        data: Mapping[str, Json],
        *,
        language: str,
        url: str,
        base_url: str,
        visitor: Visitor | None = None,
    ) -> str:
        """Write a page.

        Args:
            page: One of :data:`PAGES`.
            data: The JSON document a client gets at this address: OGC 18-062r2's landingPage, confClasses,
                processList, process, jobList, statusInfo; ``{"job": statusInfo, "process": process,
                "results": results}``; a problem document; an OpenAPI document; the server's health; a check;
                ``{"next": address}`` where somebody who signed out goes on to.
            language: ``de`` or ``en``.
            url: Path and query of this page.
            base_url: What paths of this server begin with; empty when it stands at the root of its host.
            visitor: Who looks at it; None: nobody signs in here.

        Raises:
            KeyError: There is no such page.
        """
        view = self._views[page]
        addresses = Addresses(url, base_url.rstrip("/"))
        context = view(Page(data, language, addresses))
        return environment.render(
            page,
            language=language,
            page=page,
            link=addresses.link,
            here=addresses.here,
            static=f"{addresses.base_url}/static",
            languages=LANGUAGES,
            visitor=visitor,
            **({"api_links": links_of(data)} | context),
        )


def static_folder() -> Path:
    """Return the folder that is served under ``/static``."""
    return environment.static_folder()
