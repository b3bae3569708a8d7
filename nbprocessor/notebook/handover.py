"""Outputs a notebook hands over, seen from its source: the calls of ``kit.output`` with a name written out."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbprocessor.notebook.document import Cell

_KIT = "nbprocessor.kit"
_USUAL = frozenset({"kit.output", f"{_KIT}.output", "sb.glue", "scrapbook.glue"})


@dataclass(frozen=True, slots=True)
class HandOver:
    """One call of ``kit.output``."""

    output: str
    """Name of the output; empty: it is computed."""
    cell: str
    line: int


def calls(cells: Sequence[Cell]) -> list[HandOver]:
    """Return the calls of ``kit.output`` (and scrapbook's ``glue``) in a notebook's Python cells, in their order."""
    modules = [(cell, module) for cell in cells if cell.kind == "code" and (module := tree(cell.source)) is not None]
    names = _USUAL.union(*(_imported(module) for _, module in modules))
    return [found for cell, module in modules for found in _calls(cell, module, names)]


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


def _imported(module: ast.Module) -> Iterator[str]:
    """Yield what ``kit.output`` is called in this notebook, by its imports."""
    for node in ast.walk(module):
        match node:
            case ast.ImportFrom(module="nbprocessor", names=names):
                yield from (f"{name.asname}.output" for name in names if name.name == "kit" and name.asname)
            case ast.ImportFrom(module="nbprocessor.kit" | "nbprocessor.kit.outputs", names=names):
                yield from (name.asname or name.name for name in names if name.name == "output")
            case ast.Import(names=names):
                yield from (f"{name.asname}.output" for name in names if name.name == _KIT and name.asname)


def _calls(cell: Cell, module: ast.Module, names: frozenset[str]) -> list[HandOver]:
    found = [
        HandOver(_name(node), cell.id, node.lineno)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and _dotted(node.func) in names
    ]
    return sorted(found, key=lambda call: call.line)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=last):
            return f"{name}.{last}"
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id=name), attr=middle), attr=last):
            return f"{name}.{middle}.{last}"
    return ""


def _name(call: ast.Call) -> str:
    first = call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "name"), None)
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
