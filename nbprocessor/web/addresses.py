"""Addresses within the pages: this page in another language or as JSON; links that keep the language."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from nbprocessor.language import LANGUAGES
from nbprocessor.model import Json
from nbprocessor.web.sanitised import safe_address


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where this page is, and how it names others."""

    url: str
    """Path and query of this page."""
    base_url: str
    """What paths of this server begin with; empty when it stands at the root of its host."""

    def link(self, path: str, **query: object) -> str:
        """Return the address of a page; the language goes along when this page was asked for in one."""
        language = self.query().get("lang", "")
        kept = {"lang": language} if language in LANGUAGES else {}
        text = urlencode({**{key: value for key, value in query.items() if value}, **kept}, doseq=True)
        return f"{self.base_url}{path}{'?' + text if text else ''}"

    def here(self, **query: str) -> str:
        """Return this page's address with other query parameters; an empty one is left out."""
        pairs = [(key, value) for key, value in parse_qsl(urlsplit(self.url).query) if key not in query]
        pairs += [(key, value) for key, value in query.items() if value]
        return f"{self.path}{'?' + urlencode(pairs) if pairs else ''}"

    def follow(self, href: str) -> str:
        """Return the page a paging link of the document leads to: its query at this path; or nothing."""
        if not href:
            return ""
        kept = [(key, value) for key, value in parse_qsl(urlsplit(href).query) if key not in {"f", "lang"}]
        language = self.query().get("lang", "")
        return f"{self.path}?{urlencode([*kept, *([('lang', language)] if language else [])])}"

    @property
    def path(self) -> str:
        """Path of this page; never one a browser takes for another host."""
        return "/" + urlsplit(self.url).path.lstrip("/\\")

    def query(self) -> Mapping[str, str]:
        """Return the query's parameters, the last of each."""
        return dict(parse_qsl(urlsplit(self.url).query))


def links_of(data: Mapping[str, Json]) -> list[dict[str, str]]:
    """Return the ``links`` of a document whose address may stand in a page."""
    links = data.get("links")
    return [
        {key: str(link.get(key) or "") for key in ("rel", "type", "title")} | {"href": href}
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, dict) and (href := safe_address(link.get("href")))
    ]


def link_with(data: Mapping[str, Json], rel: str) -> str:
    """Return the address of the first link with this relation (or the OGC's URI for it); empty if none."""
    for link in links_of(data):
        if link["rel"].rpartition("/")[2] == rel:
            return link["href"]
    return ""
