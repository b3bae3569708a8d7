"""pygeoapi's ``API`` object, configured from our settings: no file, no environment, no plugin of its own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pygeoapi.api import API

from nbprocessor.api.call import CALL
from nbprocessor.api.manager import NotebookManager
from nbprocessor.api.problems import RequestRefused
from nbprocessor.config import Settings
from nbprocessor.errors import NoSuchProcess
from nbprocessor.language import LANGUAGES
from nbprocessor.model import Json

_PART_1 = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
CONFORMANCE_CLASSES = tuple(
    f"{_PART_1}/{name}"
    for name in ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss")
)
"""What this server declares and keeps (OGC 18-062r2, annex A)."""


class NotebookAPI(API):  # type: ignore[misc]  # pygeoapi has no annotations
    """pygeoapi's API with our process manager, whose refusals are raised as our errors."""

    def __init__(self, settings: Settings, base_url: str, manager: NotebookManager) -> None:
        super().__init__(_config(settings, base_url), {})
        self.manager = manager

    @property
    def openapi(self) -> Mapping[str, Json]:
        """The document for the request that is under way: what each sees of it differs."""
        call = CALL.get(None)
        return call.openapi if call is not None else {}

    @openapi.setter
    def openapi(self, _: object) -> None:
        """pygeoapi's constructor sets the document of all; there is none."""

    def get_exception(
        self,
        status: int,
        headers: Mapping[str, str],  # noqa: ARG002  # pygeoapi's signature
        format_: str | None,  # noqa: ARG002  # likewise
        code: str,
        description: str,
    ) -> tuple[dict[str, str], int, str]:
        """Raise what pygeoapi refuses, so that one place writes all problem documents."""
        if code == "NoSuchProcess":
            raise NoSuchProcess("")
        raise RequestRefused(HTTPStatus(status), str(description))


def _config(settings: Settings, base_url: str) -> dict[str, Json]:
    """Write the settings as the configuration pygeoapi reads."""
    languages = sorted(LANGUAGES, key=lambda language: language != settings.server.language)
    service = settings.metadata
    config: dict[str, Any] = {
        "server": {
            "bind": {"host": settings.server.host, "port": settings.server.port},
            "url": base_url,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": languages,
            "limits": {
                "default_items": settings.server.page_size,
                "max_items": settings.server.max_page_size,
                "on_exceed": "throttle",
            },
            "map": {"url": "", "attribution": ""},
        },
        "logging": {"level": settings.logging.level},
        "metadata": {
            "identification": {
                "title": service.title,
                "description": service.description,
                "keywords": ["OGC API - Processes", "KomMonitor"],
                "url": base_url,
            },
            "license": {"name": service.license, "url": service.license_url},
            "provider": {"name": service.provider, "url": service.provider_url},
            "contact": {"name": service.contact},
        },
        # Conformance is read off the resources; ours come from the catalogue, and none is configured here.
        "resources": {},
    }
    return config
