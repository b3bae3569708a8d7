"""Outputs of notebook cells as the report shows them: harmless, bounded, one representation each."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from nbconvert.filters.ansi import ansi2html, strip_ansi

from nbprocessor.contract import METADATA_KEY
from nbprocessor.web.formats import size
from nbprocessor.web.markdown import formula_output, rendered
from nbprocessor.web.sanitised import sanitised
from nbprocessor.web.texts import Translate

MAX_TEXT = 50_000
"""Characters of one text output."""
MAX_HTML = 500_000
"""Characters of one HTML output."""
MAX_IMAGE = 8_000_000
"""Characters of one picture, base64."""
MAX_OUTPUTS = 200
"""Outputs of one cell."""
MAX_REPORT = 40_000_000
"""Characters of all outputs of a report."""

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """One output, ready for the template."""

    kind: str
    """``text``, ``stderr``, ``html``, ``picture``, ``error`` or ``note``."""
    html: Markup
    label: str = ""
    """What was handed over here: id and media type of a result."""


class Outputs:
    """Shows the outputs of one notebook, and stops when the report has become too large."""

    def __init__(self, text: Translate, language: str) -> None:
        self._text = text
        self._language = language
        self._left = MAX_REPORT

    def shown(self, outputs: Sequence[Mapping[str, Any]], cell: str) -> Iterator[Shown]:
        """Yield what is shown of a cell's outputs; ``cell`` names the cell in alternative texts."""
        for output in _merged(outputs[:MAX_OUTPUTS]):
            shown = self._one(output, cell)
            if shown is None:
                continue
            self._left -= len(shown.html)
            if self._left < 0:
                yield self._note("report-full")
                return
            yield shown
        if len(outputs) > MAX_OUTPUTS:
            yield self._note("outputs-cut", count=len(outputs) - MAX_OUTPUTS)

    def _one(self, output: Mapping[str, Any], cell: str) -> Shown | None:
        match output["output_type"]:
            case "stream":
                return Shown("stderr" if output["name"] == "stderr" else "text", self._console(output["text"]))
            case "error":
                head = Markup("<strong>{}</strong>: {}").format(
                    output["ename"], strip_ansi(output["evalue"])[:MAX_TEXT]
                )
                return Shown("error", Markup("<p>{}</p>{}").format(head, self._console("\n".join(output["traceback"]))))
            case _:
                return self._display(output, cell)

    def _display(self, output: Mapping[str, Any], cell: str) -> Shown | None:
        """Show the first representation that can be shown; say so when none can."""
        data, metadata = output["data"], output.get("metadata", {})
        label = _label(metadata.get(METADATA_KEY), self._language)
        for media_type, show in self._choices(metadata, cell):
            content = data.get(media_type)
            if isinstance(content, str):
                kind, html = show(media_type, content)
                if label and kind == "html" and _says(html, metadata[METADATA_KEY]):
                    label = ""
                return Shown(kind, html, label)
        if label or not data:
            return Shown("note", Markup(), label) if label else None
        note = self._note("output-not-shown", types=", ".join(sorted(map(str, data))[:5]))
        return Shown("note", note.html, label)

    def _choices(
        self, metadata: Mapping[str, Any], cell: str
    ) -> Sequence[tuple[str, Callable[[str, str], tuple[str, Markup]]]]:
        alternative = metadata.get("alt")
        alt = alternative if isinstance(alternative, str) else self._text("figure-of-cell", cell=cell)

        def picture(media_type: str, content: str) -> tuple[str, Markup]:
            return "picture", self._picture(media_type, content, alt)

        return (
            ("text/html", lambda _, content: ("html", self._html(content))),
            ("text/markdown", lambda _, content: ("html", rendered(content))),
            ("image/svg+xml", picture),
            *((media_type, picture) for media_type in _PICTURES),
            ("text/latex", lambda _, content: ("html", formula_output(content))),
            ("text/plain", lambda _, content: ("text", self._console(content))),
        )

    def _console(self, text: str) -> Markup:
        """Write terminal text; control sequences become colours, everything else is escaped."""
        note = Markup()
        if len(text) > MAX_TEXT:
            note = self.cut(len(text) - MAX_TEXT)
            text = text[:MAX_TEXT]
        return Markup("<pre>{}</pre>{}").format(Markup(ansi2html(text)), note)  # noqa: S704  # it escapes first

    def _html(self, content: str) -> Markup:
        if len(content) <= MAX_HTML:
            return sanitised(content)
        return sanitised(content[:MAX_HTML]) + self.cut(len(content) - MAX_HTML)

    def _picture(self, media_type: str, content: str, alt: str) -> Markup:
        """Embed a picture; an SVG too, since a browser runs nothing inside ``<img>``."""
        if len(content) > MAX_IMAGE:
            return self._note("picture-too-large", size=size(len(content), self._language)).html
        if media_type == "image/svg+xml":
            content = base64.b64encode(content.encode("utf-8", "replace")).decode()
        elif not _is_base64(content):
            return self._note("picture-broken", type=media_type).html
        address = f"data:{media_type};base64,{''.join(content.split())}"
        return Markup('<img src="{}" alt="{}">').format(address, alt)

    def cut(self, count: int) -> Markup:
        """Say that ``count`` characters are left out."""
        return self._note("text-cut", count=count).html

    def _note(self, key: str, **facts: object) -> Shown:
        return Shown("note", Markup('<p class="note">{}</p>').format(self._text(key, **facts)))


def _merged(outputs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Join neighbouring pieces of one stream: kernels send a line at a time."""
    pending: list[Mapping[str, Any]] = []
    for output in outputs:
        if pending and (output["output_type"] != "stream" or output["name"] != pending[0]["name"]):
            yield _joined(pending)
            pending = []
        if output["output_type"] == "stream":
            pending.append(output)
        else:
            yield output
    if pending:
        yield _joined(pending)


def _joined(pieces: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {**pieces[0], "text": "".join(piece["text"] for piece in pieces)}


def _label(handed_over: object, language: str) -> str:
    if not isinstance(handed_over, Mapping) or "output" not in handed_over:
        return ""
    facts = [str(handed_over["output"]), str(handed_over.get("mediaType", ""))]
    count = handed_over.get("bytes")
    if isinstance(count, int):
        facts.append(size(count, language))
    return " · ".join(fact for fact in facts if fact)


def _says(html: Markup, handed_over: Mapping[str, Any]) -> bool:
    """Tell whether what is shown begins with what the label would say, as that of ``kit.output`` does."""
    begin = html[:1000].striptags()
    return all(str(handed_over.get(name)) in begin for name in ("output", "mediaType"))


def _is_base64(content: str) -> bool:
    if not _BASE64.fullmatch(content):
        return False
    try:
        base64.b64decode("".join(content.split())[:64] or "=", validate=True)
    except binascii.Error:
        return False
    return True
