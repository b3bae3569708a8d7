"""Foreign HTML made harmless: what authors and notebooks wrote, without anything that runs or loads.

An allow-list by nh3 (ammonia): no script, style sheet, form, frame, object or SVG, no handler, no address but
those of links, anchors and pictures that are part of the page.
"""

import re

import nh3
from markupsafe import Markup

# fmt: off
_TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del",
    "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span",
    "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u",
    "ul", "var",
})
# Their content is no text for a reader either.
_WITH_CONTENT = frozenset({
    "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea",
    "select", "noembed", "noframes", "xmp",
})
# fmt: on
_ATTRIBUTES = {
    "*": {"title", "lang", "dir", "class", "style", "align"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "type"},
    "details": {"open"},
}
# fmt: off
_STYLES = frozenset({
    "background-color", "color", "font-style", "font-weight", "font-family", "text-align",
    "text-decoration", "vertical-align", "white-space", "width", "max-width", "height", "padding",
    "padding-left", "padding-right", "border", "border-bottom", "border-top", "border-color",
    "margin-left",
})
# fmt: on
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_LINK = re.compile(r"(?:https?:|mailto:|#)", re.IGNORECASE)
_CLASS = re.compile(r"[\w\- ]*")


def sanitised(html: str) -> Markup:
    """Return the harmless part of an HTML fragment, well formed.

    Links lead to ``http(s)``, ``mailto`` or a place in the page and tell nothing of where they were followed;
    pictures are ``data:`` addresses, which browsers show without running anything in them.
    """
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_attribute,
        filter_style_properties=set(_STYLES),
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="nofollow noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704  # this is what makes it safe


def safe_address(href: object) -> str:
    """Return an address that may stand in a link: ``http(s)``, ``mailto``, a path here; else empty."""
    text = str(href).strip() if isinstance(href, str) else ""
    if re.match(r"(?:https?://|mailto:)", text, re.IGNORECASE):
        return text
    return text if text.startswith(("/", "#", "?")) and not text.startswith(("//", "/\\")) else ""


def _attribute(tag: str, name: str, value: str) -> str | None:  # noqa: ARG001  # nh3 calls it so
    if name == "src":
        return value if _PICTURE.fullmatch(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "class":
        return value if _CLASS.fullmatch(value) else None
    if name == "style":
        return None if "(" in value or "\\" in value or "@" in value else value
    return value
