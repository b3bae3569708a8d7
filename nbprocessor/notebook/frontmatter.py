"""The front matter: YAML in the first raw cell, under it what ``_metadata.yml`` says for the whole folder.

Both are Quarto's conventions, so ``quarto render`` reads the same. Everything of a process stands under ``process:``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbprocessor.language import is_language_map
from nbprocessor.model import Json
from nbprocessor.notebook import declaration, faults, yamltext
from nbprocessor.notebook.declaration import ProcessBlock
from nbprocessor.notebook.document import Cell, Document
from nbprocessor.notebook.finding import Finding, error

SHARED_FILE = "_metadata.yml"
"""Front matter of all notebooks of its folder; each notebook's own wins."""

schema = declaration.schema


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The front matter of a notebook, merged with its folder's."""

    process: ProcessBlock = field(default_factory=ProcessBlock)
    raw: Mapping[str, Json] = field(default_factory=dict)
    """``process:`` as it was written and merged."""
    declares: bool = False
    """The notebook itself has ``process:``; otherwise it only has what its folder shares."""
    inherited_inputs: frozenset[str] = frozenset()
    """Inputs only the folder's file names."""
    title: str = ""
    """Quarto's title, in the document's language."""
    cell: str = ""
    """Id of the cell; empty: there is none."""
    lines: Mapping[yamltext.Path, int] = field(default_factory=dict)
    """Line in the cell by path under ``process``."""

    def line(self, *path: str | int) -> int:
        """Return the line in the cell of ``path`` under ``process``, or of its nearest parent; 0: it is not there."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 0)


def read(document: Document, shared: bytes | None) -> tuple[FrontMatter, list[Finding]]:
    """Read a notebook's front matter.

    Args:
        document: The notebook.
        shared: Content of the folder's ``_metadata.yml``; None when there is none.

    Returns:
        The front matter, and what is wrong with it. After an error it holds what could be read.
    """
    findings: list[Finding] = []
    cell = document.cells[0] if document.cells else None
    own: dict[str, Any] = {}
    lines: dict[yamltext.Path, int] = {}
    if cell is not None:
        text = _fenced(cell)
        if text is not None and (cell.kind == "raw" or _names_process(text)):
            own, lines = _own(cell, text, findings)
        elif text is None and cell.kind == "raw" and _names_process(cell.source):
            mend = "Put a line --- above it and one below it."
            findings.append(error("NB01", cell.id, 1, "The front matter does not stand between two lines ---.", mend))
    findings += _misplaced(document.cells)
    folder = _shared(shared, findings) if shared is not None else {}
    process, own_process = own.get("process"), own.get("process")
    inherited = folder.get("process")
    if isinstance(inherited, dict):
        process = _merged(inherited, process) if isinstance(process, dict) or process is None else process
    if isinstance(process, dict) and isinstance(process.get("outputs"), dict):
        # Taken away in vain: the notebook was moved out of the folder that shares this output.
        kept = {name: block for name, block in process["outputs"].items() if block is not None}
        process = {**process, "outputs": kept}
    place = cell.id if cell and own else ""
    front = FrontMatter(
        raw=process if isinstance(process, dict) else {},
        declares=isinstance(own_process, dict),
        inherited_inputs=frozenset(_inputs(inherited)) - frozenset(_inputs(own_process)),
        title=own["title"] if isinstance(own.get("title"), str) else "",
        cell=place,
        lines=lines,
    )
    return _validated(front, process, inherited, findings), findings


def _validated(front: FrontMatter, process: Any, inherited: Any, findings: list[Finding]) -> FrontMatter:
    if process is None and "process" not in front.raw:
        return front
    if not isinstance(process, dict):
        findings.append(
            error("NB01", front.cell, front.line(), "process: has to be a map with keys such as id and inputs.")
        )
        return front
    findings += _language_maps(front)
    block, found = faults.validated(process)
    findings += _sentences(front, inherited, found)
    return replace(front, process=block)


def _own(cell: Cell, text: str, findings: list[Finding]) -> tuple[dict[str, Any], dict[yamltext.Path, int]]:
    try:
        read_text = yamltext.read(text)
    except yamltext.YamlFault as fault:
        findings.append(error("NB01", cell.id, fault.line + _offset(cell), fault.sentence, fault.mend))
        return {}, {}
    if read_text.value is None:
        return {}, {}
    if not isinstance(read_text.value, dict):
        findings.append(error("NB01", cell.id, 1, "The front matter has to be a map: key: value."))
        return {}, {}
    if cell.kind != "raw":
        findings.append(_not_raw(cell))
        return {}, {}
    lines = {path[1:]: line + _offset(cell) for path, line in read_text.lines.items() if path[:1] == ("process",)}
    return read_text.value, lines


def _not_raw(cell: Cell) -> Finding:
    sentence = f"The front matter stands in a {cell.kind} cell."
    return error("NB01", cell.id, 1, sentence, "Change the cell's type to Raw.")


def _misplaced(cells: Sequence[Cell]) -> list[Finding]:
    """Find front matter that no tool would see, because it is not the first cell."""
    return [
        error("NB01", cell.id, 1, "Front matter has to be the first cell.", "Move this cell to the top.")
        for cell in cells[1:]
        if cell.kind == "raw" and _names_process(_fenced(cell) or "")
    ]


def _fenced(cell: Cell) -> str | None:
    """Return the text between the two lines ``---`` a cell begins and ends with; None: it has no such lines."""
    first, *lines = cell.source.strip().split("\n")
    if first.rstrip() != "---" or not lines or lines[-1] not in {"---", "..."}:
        return None
    return "\n".join([*lines[:-1], ""])


def _names_process(text: str) -> bool:
    return re.search(r"^process[ \t]*:", text, re.MULTILINE) is not None


def _offset(cell: Cell) -> int:
    """Return the number of lines above the first line of YAML."""
    return cell.source[: cell.source.index("---")].count("\n") + 1


def _shared(content: bytes, findings: list[Finding]) -> dict[str, Any]:
    try:
        value = yamltext.read(content.decode("utf-8-sig")).value
    except UnicodeDecodeError:
        findings.append(error("NB01", "", 0, f"{SHARED_FILE} is not UTF-8."))
        return {}
    except yamltext.YamlFault as fault:
        findings.append(error("NB01", "", 0, f"{SHARED_FILE}, line {fault.line}: {fault.sentence}", fault.mend))
        return {}
    if value is None:
        return {}
    if not isinstance(value, dict) or not isinstance(value.get("process", {}), dict):
        findings.append(error("NB01", "", 0, f"{SHARED_FILE} has to be a map, and process: in it, too."))
        return {}
    return value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return ``below`` overlaid with ``above``: maps key by key, all else whole; null takes away what is inherited.

    A text stays whole: a title in one language does not keep the folder's other language.
    """
    result = dict(below)
    for key, value in (above or {}).items():
        inherited = result.get(key)
        if value is None and key in result:
            del result[key]
        elif isinstance(value, Mapping) and isinstance(inherited, Mapping) and not is_language_map(value):
            result[key] = _merged(inherited, value)
        else:
            result[key] = value
    return result


def _inputs(process: Any) -> Mapping[str, Any]:
    found = process.get("inputs") if isinstance(process, dict) else None
    return found if isinstance(found, dict) else {}


def _language_maps(front: FrontMatter) -> list[Finding]:
    """Find maps that would be taken for a text because all their keys are language codes.

    The maps of inputs and outputs are looked at where they are complete: a cell may name inputs, too.
    """
    found = []
    for path in _confusing(front.raw, ()):
        if path not in {("inputs",), ("outputs",)}:
            name = ".".join(["process", *map(str, path)])
            sentence = f"All keys of {name} are language codes, so it reads as one text per language."
            found.append(error("NB12", front.cell, front.line(*path), sentence, "Use longer keys."))
    return found


def _confusing(value: Any, path: yamltext.Path) -> Iterator[yamltext.Path]:
    """Yield where a map has only language codes as keys and something else than texts below them."""
    if isinstance(value, Mapping):
        if is_language_map(value) and not all(isinstance(item, str) for item in value.values()):
            yield path
        for key, item in value.items():
            yield from _confusing(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _confusing(item, (*path, index))


def _sentences(front: FrontMatter, inherited: Any, found: Sequence[faults.Fault]) -> list[Finding]:
    """Say where each fault is: in the notebook's cell, or in the folder's file."""
    findings = []
    for fault in found:
        if fault.path not in front.lines and _has(inherited, fault.path):
            findings.append(error("NB01", "", 0, f"{SHARED_FILE}: {fault.sentence}", fault.mend))
        else:
            findings.append(error("NB01", front.cell, front.line(*fault.path), fault.sentence, fault.mend))
    return findings


def _has(inherited: Any, path: Sequence[str | int]) -> bool:
    """Tell whether what the folder shares has something at a path."""
    for step in path:
        if not isinstance(inherited, Mapping) or step not in inherited:
            return isinstance(inherited, list)
        inherited = inherited[step]
    return True


def shared_file(path: Path) -> Path:
    """Return the place of the file a notebook shares with its folder."""
    return path.parent / SHARED_FILE
