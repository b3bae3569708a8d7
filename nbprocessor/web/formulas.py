"""Formulas: LaTeX becomes MathML on the server, so that no page needs a script to show one.

What latex2mathml returns is not trusted: it passes ``\\href`` addresses and the text of ``\\text`` through as
markup. Only its element tree is used; elements and attributes are checked against lists, text is escaped.
"""

import html
import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

import latex2mathml.exceptions
from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

MAX_LENGTH = 4000
"""Characters of one formula; a longer one is shown as its source."""

# fmt: off
_ELEMENTS = frozenset({
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle",
    "mpadded", "mphantom", "menclose", "mfenced", "msub", "msup", "msubsup", "munder", "mover",
    "munderover", "mmultiscripts", "mprescripts", "none", "mtable", "mtr", "mlabeledtr", "mtd",
})
_ATTRIBUTES = frozenset({
    "display", "displaystyle", "scriptlevel", "mathvariant", "mathsize", "mathcolor", "mathbackground",
    "stretchy", "fence", "form", "largeop", "movablelimits", "symmetric", "separator", "accent",
    "accentunder", "linethickness", "bevelled", "width", "height", "depth", "lspace", "rspace", "voffset",
    "minsize", "maxsize", "columnalign", "rowalign", "columnspacing", "rowspacing", "columnlines",
    "rowlines", "frame", "notation", "linebreak",
})
# fmt: on
_VALUE = re.compile(r"[#\w.%+\- ]*")
# A macro may double itself with every step, and a formula here needs none.
_MACROS = re.compile(r"\\(?:re)?newcommand|\\providecommand|\\[gex]?def\b|\\let\b|\\DeclareMathOperator")
# latex2mathml reads these names only as their numbered or starred kin.
_ALIASES = {r"{aligned}": r"{align*}", r"{gathered}": r"{gather*}", r"{equation}": r"{equation*}"}
_FAULTS: tuple[type[Exception], ...] = (
    *(
        fault
        for fault in vars(latex2mathml.exceptions).values()
        if isinstance(fault, type) and issubclass(fault, Exception)
    ),
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    StopIteration,
    RecursionError,
)
# As Pandoc has it: no blank inside the dollars, no digit behind them, so that "5 $ und 10 $" stays money.
_IN_TEXT = re.compile(
    r"(?<![\\$])\$\$(?P<block>.+?)\$\$|(?<![\\$\w])\$(?!\s)(?P<inline>[^$]+?)(?<![\s\\])\$(?![\d$])",
    re.DOTALL,
)


def mathml(latex: str, *, block: bool = False) -> Markup:
    """Return a formula as MathML.

    Args:
        latex: The formula without its dollars.
        block: A formula in a line of its own.

    Returns:
        A ``<math>`` element that holds nothing but MathML, or its source in ``<code>`` when unreadable.
    """
    latex = latex.strip()
    if not latex or len(latex) > MAX_LENGTH or _MACROS.search(latex):
        return _source(latex)
    for name, known in _ALIASES.items():
        latex = latex.replace(rf"\begin{name}", rf"\begin{known}").replace(rf"\end{name}", rf"\end{known}")
    try:
        return Markup(_written(convert_to_element(latex, display="block" if block else "inline")))  # noqa: S704  # escaped there
    except _FAULTS:
        return _source(latex)


def with_formulas(text: str) -> Markup:
    """Return plain text with its ``$…$`` and ``$$…$$`` as MathML and everything else escaped."""
    return Markup("").join(_pieces(text, escape))


def bare(formula: str) -> tuple[str, bool]:
    """Take the dollars off a formula; tells whether there were two."""
    formula = formula.strip()
    for dollars in ("$$", "$"):
        if formula.startswith(dollars) and formula.endswith(dollars) and len(formula) > 2 * len(dollars):
            return formula[len(dollars) : -len(dollars)], dollars == "$$"
    return formula, False


def _pieces(text: str, plain: Callable[[str], Markup]) -> list[Markup]:
    pieces, end = [], 0
    for found in _IN_TEXT.finditer(text):
        pieces.append(plain(text[end : found.start()]))
        block = found["block"] is not None
        pieces.append(mathml(found["block"] if block else found["inline"], block=block))
        end = found.end()
    return [*pieces, plain(text[end:])]


def _source(latex: str) -> Markup:
    return Markup('<code class="formula">{}</code>').format(latex)


def _written(element: Element) -> str:
    """Serialise by hand: the tree's texts are character references already, or raw text of the author's."""
    children = "".join(_written(child) + _text(child.tail) for child in element)
    content = _text(element.text) + children
    if element.tag not in _ELEMENTS:
        return content
    attributes = "".join(
        f' {name}="{value}"'
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.fullmatch(value)
    )
    return f"<{element.tag}{attributes}>{content}</{element.tag}>"


def _text(text: str | None) -> str:
    return str(escape(html.unescape(text))) if text else ""
