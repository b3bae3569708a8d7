"""What a cell shows: a picture with a text that says the same, or a table in HTML with one for plain readers."""

import html
import io
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

RESOLUTION = 150
"""Dots per inch; shown at two thirds of that size, so that it stays sharp on dense screens."""
HEADING = 72
"""Characters of a heading that fit into a line."""
INK, FAINT, MISSING = "#1f2933", "#7b8794", "#d9dde2"
"""Colours of text, of secondary text, and of an area without a value."""


def plain(text: str) -> str:
    """Return text for a picture that matplotlib does not take for a formula: names may have dollars in them."""
    return text.replace("$", r"\$")


def heading(text: str) -> str:
    """Return a picture's heading, in lines that fit its width."""
    return plain("\n".join(textwrap.wrap(text, width=HEADING)))


class Picture:
    """A drawn figure; the last expression of a cell shows it, ``kit.output`` hands it over."""

    def __init__(self, figure: Figure, text: str) -> None:
        self.figure = figure
        self.text = text
        """What is to be seen, in a sentence; the picture's alternative text."""

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ARG002 - IPython passes both
        buffer = io.BytesIO()
        FigureCanvasAgg(self.figure)
        self.figure.savefig(buffer, format="png", dpi=RESOLUTION)
        width, height = (round(inches * RESOLUTION / 1.5) for inches in self.figure.get_size_inches())
        about = {"width": width, "height": height, "alt": self.text}
        return {"image/png": buffer.getvalue(), "text/plain": self.text}, {"image/png": about}

    def to_output(self) -> Figure:
        """Return the figure, which is handed over as PNG, or SVG or PDF if asked for."""
        return self.figure


class Table:
    """Rows of text under a heading; the last expression of a cell shows it."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
        self.columns = columns
        self.rows = rows
        self.notes = notes

    def __repr__(self) -> str:
        cells = [list(self.columns), *[list(row) for row in self.rows]]
        widths = [max(len(row[place]) for row in cells) for place in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        return "\n".join([*lines, *self.notes])

    def _repr_html_(self) -> str:
        head = "".join(f"<th{_align(place)}>{html.escape(text)}</th>" for place, text in enumerate(self.columns))
        body = "\n".join(
            f"<tr>{''.join(f'<td{_align(place)}>{html.escape(text)}</td>' for place, text in enumerate(row))}</tr>"
            for row in self.rows
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n{notes}"


class Sentence:
    """A sentence in place of a view that has nothing to show."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.text)}</p>"


def _align(place: int) -> str:
    """Return where a column's text stands: the first column is names."""
    return ' style="text-align:left"' if place == 0 else ' style="text-align:right"'
