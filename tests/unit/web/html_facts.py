"""What a page is made of, read by a parser: the tests' view of HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass
class Element:
    tag: str
    attributes: dict
    text: str = ""
    path: tuple = ()


@dataclass
class Facts(HTMLParser):
    elements: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self._open = []

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, path=tuple(e.tag for e in self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def all(self, tag, **attributes):
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            e
            for e in self.elements
            if e.tag == tag and all(e.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag, **attributes):
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} <{tag}> {attributes}"
        return found[0]


def facts(html):
    parser = Facts()
    parser.feed(html)
    parser.close()
    return parser


ACTIVE = {"script", "iframe", "frame", "object", "embed", "form", "svg", "base", "meta", "link"} | {
    "button",
    "template",
}
LOADING = {"srcdoc", "formaction", "action", "srcset", "background", "poster", "ping"}


def live_parts(html):
    """Return everything in a page that could run, or load something from elsewhere."""
    return [element for element in facts(html).elements if _is_live(element)]


def _is_live(element):
    harmless_meta = element.tag == "meta" and set(element.attributes) <= {"charset", "name", "content"}
    if element.tag in ACTIVE and not harmless_meta:
        return True
    return any(_is_live_attribute(name, value) for name, value in element.attributes.items())


def _is_live_attribute(name, value):
    address = "".join(value.split()).lower()
    if name == "src":
        return not address.startswith("data:image/")
    if name in {"href", "xlink:href"}:
        return not address.startswith(("#", "http://", "https://", "mailto:"))
    if name == "style":
        return any(word in address for word in ("url(", "expression", "@import"))
    return name.startswith("on") or name in LOADING
