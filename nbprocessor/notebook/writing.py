"""What a notebook writes to its data source, seen from its source code, and whether it says so."""

import ast
from collections.abc import Iterator

from nbprocessor.notebook import handover
from nbprocessor.notebook.describe import Reading
from nbprocessor.notebook.document import Cell
from nbprocessor.notebook.finding import Finding, warning

_WRITERS = frozenset({"Summary", "open_source"})
"""What of the kit returns something that writes."""
MEND = "Say writes: true at the input that names it, under inputs: in the front matter."


def undeclared(reading: Reading) -> list[Finding]:
    """Return the writes of a notebook none of whose inputs says what may be written: the gateway refuses them."""
    cells = [cell for cell in reading.document.cells if cell.kind == "code"]
    declared = reading.process is None or any(one.writes for one in reading.process.inputs.values())
    if declared or reading.document.language != "python":
        return []
    modules = [(cell, module) for cell in cells if (module := handover.tree(cell.source)) is not None]
    names = {name for _, module in modules for name in _writers(module)}
    sentence = "The notebook writes to an indicator, and no input says which: jobs are not let through."
    return [warning("NB14", cell.id, line, sentence, MEND) for cell, line in _writes(modules, names)][:1]


def _writers(module: ast.Module) -> Iterator[str]:
    """Yield the names that are given a summary or a source."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=made)) if _last(made) in _WRITERS:
                yield name


def _writes(modules: list[tuple[Cell, ast.Module]], names: set[str]) -> Iterator[tuple[Cell, int]]:
    for cell, module in modules:
        for node in ast.walk(module):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="write")) if name in names:
                    yield cell, node.lineno


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
