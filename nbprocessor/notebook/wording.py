"""What a notebook says to people: texts in all languages, a purpose, and outputs that are what was announced."""

import difflib
import re
from collections.abc import Iterator, Mapping

from nbprocessor.language import LANGUAGES, Text
from nbprocessor.notebook import declaration, document, handover
from nbprocessor.notebook.declaration import InputBlock, OutputBlock, ProcessBlock
from nbprocessor.notebook.describe import Reading
from nbprocessor.notebook.document import Cell, Document
from nbprocessor.notebook.finding import Finding, error, warning
from nbprocessor.notebook.frontmatter import FrontMatter

_NAMES = {"de": "German", "en": "English"}


def texts(front: FrontMatter) -> list[Finding]:
    """Return titles and descriptions of the front matter that are missing, altogether or in one language."""
    if not front.declares:
        mend = "Begin the notebook with a raw cell that has process: with title and description between two lines ---."
        return [warning("NB05", "", 0, "The process has no texts in German and English.", mend)]
    process = front.process
    blocks: list[tuple[tuple[str, ...], ProcessBlock | InputBlock | OutputBlock]] = [((), process)]
    blocks += [(("inputs", name), block) for name, block in process.inputs.items()]
    blocks += [(("outputs", name), block) for name, block in process.outputs.items()]
    return [found for path, block in blocks for found in _texts_of(front, path, block)]


def _texts_of(
    front: FrontMatter, path: tuple[str, ...], block: ProcessBlock | InputBlock | OutputBlock
) -> Iterator[Finding]:
    if path[:1] == ("inputs",) and path[1] in front.inherited_inputs:
        return
    owner = ".".join(["process", *path])
    example = "{" + ", ".join(f"{language}: …" for language in LANGUAGES) + "}"
    if block.title is None and block.description is None:
        mend = f"Write title: {example}, and description: likewise."
        yield warning("NB05", front.cell, front.line(*path), f"{owner} has neither title nor description.", mend)
        return
    for name, value in (("title", block.title), ("description", block.description)):
        missing = _missing(value)
        if not missing:
            continue
        line = front.line(*path, name)
        if value is None:
            sentence = f"{owner} has no {name}."
        elif isinstance(value, str):
            sentence = f"{owner}.{name} is in one language only."
        else:
            sentence = f"{owner}.{name} is not there in {' and '.join(_NAMES.get(code, code) for code in missing)}."
        yield warning("NB05", front.cell, line, sentence, f"Write {name}: {example}")


def _missing(value: Text | None) -> list[str]:
    if value is None or isinstance(value, str):
        return list(LANGUAGES)
    return [language for language in LANGUAGES if not value.get(language, "").strip()]


def outputs(reading: Reading) -> list[Finding]:
    """Return outputs that are declared and not handed over, or handed over and not declared, as the source shows it."""
    notebook, front = reading.document, reading.front
    if notebook.language != "python":
        return []
    calls = handover.calls(notebook.cells)
    handed = {call.output for call in calls}
    findings = [
        error("NB06", call.cell, call.line, f'"{call.output}" cannot be the id of an output.',
              "Use letters, digits, _ and -, beginning with a letter or _.")
        for call in calls if call.output and not re.fullmatch(declaration.OUTPUT_ID, call.output)
    ]  # fmt: skip
    declared = front.process.outputs
    for call in calls:
        if (
            declared
            and call.output
            and call.output not in declared
            and re.fullmatch(declaration.OUTPUT_ID, call.output)
        ):
            sentence = f"The output {call.output} is handed over, but the front matter does not declare it."
            findings.append(warning("NB06", call.cell, call.line, sentence, f"Add it under outputs: {call.output}:"))
    if "" not in handed and not _writes_elsewhere(notebook):
        for name in declared.keys() - handed:
            required = declared[name].required
            sentence = f"The output {name} is declared, but no cell hands it over."
            mend = f'Write kit.output("{name}", …), or take it out of the front matter.'
            findings.append(
                (error if required else warning)("NB06", front.cell, front.line("outputs", name), sentence, mend)
            )
    return findings


def _writes_elsewhere(notebook: Document) -> bool:
    """Tell whether a cell cannot be read as Python, or makes scraps itself; it may hand over what is not seen."""
    return any(
        cell.kind == "code" and (handover.tree(cell.source) is None or "scrapbook" in cell.source)
        for cell in notebook.cells
    )


def boxes(reading: Reading) -> list[Finding]:
    """Return what the user interface's boxes (``ui: inputBoxes:``) have in them that is no input."""
    front, process = reading.front, reading.process
    named = (front.process.ui or {}).get("inputBoxes")
    findings = []
    for number, box in enumerate(named if isinstance(named, list) else ()):
        contents = box.get("contents") if isinstance(box, Mapping) else None
        for name in contents if isinstance(contents, list) else ():
            if process is not None and name not in process.inputs:
                near = difflib.get_close_matches(str(name), process.inputs, n=1)
                mend = f"Is it called {near[0]}?" if near else "Take it out, or declare it in the parameters cell."
                line = front.line("ui", "inputBoxes", number)
                findings.append(
                    warning("NB13", front.cell, line, f"The box has {name} in it, which is no input.", mend)
                )
    return findings


def purpose(notebook: Document) -> list[Finding]:
    """Return what is missing of a text cell with a title, above the code, that says what the process is for."""
    above: list[Cell] = []
    for cell in notebook.cells:
        if cell.kind == "code" and cell not in notebook.parameters:
            break
        above.append(cell)
    if not document.heading(above):
        mend = "Begin with a text cell: # and the title, then a sentence on what is computed and what for."
        return [warning("NB09", "", 0, "No text cell with a title stands above the code.", mend)]
    if not document.paragraph(above):
        first = next(cell for cell in above if document.heading([cell]))
        mend = "Write below the title what is computed and what for."
        return [warning("NB09", first.id, 0, "The title stands alone.", mend)]
    return []
