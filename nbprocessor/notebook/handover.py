"""Outputs a notebook hands over, seen from its source: the calls of ``kit.output`` with a name written out."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbprocessor.notebook.document import Cell


@dataclass(frozen=True, slots=True)
class HandOver:
    """One call of ``kit.output``."""

    output: str
    """Name of the output; empty: it is computed."""
    cell: str
    line: int


def calls(cells: Sequence[Cell]) -> list[HandOver]:
    """Return the calls of ``kit.output`` (and scrapbook's ``glue``) in a notebook's Python cells."""
    return [found for cell in cells if cell.kind == "code" for found in _calls(cell)]


def tree(source: str) -> ast.Module | None:
    """Return the syntax tree of a code cell, IPython's commands left out; None: it is no Python."""
    if source.lstrip().startswith("%%"):
        return None
    # Whole lines only, so that line numbers stay.
    lines = [
        f"{line[: len(line) - len(line.lstrip())]}pass" if line.lstrip().startswith(("%", "!", "?")) else line
        for line in source.splitlines()
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _calls(cell: Cell) -> Iterator[HandOver]:
    module = tree(cell.source)
    for node in ast.walk(module) if module is not None else ():
        match node:
            case (
                ast.Call(func=ast.Attribute(value=ast.Name(id="kit"), attr="output"))
                | ast.Call(func=ast.Attribute(value=ast.Name(id="sb" | "scrapbook"), attr="glue"))
            ):
                yield HandOver(_name(node), cell.id, node.lineno)


def _name(call: ast.Call) -> str:
    first = call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "name"), None)
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
