"""Markdown of notebooks as harmless HTML with formulas as MathML."""

import secrets
from collections.abc import Mapping
from html import escape as escape_html
from typing import Any

from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from nbprocessor.web.formulas import bare, mathml
from nbprocessor.web.sanitised import sanitised

MAX_LENGTH = 200_000
"""Characters of one Markdown text that are rendered; a longer one is shown as text."""


def rendered(source: str, attachments: Mapping[str, Any] | None = None, *, title: str = "") -> Markup:
    """Render Markdown.

    Args:
        source: GitHub-flavoured Markdown as in Jupyter, with ``$…$``, ``$$…$$`` and LaTeX environments.
        attachments: The cell's attachments by name, as nbformat has them.
        title: A heading of this text is left out: the page shows it already.

    Returns:
        HTML without scripts and foreign addresses; headings are one level lower than written.
    """
    if len(source) > MAX_LENGTH:
        return Markup("<pre>{}</pre>").format(source)
    renderer = _Renderer(attachments or {}, title)
    try:
        html = sanitised(MarkdownWithMath(renderer=renderer).render(source))
    except RecursionError:  # brackets or quotes nested a thousand deep
        return Markup("<pre>{}</pre>").format(source)
    return renderer.with_formulas(html)


def formula_output(latex: str) -> Markup:
    """Render an output of type ``text/latex``: a formula with or without dollars."""
    formula, block = bare(latex.strip().removeprefix(r"\displaystyle"))
    return mathml(formula.removeprefix(r"\displaystyle"), block=block)


class _Renderer(IPythonRenderer):  # type: ignore[misc]  # nbconvert has no annotations
    """Puts a mark nobody can guess where a formula is; MathML takes its place once the HTML is clean."""

    def __init__(self, attachments: Mapping[str, Any], title: str) -> None:
        super().__init__(escape=False, exclude_anchor_links=True, attachments=dict(attachments))
        self._mark = f"formula{secrets.token_hex(8)}n"
        self._formulas: list[Markup] = []
        self._title = title.strip()

    def with_formulas(self, html: Markup) -> Markup:
        """Put the formulas where their marks are."""
        text = str(html)
        for number, formula in enumerate(self._formulas):
            text = text.replace(f"{self._mark}{number}x", str(formula))
        return Markup(text)  # noqa: S704  # both parts are clean

    def block_math(self, body: str) -> str:
        """Keep a formula in a line of its own."""
        return self._keep(body, block=True)

    def inline_math(self, body: str) -> str:
        """Keep a formula in the text."""
        return self._keep(body, block=False)

    def latex_environment(self, name: str, body: str) -> str:
        """Keep a formula written as an environment."""
        return self._keep(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)

    def heading(self, text: str, level: int, **attrs: object) -> str:
        """Move headings one level down, below the page's own; the page's title is not repeated."""
        if level == 1 and text.strip() == str(escape(self._title)):
            return ""
        return str(super().heading(text, min(level + 1, 6), **attrs))

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Show attached pictures; of others only what they are called, since a report loads nothing."""
        name = url.removeprefix("attachment:")
        if url.startswith("data:") or (url != name and name in self.attachments):
            return str(super().image(text, url, title))
        return f"<em>[{escape_html(text or url)}]</em>"

    def block_code(self, code: str, info: str | None = None) -> str:  # noqa: ARG002  # mistune calls it so
        """Show code without colours; an unknown language is no fault."""
        return f"<pre><code>{escape_html(code)}</code></pre>\n"

    def _keep(self, latex: str, *, block: bool) -> str:
        self._formulas.append(mathml(latex, block=block))
        return f"{self._mark}{len(self._formulas) - 1}x"
