"""What a notebook's code imports, and whether it is there; nothing is imported to find out."""

import ast
import builtins
import importlib.util
import re
from collections.abc import Iterator, Sequence

from nbprocessor.notebook import handover
from nbprocessor.notebook.document import Cell
from nbprocessor.notebook.finding import Finding, error, warning

_INSTALLS = re.compile(r"\s*[%!]\s*(?:sys\.executable\s+-m\s+)?(?:uv\s+)?(?:pip3?|conda|mamba)\s+install\b")
_GUARDS = frozenset({"ImportError", "ModuleNotFoundError", "Exception"})


def missing(cells: Sequence[Cell]) -> list[Finding]:
    """Return imports of packages this environment does not have, each named once."""
    found: dict[str, Finding] = {}
    for cell in cells:
        if cell.kind != "code":
            continue
        for number, line in enumerate(cell.source.splitlines(), start=1):
            if _INSTALLS.match(line):
                sentence = "The notebook installs packages each time it runs."
                mend = "Install them into the environment of the server."
                found.setdefault("%", warning("NB08", cell.id, number, sentence, mend))
        for name, line_number in _imports(handover.tree(cell.source)):
            if name not in found and not _is_there(name):
                found[name] = _not_there(cell, line_number, name)
    return list(found.values())


def unbound(cells: Sequence[Cell], parameters: Cell) -> list[Finding]:
    """Return names the parameters cell needs, such as ``date``, that neither it nor a cell above it imports."""
    known = set(vars(builtins))
    for cell in cells[: cells.index(parameters) + 1]:
        known |= set(_bound(handover.tree(cell.source))) if cell.kind == "code" else set()
    module = handover.tree(parameters.source)
    if module is None or "*" in known:
        return []
    return [found for statement in module.body for found in _unbound(parameters, statement, known)]


def _unbound(cell: Cell, statement: ast.stmt, known: set[str]) -> Iterator[Finding]:
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return
    needed = dict.fromkeys(_names(statement.value), "value")
    if isinstance(statement, ast.AnnAssign) and "annotations" not in known:
        needed = dict.fromkeys(_names(statement.annotation), "annotation") | needed
    for name, where in needed.items():
        if name not in known:
            # Newer Pythons do not look at annotations before somebody asks for them.
            make = error if where == "value" else warning
            mend = f"Import {name} in the parameters cell, at its top."
            yield make("NB02", cell.id, statement.lineno, f"The {where} needs {name}, which is not imported.", mend)


def _names(node: ast.expr | None) -> Iterator[str]:
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Name):
            yield part.id


def _bound(module: ast.Module | None) -> Iterator[str]:
    """Yield the names a cell binds; ``*`` stands for names that cannot be told."""
    for node in ast.walk(module) if module is not None else ():
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (name.asname or name.name.partition(".")[0] for name in names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def _imports(module: ast.Module | None) -> Iterator[tuple[str, int]]:
    """Yield the top-level name and line of each import that is not tried only; a relative one begins with a dot."""
    left: list[ast.AST] = [module] if module is not None else []
    while left:
        node = left.pop(0)
        match node:
            case ast.Try(handlers=handlers) if any(_guards(handler) for handler in handlers):
                left += [*handlers, *node.orelse, *node.finalbody]
                continue
            case ast.Import(names=names):
                yield from ((name.name.partition(".")[0], node.lineno) for name in names)
            case ast.ImportFrom(level=level, module=name):
                yield f"{'.' * level}{(name or '').partition('.')[0]}", node.lineno
        left += ast.iter_child_nodes(node)


def _guards(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(part, ast.Name) and part.id in _GUARDS for part in ast.walk(handler.type))


def _is_there(name: str) -> bool:
    if name.startswith("."):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # it is being imported, or is __main__
        return True


def _not_there(cell: Cell, line: int, name: str) -> Finding:
    if name.startswith("."):
        mend = "Put what notebooks share into a package, and install it."
        return error("NB08", cell.id, line, "A notebook cannot import relatively; it is no part of a package.", mend)
    mend = "Is the name right? Else install its package into the environment of the server."
    return error("NB08", cell.id, line, f"There is no module {name} here.", mend)
