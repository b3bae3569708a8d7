"""A notebook as a process, and a process as OGC's process description; nothing of the notebook is run.

Growth by need: a notebook with only a ``parameters`` cell is a process; front matter adds texts and outputs, then
schemas, limits and parameters of the user interface.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprocessor.errors import NotebookError
from nbprocessor.language import LANGUAGES, is_language_map
from nbprocessor.model import ABSENT, Json
from nbprocessor.model.process import Input, Limits, Output, Process
from nbprocessor.notebook import declaration, document, frontmatter, handover, inputs, parameters, schemas
from nbprocessor.notebook.document import Document
from nbprocessor.notebook.finding import Finding, error, warning
from nbprocessor.notebook.frontmatter import FrontMatter

UI_PARAMETERS = "kommonitorUiParams"
"""Under this name KomMonitor's web client finds what ``ui:`` says."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a notebook says of itself, and what is wrong with that."""

    document: Document
    front: FrontMatter
    process: Process | None
    """None: it does not declare a process, or the findings have an error."""
    findings: Sequence[Finding]

    @property
    def errors(self) -> Sequence[Finding]:
        """The findings that keep the notebook from being a process."""
        return [finding for finding in self.findings if finding.severity == "error"]


def read(path: Path) -> Process:
    """Read a notebook file as a process.

    Raises:
        NotebookError: It is none, or is wrong; names every problem with cell, line and mend.
    """
    process = read_if_process(path)
    if process is None:
        finding = error(
            "NB02", "", 0, "The notebook declares no process.",
            "Tag a code cell parameters, or begin with a raw cell that has process: between two lines ---.",
        )  # fmt: skip
        raise NotebookError(path, [finding.problem])
    return process


def read_if_process(path: Path) -> Process | None:
    """Read a notebook file as a process; None when it does not declare one.

    Raises:
        NotebookError: It declares one that is wrong, or cannot be read.
    """
    found = examine(document.load(path), shared_front_matter(path))
    if found.errors:
        raise NotebookError(path, [finding.problem for finding in found.errors])
    return found.process


def shared_front_matter(path: Path) -> bytes | None:
    """Return what the folder of a notebook shares (``_metadata.yml``); None when there is no such file.

    Raises:
        NotebookError: The file is there and cannot be read.
    """
    file = frontmatter.shared_file(path)
    try:
        return document.read_bytes(file, document.MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as fault:
        sentence = f"{file.name} beside it cannot be read: {fault.strerror or fault}."
        raise NotebookError(path, [error("NB01", "", 0, sentence).problem]) from None


def examine(notebook: Document, shared: bytes | None) -> Reading:
    """Read what a notebook says of itself.

    Args:
        notebook: The notebook.
        shared: Content of the ``_metadata.yml`` beside it; None when there is none.
    """
    front, findings = frontmatter.read(notebook, shared)
    declares = (
        front.declares
        or bool(notebook.parameters)
        or any(finding.severity == "error" and finding.cell for finding in findings)
    )
    if not declares:
        return Reading(notebook, front, None, ())
    declared, cell, more = _parameters(notebook)
    findings += more
    made, more = inputs.build(front, declared, cell)
    # Faults of the cell itself come first; what follows from them would only repeat them.
    findings += [finding for finding in more if not _follows(finding, findings)]
    outputs, more = _outputs(front, notebook)
    findings += more
    process = _process(notebook, front, made, outputs)
    findings += _read_as_texts(front, made, outputs, cell)
    if not re.fullmatch(declaration.PROCESS_ID, process.id):
        sentence = f'The file\'s name, "{process.id}", cannot be the id of a process.'
        findings.append(error("NB01", front.cell, 0, sentence, "Write process: id: with letters, digits, . _ and -."))
    wrong = any(finding.severity == "error" for finding in findings)
    return Reading(notebook, front, None if wrong else process, tuple(findings))


def description(process: Process) -> dict[str, Json]:
    """Return the process description (OGC 18-062r2, process.yaml), texts in all languages, without the API's links.

    Each call returns a new document, which the caller may change.
    """
    document: dict[str, Any] = {
        "id": process.id,
        "version": process.version,
        "title": process.title,
        "description": process.description or process.title,
        "keywords": process.keywords,
        "metadata": process.metadata,
        "additionalParameters": process.additional_parameters,
        "jobControlOptions": [str(option) for option in process.job_control_options],
        "outputTransmission": process.output_transmission,
        "links": process.links,
        "inputs": {name: _input_description(declared) for name, declared in process.inputs.items()},
        "outputs": {name: _output_description(declared) for name, declared in process.outputs.items()},
        "example": process.example,
    }
    always = {"inputs", "outputs"}
    return {key: _plain(value) for key, value in document.items() if value or key in always}


def _input_description(declared: Input) -> dict[str, Any]:
    document: dict[str, Any] = {
        "title": declared.title,
        "description": declared.description or declared.title,
        "keywords": declared.keywords,
        "metadata": declared.metadata,
    }
    return {key: value for key, value in document.items() if value} | {
        "schema": declared.schema,
        "minOccurs": declared.min_occurs,
        "maxOccurs": declared.max_occurs,
    }


def _output_description(declared: Output) -> dict[str, Any]:
    return {
        "title": declared.title,
        "description": declared.description or declared.title,
        "schema": declared.schema,
    }


def _plain(value: Any) -> Any:
    """Return a deep copy of dicts and lists, whatever mappings and sequences it was made of."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _parameters(
    notebook: Document,
) -> tuple[dict[str, parameters.Parameter] | None, str, list[Finding]]:
    """Read the parameters cell: its declarations (None when they are not Python), its id, and what is wrong."""
    cells = notebook.parameters
    if notebook.language != "python":
        return None, cells[0].id if cells else "", []
    if not cells:
        return {}, "", []
    found, findings = parameters.read(cells[0])
    findings += [
        error("NB02", cell.id, 0, "A second cell is tagged parameters; only the first is used.", "Take the tag off.")
        for cell in cells[1:]
    ]
    return found, cells[0].id, findings


def _follows(finding: Finding, earlier: Sequence[Finding]) -> bool:
    """Tell whether an input is only missing because its line, or the cell, could not be read."""
    return finding.rule == "NB03" and finding.severity == "error" and any(other.rule == "NB02" for other in earlier)


def _outputs(front: FrontMatter, notebook: Document) -> tuple[dict[str, Output], list[Finding]]:
    """Return the declared outputs; where none are declared, those the cells hand over by a name written out."""
    findings: list[Finding] = []
    outputs: dict[str, Output] = {}
    for name, block in front.process.outputs.items():
        schema: Mapping[str, Json] = {}
        try:
            schema = schemas.normalised(block.json_schema)
        except schemas.SchemaFault as fault:
            line = front.line("outputs", name, "schema")
            findings.append(
                error(
                    "NB04",
                    front.cell,
                    line,
                    f"The schema of the output {name} cannot be used: {fault.sentence}",
                    fault.mend,
                )
            )
        title = block.title or name
        outputs[name] = Output(name, schema, title, block.description or title, block.required)
    if not outputs and notebook.language == "python":
        names = [
            call.output for call in handover.calls(notebook.cells) if re.fullmatch(declaration.OUTPUT_ID, call.output)
        ]
        outputs = {name: Output(name, {}, name, name, required=False) for name in names}
    return outputs, findings


def _read_as_texts(
    front: FrontMatter, made: Mapping[str, Input], outputs: Mapping[str, Output], cell: str
) -> list[Finding]:
    """Find maps of a description that would be taken for a text because all their keys are language codes."""
    findings = []
    for part, names in (("inputs", list(made)), ("outputs", list(outputs))):
        if names and set(names) <= set(LANGUAGES):
            line = front.line(part)
            sentence = f"The only {part} are called {' and '.join(names)}, which reads as one text per language."
            findings.append(error("NB12", front.cell if line else cell, line, sentence, "Use longer names."))
    for name, declared in made.items():
        for what, value in (("default", declared.default), ("example", declared.example)):
            if is_language_map(value):
                sentence = f"The {what} of {name} has only language codes as keys; clients see one text in its place."
                findings.append(warning("NB12", cell, 0, sentence, "Give it another key, too."))
    return findings


def _process(
    notebook: Document, front: FrontMatter, made: Mapping[str, Input], outputs: Mapping[str, Output]
) -> Process:
    block = front.process
    # A file whose name begins with _ is a template: it is not offered, and its copies drop the _.
    process_id = block.id or notebook.path.stem.lstrip("_")
    title = block.title or front.title or document.heading(notebook.cells) or process_id
    options: dict[str, Any] = {}
    if block.job_control_options:
        options["job_control_options"] = tuple(block.job_control_options)
    if block.output_transmission:
        options["output_transmission"] = tuple(block.output_transmission)
    return Process(
        id=process_id,
        version=block.version,
        title=title,
        description=block.description or document.paragraph(notebook.cells) or title,
        inputs=made,
        outputs=outputs,
        notebook=notebook.content,
        sha256=hashlib.sha256(notebook.content).hexdigest(),
        path=notebook.path,
        keywords=tuple(block.keywords),
        metadata=tuple(block.metadata),
        links=tuple(block.links),
        additional_parameters=_additional_parameters(front),
        example=_example(made),
        limits=Limits(**block.limits.model_dump()),
        kernel=block.kernel or notebook.kernel,
        language=notebook.language,
        retry_safe=block.retry_safe,
        executor=block.executor,
        secrets=tuple(block.secrets),
        reserved={key: front.raw[key] for key in ("schedule", "access") if key in front.raw},
        **options,
    )


def _additional_parameters(front: FrontMatter) -> Mapping[str, Json] | None:
    """Return OGC's additionalParameters with KomMonitor's UI parameters among them."""
    given, ui = front.process.additional_parameters, front.process.ui
    if ui is None:
        return given
    others = (given or {}).get("parameters", [])
    return {**(given or {}), "parameters": [*others, {"name": UI_PARAMETERS, "value": [ui]}]}


def _example(made: Mapping[str, Input]) -> Mapping[str, Json]:
    """Return an execute request with the author's example values; empty when there are none."""
    examples = {name: declared.example for name, declared in made.items() if declared.example is not ABSENT}
    return {"inputs": examples} if examples else {}
