"""The report of a job: its executed notebook as one page that runs nothing and loads nothing.

A notebook is foreign code. Markdown and HTML of authors and kernels are cleaned by an allow-list
(:mod:`nbprocessor.web.sanitised`), all else is escaped by the template, formulas become MathML on the server,
pictures are embedded. The headers forbid what would get through all the same.
"""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat
from markupsafe import Markup
from nbformat import reader
from nbformat.validator import normalize
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from nbprocessor import contract
from nbprocessor.errors import NotebookError, Problem
from nbprocessor.model import Json
from nbprocessor.web.environment import render
from nbprocessor.web.lineage import lineage
from nbprocessor.web.markdown import rendered
from nbprocessor.web.outputs import Outputs, Shown
from nbprocessor.web.runfacts import run_facts
from nbprocessor.web.texts import translate

REPORT_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
        ),
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    }
)
"""Headers every report is sent with."""
MAX_CODE = 100_000
"""Characters of one code or raw cell that are shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, ready for the template."""

    id: str
    kind: str
    """``markdown``, ``raw`` or ``code``."""
    html: Markup
    outputs: Sequence[Shown] = ()
    count: int | None = None
    seconds: float | None = None
    failed: bool = False
    injected: bool = False
    front_matter: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: what the author wrote, and what the run used; source text, empty when absent."""

    name: str
    declared: str
    used: str

    @property
    def replaced(self) -> bool:
        """Whether the run used another value than the author's."""
        return bool(self.used) and self.used != self.declared


def render_report(notebook: bytes, *, title: str, language: str, run: Mapping[str, Json]) -> str:
    """Write the report of a notebook: executed, partly executed or failed.

    Args:
        notebook: An ``.ipynb`` file, nbformat 4 or older.
        title: Heading of the page.
        language: ``de`` or ``en``.
        run: What is known of the run, as :func:`nbprocessor.web.runfacts.run_facts` and
            :func:`nbprocessor.web.lineage.lineage` read it.

    Raises:
        NotebookError: The bytes are no notebook; says where.
    """
    content = _read(notebook)
    text = translate(language)
    outputs = Outputs(text, language)
    lexer = _lexer_name(content)
    cells = [
        _cell(cell, index, title, lexer, outputs)
        for index, cell in enumerate(content["cells"], start=1)
        if not _is_papermills_mark(cell)
    ]
    return render(
        "report",
        language=language,
        title=title,
        facts=run_facts(run, language),
        lineage=lineage(run, language),
        cells=cells,
        failing=next((cell for cell in cells if cell.failed), None),
        parameters=_parameters(content["cells"]),
    )


def _read(notebook: bytes) -> Mapping[str, Any]:
    """Read and check a notebook, so that the template meets no surprise.

    Raises:
        NotebookError: No JSON, no notebook, or a notebook whose cells are not what nbformat says.
    """
    path = Path(contract.FILE_EXECUTED)
    try:
        text = notebook.decode()
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotebookError(path, [Problem("", f"The notebook is no JSON: {error}.")]) from None
    version = raw.get("nbformat") if isinstance(raw, dict) else None
    if type(version) is not int or not 1 <= version <= nbformat.current_nbformat:
        raise NotebookError(path, [Problem("/nbformat", "This JSON is no notebook: it names no known nbformat.")])
    try:
        node = nbformat.convert(reader.reads(text), nbformat.current_nbformat)
        _, node = normalize(node)
        nbformat.validate(node, relax_add_props=True)
    except nbformat.ValidationError as error:
        pointer = "/" + "/".join(str(part) for part in getattr(error, "path", ()))
        problem = Problem(pointer, f"The notebook is not valid: {str(error).splitlines()[0]}")
        raise NotebookError(path, [problem]) from None
    except (
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:  # nbformat trusts what it converts
        raise NotebookError(path, [Problem("", f"The notebook cannot be read: {error}.")]) from None
    assert isinstance(node, Mapping)
    return node


def _cell(cell: Mapping[str, Any], index: int, title: str, lexer: str, outputs: Outputs) -> Cell:
    name = str(cell.get("id") or index)
    source = str(cell["source"])
    rest = outputs.cut(len(source) - MAX_CODE) if len(source) > MAX_CODE else Markup()
    if cell["cell_type"] == "markdown":
        return Cell(name, "markdown", rendered(source, cell.get("attachments"), title=title))
    if cell["cell_type"] == "raw":
        html = Markup("<pre>{}</pre>{}").format(source[:MAX_CODE], rest)
        return Cell(name, "raw", html, front_matter=source.lstrip().startswith("---"))
    return Cell(
        name,
        "code",
        _coloured(source[:MAX_CODE], lexer) + rest,
        tuple(outputs.shown(cell["outputs"], name)),
        count=cell.get("execution_count"),
        seconds=_seconds(cell),
        failed=any(output["output_type"] == "error" for output in cell["outputs"]),
        injected=contract.TAG_INJECTED in _tags(cell),
    )


def _coloured(source: str, lexer: str) -> Markup:
    html = highlight(source, get_lexer_by_name(lexer), HtmlFormatter(nowrap=True))
    return Markup("<pre><code>{}</code></pre>").format(Markup(html))  # noqa: S704  # pygments escapes


def _lexer_name(content: Mapping[str, Any]) -> str:
    language = content["metadata"].get("language_info", {}).get("name")
    try:
        get_lexer_by_name(language if isinstance(language, str) else "python")
    except ClassNotFound:
        return "text"
    return language if isinstance(language, str) else "python"


def _seconds(cell: Mapping[str, Any]) -> float | None:
    timing = cell["metadata"].get("papermill")
    seconds = timing.get("duration") if isinstance(timing, Mapping) else None
    return float(seconds) if isinstance(seconds, int | float) else None


def _tags(cell: Mapping[str, Any]) -> Sequence[str]:
    return tuple(cell["metadata"].get("tags", ()))


def _is_papermills_mark(cell: Mapping[str, Any]) -> bool:
    """Tell whether papermill put a cell in to show where a run failed; the report says so itself."""
    return cell["cell_type"] == "markdown" and "papermill-error-cell-tag" in _tags(cell)


def _parameters(cells: Sequence[Mapping[str, Any]]) -> Sequence[Parameter]:
    """Put declared and used values side by side; nothing for kernels whose assignments are not Python's."""
    declared = dict(_assignments(cells, contract.TAG_PARAMETERS))
    used = dict(_assignments(cells, contract.TAG_INJECTED))
    return [Parameter(name, declared.get(name, ""), used.get(name, "")) for name in {**declared, **used}]


def _assignments(cells: Sequence[Mapping[str, Any]], tag: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of the assignments in the cells of a tag; read, never executed."""
    for cell in cells:
        if cell["cell_type"] != "code" or tag not in _tags(cell):
            continue
        try:
            statements = ast.parse(cell["source"]).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, ast.unparse(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=value):
                    yield name, ast.unparse(value) if value else ""
