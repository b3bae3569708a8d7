"""The ``parameters`` cell: names, types, values and comments of its declarations; read, never executed.

papermill reads the same cell by regular expressions and loses what it does not know; here a line that cannot be
read is a finding that says so.
"""

import ast
import builtins
import io
import keyword
import re
import tokenize
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbprocessor.model import ABSENT, Json
from nbprocessor.notebook import annotations, literals
from nbprocessor.notebook.annotations import Type
from nbprocessor.notebook.document import Cell
from nbprocessor.notebook.finding import Finding, error
from nbprocessor.notebook.literals import Unreadable

MAX_CHARACTERS = 200_000
_IMPORTS = frozenset({"__future__", "typing", "typing_extensions", "datetime", "pydantic", "collections.abc"})
"""What annotations and dates need; other imports belong into the next cell."""
_SESSION = frozenset({"get_ipython", "display", "In", "Out", "exit", "quit", "kit"})
"""Names IPython, or a process notebook itself, uses."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declaration of the cell."""

    name: str
    line: int
    type: Type | None
    """From the annotation; None: there is none."""
    value: Json = ABSENT
    """JSON value; dates as ISO texts. Absent in a bare declaration."""
    value_type: Type = field(default_factory=Type)
    """From the value."""
    comment: str = ""
    """The comment behind it."""


def read(cell: Cell) -> tuple[dict[str, Parameter], list[Finding]]:
    """Read the declarations of a cell.

    Returns:
        The parameters by name, in the cell's order, and what could not be read.
    """
    if len(cell.source) > MAX_CHARACTERS:
        sentence = f"The parameters cell has more than {MAX_CHARACTERS:,} characters."
        return {}, [error("NB02", cell.id, 0, sentence, "Give large values by reference, or read them from a file.")]
    try:
        body = _parse(cell.source)
    except SyntaxError as fault:
        return {}, [_syntax(cell, fault)]
    except (ValueError, RecursionError, MemoryError):
        return {}, [
            error("NB02", cell.id, 0, "The parameters cell cannot be read as Python.", "Keep it to plain declarations.")
        ]
    comments = _comments(cell.source)
    imported = _imported(body)
    found: dict[str, Parameter] = {}
    findings: list[Finding] = []
    for statement in body:
        try:
            parameter = _declaration(statement, comments.get(statement.end_lineno or 0, ""))
            if parameter is None:
                continue
            _check_name(parameter, found, imported)
            found[parameter.name] = parameter
        except Unreadable as fault:
            findings.append(error("NB02", cell.id, fault.line or statement.lineno, fault.sentence, fault.mend))
        except RecursionError:
            sentence = "The line is nested too deeply."
            findings.append(error("NB02", cell.id, statement.lineno, sentence, "Write it simpler."))
    return found, findings


def _parse(source: str) -> Sequence[ast.stmt]:
    with warnings.catch_warnings():
        # "\d" in a text is the author's business when the cell runs.
        warnings.simplefilter("ignore")
        return ast.parse(source).body


def _syntax(cell: Cell, fault: SyntaxError) -> Finding:
    line = fault.lineno or 0
    lines = cell.source.splitlines()
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    if text.startswith(("%", "!", "?")):
        mend = "IPython's commands belong into another cell."
        return error("NB02", cell.id, line, f"{text[:60]} is no declaration.", mend)
    if (named := re.match(r"(\w+)\s*[:=]\s*\w", text)) and keyword.iskeyword(named[1]):
        return error("NB02", cell.id, line, _refused(named[1], refusal(named[1])), "Choose another name.")
    return error("NB02", cell.id, line, f"The line is no Python: {fault.msg}.", "Write name: type = value.")


def _refused(name: str, reason: str) -> str:
    return f"{name} cannot be the name of an input: {reason}."


def _declaration(statement: ast.stmt, comment: str) -> Parameter | None:
    """Read one statement; None for what may stand here and declares nothing.

    Raises:
        Unreadable: It is no declaration with a literal value.
    """
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            return _parameter(name, statement, annotations.read(annotation), value, comment)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            kind, comment = _type_comment(comment)
            return _parameter(
                name, statement, annotations.read_text(kind, statement.lineno) if kind else None, value, comment
            )
        case ast.Pass() | ast.Expr(value=ast.Constant(value=str())):
            return None
        case ast.Import(names=names) if all(name.name in _IMPORTS for name in names):
            return None
        case ast.ImportFrom(module=module, level=0) if module in _IMPORTS:
            return None
        case ast.Import() | ast.ImportFrom():
            raise Unreadable(
                statement, "An import does not belong into the parameters cell.", "Move it to the next cell."
            )
        case ast.Assign() | ast.AugAssign():
            raise Unreadable(statement, "One line has to declare one name.", "Write name: type = value.")
    raise Unreadable(
        statement, "This is no declaration; it is not run.", "Write name: type = value, or move it to the next cell."
    )


def _parameter(name: str, statement: ast.stmt, kind: Type | None, node: ast.expr | None, comment: str) -> Parameter:
    value, value_type = literals.read(node) if node is not None else (ABSENT, Type())
    return Parameter(name, statement.lineno, kind, value, value_type, comment)


_NAME = r"\w[\w.]*(?:\[[^][]*(?:\[[^][]*\][^][]*)*\])?"
"""A type in a comment, brackets in brackets included; no text can be read by it in two ways."""


def _type_comment(comment: str) -> tuple[str, str]:
    """Split papermill's ``# type: int  help`` into type and help."""
    match = re.match(rf"type:\s*(?!ignore)({_NAME}(?:\s*\|\s*{_NAME})*)(?:\s+(.*))?$", comment)
    return (match[1], match[2] or "") if match else ("", comment)


def _imported(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Return the names the cell's imports bind."""
    imports = [statement for statement in body if isinstance(statement, ast.Import | ast.ImportFrom)]
    return frozenset(name.asname or name.name.partition(".")[0] for found in imports for name in found.names)


def _check_name(parameter: Parameter, found: Mapping[str, Parameter], imported: frozenset[str]) -> None:
    """Refuse names that could not be written into code as they are, or would change what the notebook means.

    Raises:
        Unreadable: With the reason.
    """
    name, line = parameter.name, parameter.line
    if name in found:
        raise Unreadable(
            line, f"{name} is declared twice; it was on line {found[name].line} already.", "Keep one of them."
        )
    if reason := refusal(name) or ("the cell imports something of that name" if name in imported else ""):
        raise Unreadable(line, _refused(name, reason), "Choose another name.")


def refusal(name: str) -> str:
    """Return why a name cannot be an input's, as half a sentence; empty when it can."""
    if not name.isidentifier() or unicodedata.normalize("NFKC", name) != name or len(name) > 100:
        return "it is no Python name"
    if keyword.iskeyword(name):
        return "it is a word of Python's own"
    if name.startswith("_"):
        return "names that begin with _ are Python's and IPython's own"
    if name in vars(builtins) or name in _SESSION:
        return "the notebook needs what is called so already"
    return ""


def _remark(comment: str) -> str:
    """Return the text of a comment; what it tells a linter or type checker is none."""
    text = comment.lstrip("#").strip()
    return "" if re.match(r"(noqa|fmt|pylint|ruff|pragma|nosec|type:\s*ignore)\b", text) else text


def _comments(source: str) -> dict[int, str]:
    """Return the comments that stand behind code, by line; told from ``#`` in texts by Python's tokens."""
    found: dict[int, str] = {}
    last = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT and token.start[0] == last:
                found[last] = _remark(token.string)
            elif token.type not in {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}:
                last = token.end[0]
    except (tokenize.TokenError, SyntaxError):
        return found
    return found
