"""A notebook as it is kept: without traces of runs, with cell ids that people can read; and how to make it so."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from nbprocessor import contract
from nbprocessor.notebook import document, handover
from nbprocessor.notebook.document import Cell, Document
from nbprocessor.notebook.finding import Finding, warning

_CELL_TRACES = ("ExecuteTime", "execution", "papermill")
_NOTEBOOK_TRACES = ("papermill", "signature", "widgets")
"""Metadata a run leaves."""
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_RANDOM = re.compile(r"(VSC-)?[0-9a-f]{8}([0-9a-f-]{4,})?")
"""What JupyterLab, nbformat and Visual Studio Code call cells when nobody does."""
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_SHOWN = 5


def findings(notebook: Document) -> list[Finding]:
    """Return what `tidied` would mend."""
    content = _json(notebook.content)
    executed = [cell.id for cell, raw in zip(notebook.cells, content["cells"], strict=True) if _is_executed(raw)]
    found = []
    if executed:
        sentence = f"{_listed(executed)} {'has' if len(executed) == 1 else 'have'} outputs or other traces of a run."
        found.append(warning("NB10", executed[0], 0, sentence, _MEND))
    elif any(key in content["metadata"] for key in _NOTEBOOK_TRACES):
        found.append(warning("NB10", "", 0, "The notebook's metadata has traces of a run.", _MEND))
    taken: set[str] = set()
    for cell in notebook.cells:
        if not cell.named:
            found.append(warning("NB11", cell.id, 0, f"Cell {cell.id} has no id.", _MEND))
        elif cell.id in taken:
            found.append(warning("NB11", cell.id, 0, f"Two cells have the id {cell.id}.", _MEND))
        elif not readable(cell.id):
            found.append(warning("NB11", cell.id, 0, f"{cell.id} says nothing of its cell.", _MEND))
        taken.add(cell.id)
    return found


_MEND = "`nbprocessor check --fix` mends it."


def tidied(notebook: Document) -> tuple[bytes, list[str]]:
    """Return the bytes of a notebook without traces of runs and with readable ids, and sentences on what was done.

    Without sentences the bytes are the notebook's own.
    """
    content = _json(notebook.content)
    done = [*_cleared(content, notebook.cells), *_renamed(content, notebook.cells)]
    if not done:
        return notebook.content, []
    indent = re.match(rb"\s*\{\r?\n?([ \t]*)", notebook.content)
    # nbformat's own form is one blank; who keeps another one keeps readable differences.
    written = json.dumps(content, ensure_ascii=False, indent=(indent[1].decode() if indent else "") or " ")
    return f"{written}\n".encode(), done


def readable(cell_id: str) -> bool:
    """Tell whether a cell id is a word, not a random number."""
    return _ID.fullmatch(cell_id) is not None and _RANDOM.fullmatch(cell_id) is None


def _cleared(content: dict[str, Any], cells: Sequence[Cell]) -> list[str]:
    executed = [(cell, raw) for cell, raw in zip(cells, content["cells"], strict=True) if _is_executed(raw)]
    for _, raw in executed:
        if raw["cell_type"] == "code":
            raw["outputs"], raw["execution_count"] = [], None
        for key in _CELL_TRACES:
            raw["metadata"].pop(key, None)
    traces = [content["metadata"].pop(key) for key in _NOTEBOOK_TRACES if key in content["metadata"]]
    if not executed:
        return ["removed traces of a run from its metadata"] if traces else []
    return [f"cleared outputs and other traces of a run: {_listed([cell.id for cell, _ in executed])}"]


def _is_executed(raw: dict[str, Any]) -> bool:
    run = bool(raw.get("outputs")) or raw.get("execution_count") is not None
    return run or any(key in raw["metadata"] for key in _CELL_TRACES)


def _renamed(content: dict[str, Any], cells: Sequence[Cell]) -> list[str]:
    ids = _ids(cells)
    changes = [f"{cell.id} → {new}" for cell, new in zip(cells, ids, strict=True) if not cell.named or cell.id != new]
    if not changes:
        return []
    for raw, new in zip(content["cells"], ids, strict=True):
        raw["id"] = new
    content["cells"] = [dict(sorted(raw.items())) for raw in content["cells"]]
    content["nbformat_minor"] = max(content["nbformat_minor"], 5)
    return [f"made cell ids readable: {_listed(changes)}"]


def _ids(cells: Sequence[Cell]) -> list[str]:
    """Return an id for each cell; readable ones stay with the first cell that has them."""
    kept: dict[str, int] = {}
    for number, cell in enumerate(cells):
        if cell.named and readable(cell.id):
            kept.setdefault(cell.id, number)
    taken, ids = set(kept), []
    for number, cell in enumerate(cells):
        new = cell.id
        if kept.get(cell.id) != number:
            proposal = _proposal(cells, number)
            new, count = proposal, 1
            while new in taken:
                count += 1
                new = f"{proposal}-{count}"
        taken.add(new)
        ids.append(new)
    return ids


def _proposal(cells: Sequence[Cell], number: int) -> str:
    """Return what a cell could be called, by its place, its tags and the heading it is under."""
    cell, above = cells[number], cells[:number]
    headed = [other for other in cells[: number + 1] if other.kind == "markdown" and document.heading([other])]
    section = _slug(document.heading(headed[-1:]))
    match cell.kind:
        case "raw":
            return "front-matter" if number == 0 else "raw"
        case "markdown" if headed == [cell] and all(
            contract.TAG_PARAMETERS in c.tags for c in above if c.kind == "code"
        ):
            return "purpose"
        case "markdown":
            return f"{section}-text" if section else "text"
    for tag in (contract.TAG_PARAMETERS, contract.TAG_INJECTED):
        if tag in cell.tags:
            return tag
    if handover.calls([cell]):
        return "outputs"
    return section or "code"


def _slug(heading: str) -> str:
    """Return a heading as an id: ``2 Daten prüfen`` is ``daten-pruefen``; empty when nothing is left."""
    text = unicodedata.normalize("NFKD", heading.lower().translate(_ASCII)).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", text)
    while words and words[0].isdigit():
        del words[0]
    slug = ""
    for word in words:
        if len(slug) + len(word) > 40:
            break
        slug = f"{slug}-{word}" if slug else word
    return slug if readable(slug) else ""


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _json(content: bytes) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(content.decode("utf-8-sig"))
    notebook.setdefault("metadata", {})
    return notebook
