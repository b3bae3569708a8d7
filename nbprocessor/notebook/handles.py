"""Secrets a notebook reads, seen from its source: whether they are declared, and whether the server has them."""

import ast
from collections.abc import Collection, Iterator

from nbprocessor.notebook import handover
from nbprocessor.notebook.describe import Reading
from nbprocessor.notebook.finding import Finding, error, warning


def findings(reading: Reading, known: Collection[str] | None) -> list[Finding]:
    """Return secrets that are read and not declared, and declared ones the server does not have.

    Args:
        reading: The notebook.
        known: Names of the secrets the server has; None: they are not known here.
    """
    declared, front = reading.front.process.secrets, reading.front
    found = []
    for cell in reading.document.cells:
        module = handover.tree(cell.source) if cell.kind == "code" else None
        for name, line in _calls(module) if module is not None else ():
            if name not in declared:
                sentence = f"The notebook reads the secret {name}, which it does not declare: no run is given it."
                found.append(error("NB15", cell.id, line, sentence, f"Add it to the front matter: secrets: [{name}]"))
    for name in declared:
        if known is not None and name not in known:
            sentence = f"The server does not have the secret {name}: every job would fail."
            mend = f"Name its file in the settings: data: secrets: {{{name}: /path/to/file}}"
            found.append(warning("NB15", front.cell, front.line("secrets"), sentence, mend))
    return found


def _calls(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield name and line of each ``kit.secret("NAME")`` with a name written out."""
    imported = {
        name.asname or name.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module == "nbprocessor.kit"
        for name in node.names
        if name.name == "secret"
    }
    for node in ast.walk(module):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="kit"), attr="secret"), args=[ast.Constant(value=str() as name)]
            ):
                yield name, node.lineno
            case ast.Call(func=ast.Name(id=function), args=[ast.Constant(value=str() as name)]) if function in imported:
                yield name, node.lineno
