"""What a notebook must not carry to those who read it: secrets, and paths of its author's machine."""

import ast
import re
from collections.abc import Iterator, Sequence

from nbprocessor.notebook import handover
from nbprocessor.notebook.document import Cell
from nbprocessor.notebook.finding import Finding, error, warning

# Each begins where no letter stands before it, so that a long line is read through once.
_SECRETS = {
    "a signed token (JWT)": r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}",
    "a private key": r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----",
    "an access token": r"(?<!\w)(?:gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|AKIA|hf_)[A-Za-z0-9_-]{16,}",
    "a bearer token": r"(?<!\w)[Bb]earer [A-Za-z0-9._~+/-]{16,}",
    "a password in an address": r"(?<!\w)[a-z][a-z0-9+.-]{0,20}://[^/\s:@{}]{1,100}:[^/\s@{}]{1,100}@",
}
"""Texts that are secrets by their looks."""
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|passwort|pwd|secret|token|api_?key|access_?key)(?:$|_)", re.IGNORECASE
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*|<.*>|\.+|…|[xX]+|\*+|true|false|null")
_YAML_ENTRY = re.compile(r"\s*[\"']?([\w.-]{1,60})[\"']?[ \t]*:[ \t]+[\"']?([^\s{\[&*|>#!\"'][^\s\"']*)[\"']?\s*")
_PATH = (
    r"(?:/(?:home|root|Users|Volumes|private|mnt|media|tmp|var|opt|srv|data|etc|usr)/(?:[\w.~-]|$)"
    r"|[A-Za-z]:[\\/][\w.~ -]|\\\\\w|~/\w|file:/)"
)
_KEEP_OUT = "Take it out, and make it invalid where it was issued: whoever saw the notebook has it."
_MEND_PATH = "Read data through kit.open_source(), or make it an input."


def findings(cells: Sequence[Cell]) -> list[Finding]:
    """Return secrets and absolute paths in a notebook's cells; a secret is not written out again."""
    return [found for cell in cells for found in (*_secrets(cell), *_in_cell(cell))]


def _secrets(cell: Cell) -> Iterator[Finding]:
    for number, line in enumerate(cell.source.splitlines(), start=1):
        for what, pattern in _SECRETS.items():
            if re.search(pattern, line):
                yield error("NB07", cell.id, number, f"The line has {what} in it.", _KEEP_OUT)


def _in_cell(cell: Cell) -> Iterator[Finding]:
    if cell.kind == "raw":
        yield from _in_yaml(cell)
    elif cell.kind == "code":
        module = handover.tree(cell.source)
        yield from _in_lines(cell, all_lines=module is None)
        if module is not None:
            yield from _in_code(cell, module)


def _in_yaml(cell: Cell) -> Iterator[Finding]:
    for number, line in enumerate(cell.source.splitlines(), start=1):
        entry = _YAML_ENTRY.fullmatch(line)
        if entry and _is_secret(entry[1], entry[2]):
            yield _named(cell, number, entry[1])


def _in_lines(cell: Cell, *, all_lines: bool) -> Iterator[Finding]:
    """Look at what is no Python: commands of IPython, cells in other languages."""
    for number, line in enumerate(cell.source.splitlines(), start=1):
        if (all_lines or line.lstrip().startswith(("%", "!"))) and re.search(rf"(?<![\w.:/]){_PATH}", line):
            yield warning("NB07", cell.id, number, "The line has an absolute path in it.", _MEND_PATH)


def _in_code(cell: Cell, module: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(module):
        match node:
            case ast.Constant(value=str() as text) if re.match(_PATH, text):
                sentence = f'"{text.splitlines()[0][:60]}" is an absolute path; it is not there on the server.'
                yield warning("NB07", cell.id, node.lineno, sentence, _MEND_PATH)
            case ast.Assign(targets=targets, value=value):
                yield from _assigned(cell, [(_target(target), value) for target in targets])
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from _assigned(cell, [(_target(target), value)])
            case ast.Call(keywords=keywords):
                yield from _assigned(cell, [(word.arg or "", word.value) for word in keywords])
            case ast.Dict(keys=keys, values=values):
                names = [str(key.value) if isinstance(key, ast.Constant) else "" for key in keys]
                yield from _assigned(cell, list(zip(names, values, strict=True)))


def _assigned(cell: Cell, pairs: Sequence[tuple[str, ast.expr]]) -> Iterator[Finding]:
    for name, value in pairs:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and _is_secret(name, value.value):
            yield _named(cell, value.lineno, name)


def _target(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name
    return ""


def _is_secret(name: str, value: str) -> bool:
    if len(value) < 4 or any(character.isspace() for character in value) or _PLACEHOLDER.fullmatch(value):
        return False
    return _SECRET_NAME.search(_CAMEL.sub("_", name)) is not None


def _named(cell: Cell, line: int, name: str) -> Finding:
    mend = f"If it is one: {_KEEP_OUT[0].lower()}{_KEEP_OUT[1:]}"
    return warning("NB07", cell.id, line, f"The value of {name} looks like a secret.", mend)
