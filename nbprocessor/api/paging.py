"""Pages of lists: ``limit`` and ``offset`` are read, and each page links to itself and its neighbours."""

from starlette.requests import Request

from nbprocessor.api import negotiation
from nbprocessor.errors import InvalidRequest, Problem


def number(request: Request, name: str, default: int, *, least: int) -> int:
    """Read a query parameter that counts something.

    Raises:
        InvalidRequest: It is no whole number, or smaller than ``least``.
    """
    value = request.query_params.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10) or int(value) < least:
        raise InvalidRequest([Problem(name, f'"{value}" is no {name}.', f"Give a whole number, {least} or more.")])
    return int(value)


def links(url: str, request: Request, limit: int, offset: int, *, more: bool) -> list[dict[str, str]]:
    """Return the links of one page: itself in both forms, and the pages before and after.

    Args:
        url: Address of the list.
        request: Its other parameters are kept.
        limit: Of this page, as it was kept to.
        offset: Where this page begins.
        more: Whether there is a page after it.
    """
    as_json = {"rel": "self", "type": negotiation.JSON, "title": "This page of the list as JSON"}
    as_html = {"rel": "alternate", "type": negotiation.HTML, "title": "This page of the list as HTML"}
    found = [_link(url, request, as_json, f="json"), _link(url, request, as_html, f="html")]
    if offset:
        before = {"rel": "prev", "type": negotiation.JSON, "title": "The page before"}
        found.append(_link(url, request, before, limit=str(limit), offset=str(max(0, offset - limit))))
    if more:
        after = {"rel": "next", "type": negotiation.JSON, "title": "The page after"}
        found.append(_link(url, request, after, limit=str(limit), offset=str(offset + limit)))
    return found


def _link(url: str, request: Request, facts: dict[str, str], **changed: str) -> dict[str, str]:
    query = request.url.include_query_params(**changed).query
    return {"href": f"{url}?{query}"} | facts
