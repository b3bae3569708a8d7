"""A notebook file as it lies on disk: its cells, its kernel, its bytes; read without running anything."""

import errno
import json
import re
import stat
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import nbformat

from nbprocessor import contract
from nbprocessor.errors import NotebookError, Problem

MAX_BYTES = 5_000_000
"""Bytes a process notebook may have; more than that is outputs that were not cleared."""


MAX_TEXT = 5_000
"""Characters of a heading or paragraph that are used."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook."""

    id: str
    """Its id, or its number from 1 in a notebook without ids."""
    kind: str
    """``code``, ``markdown`` or ``raw``."""
    source: str
    tags: frozenset[str]
    executed: bool
    """It carries outputs or an execution count."""
    named: bool
    """The id is the notebook's own."""


@dataclass(frozen=True, slots=True)
class Document:
    """A notebook file."""

    path: Path
    content: bytes
    cells: Sequence[Cell]
    kernel: str
    """Name of the kernel it asks for."""
    language: str
    """Programming language of its cells."""

    @property
    def parameters(self) -> Sequence[Cell]:
        """The code cells tagged ``parameters``."""
        return [cell for cell in self.cells if cell.kind == "code" and contract.TAG_PARAMETERS in cell.tags]


def load(path: Path) -> Document:
    """Read a notebook file.

    Raises:
        NotebookError: It cannot be read, is too large, or is no notebook of format 4.
    """
    try:
        content = read_bytes(path, MAX_BYTES + 1)
    except OSError as fault:
        mend = "Look at its permissions." if isinstance(fault, PermissionError) else ""
        _refuse(path, f"The file cannot be read: {fault.strerror or fault}.", mend)
    return parse(path, content)


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the first bytes of a file, ``limit`` of them at most.

    Raises:
        OSError: It cannot be read, or is none: a pipe would keep whoever opens it waiting for a writer.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is a folder or device")
    with path.open("rb") as file:
        return file.read(limit)


def parse(path: Path, content: bytes) -> Document:
    """Read the bytes of a notebook file.

    Raises:
        NotebookError: They are too many, or no notebook of format 4.
    """
    if len(content) > MAX_BYTES:
        _refuse(
            path, f"The notebook has more than {MAX_BYTES // 1_000_000} MB.", "Clear its outputs and save it again."
        )
    node = _valid(path, _json(path, content))
    spec = _mapping(node["metadata"].get("kernelspec"))
    language = spec.get("language") or _mapping(node["metadata"].get("language_info")).get("name")
    return Document(
        path=path,
        content=content,
        cells=[_cell(cell, number) for number, cell in enumerate(node["cells"], start=1)],
        kernel=str(spec.get("name") or "python3"),
        language=str(language or "python").lower(),
    )


def heading(cells: Sequence[Cell]) -> str:
    """Return the first heading of the text cells as plain text; empty when there is none."""
    return next((plain(line) for line in _lines(cells) if _HEADING.match(line)), "")


def paragraph(cells: Sequence[Cell]) -> str:
    """Return the first paragraph of the text cells as plain text; empty when there is none."""
    words: list[str] = []
    for line in _lines(cells):
        text = line.strip()
        if text and not _HEADING.match(line) and not text.startswith(("---", "|", "![", "<")):
            words.append(text)
        elif words:
            break
    return plain(" ".join(words))


def plain(markdown: str) -> str:
    """Return a line of Markdown without its marks, cut where it is too long for a title or an abstract."""
    text = re.sub(r"^\s{0,3}#{1,6}\s+|\s+#+\s*$", "", markdown[:MAX_TEXT])
    text = re.sub(r"!?\[([^][]*)\]\([^()]*\)", r"\1", text)
    return re.sub(r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", text).strip()


_HEADING = re.compile(r"\s{0,3}#{1,6}\s+\S")


def _lines(cells: Sequence[Cell]) -> list[str]:
    """Return the lines of all text cells, a blank line between cells and in the place of formulas and code."""
    found: list[str] = []
    for cell in cells:
        if cell.kind != "markdown":
            continue
        closes = ""
        for line in cell.source.splitlines():
            mark = next((mark for mark in ("$$", "```", "~~~") if line.strip().startswith(mark)), "")
            found.append("" if mark or closes else line)
            if closes:
                closes = "" if line.strip().endswith(closes) else closes
            elif mark and (mark == line.strip() or not line.strip().endswith(mark)):
                closes = mark
        found.append("")
    return found


def _json(path: Path, content: bytes) -> dict[str, Any]:
    try:
        node = json.loads(content.decode("utf-8-sig"))
        json.dumps(node, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse(path, "The notebook has half a character (a surrogate), which no file can have.", "Look for \\ud8.")
    except UnicodeDecodeError as fault:
        _refuse(path, f"The file is not UTF-8 (byte {fault.start}).", "Save it from JupyterLab.")
    except RecursionError:
        _refuse(path, "The file is no notebook: it is nested too deeply.")
    except json.JSONDecodeError as fault:
        sentence = f"The file is not JSON: {fault.msg} (line {fault.lineno}, column {fault.colno})."
        _refuse(path, sentence, "Save it from JupyterLab; after a merge, look for conflict marks.")
    except ValueError:  # a number of thousands of digits
        _refuse(path, "The file is no notebook: it has a number of thousands of digits.")
    if not isinstance(node, dict) or not isinstance(node.get("cells"), list):
        _refuse(path, "The file is JSON, but no notebook of format 4.", "Open it in JupyterLab and save it.")
    return node


def _valid(path: Path, node: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook, checked against nbformat's schema; missing cell ids are no fault."""
    version, minor = node.get("nbformat"), node.get("nbformat_minor")
    if version != nbformat.current_nbformat or type(minor) is not int:
        _refuse(path, f"The notebook has format {version!r}; format 4 is needed.", "Open it in JupyterLab and save it.")
    node.setdefault("metadata", {})
    strange = next((number for number, cell in enumerate(node["cells"]) if not isinstance(cell, dict)), None)
    if strange is not None:
        _refuse(path, f"The notebook is not valid at /cells/{strange}: a cell has to be an object.")
    known = max(0, min(minor, nbformat.current_nbformat_minor))
    # nbformat changes what it is given to validate; it gets copies of the cells.
    checked = node | {"cells": [{"id": f"cell-{number}", **cell} for number, cell in enumerate(node["cells"])]}
    if known < 5:
        checked["cells"] = [{key: value for key, value in cell.items() if key != "id"} for cell in node["cells"]]
    try:
        with warnings.catch_warnings():
            # Cell ids that are missing or stand twice are findings of `check`.
            warnings.simplefilter("ignore")
            nbformat.validate(checked, version=4, version_minor=known, relax_add_props=True)
    except nbformat.ValidationError as fault:
        place = "/".join(str(part) for part in getattr(fault, "absolute_path", ()))
        _refuse(path, f"The notebook is not valid at /{place}: {str(fault).splitlines()[0][:200]}.")
    except (TypeError, KeyError, AttributeError, ValueError):
        # nbformat's check stumbles over a list where it expects a text.
        _refuse(path, "The notebook is not valid: a cell has members of the wrong type.")
    return node


def _cell(cell: Mapping[str, Any], number: int) -> Cell:
    source = cell["source"]
    tags = cell["metadata"].get("tags", ())
    return Cell(
        id=str(cell.get("id") or number),
        kind=cell["cell_type"],
        source=source if isinstance(source, str) else "".join(source),
        tags=frozenset(tag for tag in tags if isinstance(tag, str)),
        executed=bool(cell.get("outputs")) or cell.get("execution_count") is not None,
        named="id" in cell,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _refuse(path: Path, sentence: str, mend: str = "") -> NoReturn:
    raise NotebookError(path, [Problem("", sentence, mend)])
