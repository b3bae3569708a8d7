"""The rules a process notebook should keep: what breaks them, and how to mend what can be mended safely.

What keeps a notebook from being a process is found by `describe`; here is added what an author wants to know before
others read or run it. Nothing of the notebook is run.
"""

import difflib
import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from nbprocessor import contract
from nbprocessor.errors import NotebookError, Problem
from nbprocessor.notebook import describe, document, handles, imports, leaks, tidiness, wording, writing
from nbprocessor.notebook.document import Document
from nbprocessor.notebook.finding import Finding, error, warning

NATIVE_KERNEL = "python3"
"""The kernel of this environment; what others have installed cannot be seen from here."""


def findings(path: Path, secrets: Collection[str] | None = None) -> Sequence[Finding]:
    """Return everything that is wrong with a notebook file, by its place in it.

    Never raises for a bad notebook: one that cannot be read is a finding, too.

    Args:
        path: The file.
        secrets: Names of the secrets the server has; None: they are not known.
    """
    try:
        notebook = document.load(path)
        reading = describe.examine(notebook, describe.shared_front_matter(path))
    except NotebookError as fault:
        return [error("NB00", "", 0, problem.detail, problem.mend) for problem in fault.problems]
    found = [*reading.findings, *_of_process(reading), *handles.findings(reading, secrets), *_of_any(reading)]
    order = {cell.id: number for number, cell in enumerate(notebook.cells)}
    return sorted(found, key=lambda finding: (order.get(finding.cell, -1), finding.line, finding.rule))


def fix(path: Path) -> Sequence[str]:
    """Make cell ids readable and unique and take out the traces of runs; say what was done.

    The file is replaced whole or not at all. A notebook that needs nothing, or cannot be read, stays as it is.

    Raises:
        NotebookError: The file cannot be written.
    """
    try:
        notebook = document.load(path)
    except NotebookError:  # the findings say why
        return []
    content, done = tidiness.tidied(notebook)
    if done:
        _replace(path, content)
    return done


def _of_process(reading: describe.Reading) -> list[Finding]:
    """Return advice for what is a process, or is meant to be one."""
    notebook = reading.document
    if not (reading.process or reading.errors):
        return _misspelt_tags(notebook)
    found = [
        *wording.texts(reading.front),
        *wording.outputs(reading),
        *wording.boxes(reading),
        *wording.purpose(notebook),
        *writing.undeclared(reading),
    ]
    if notebook.language == "python" and notebook.parameters:
        unread = {finding.line for finding in reading.findings if finding.rule == "NB02"}
        unbound = imports.unbound(notebook.cells, notebook.parameters[0])
        found += [finding for finding in unbound if finding.line not in unread]
    return found


def _of_any(reading: describe.Reading) -> list[Finding]:
    notebook = reading.document
    found = [*leaks.findings(notebook.cells), *tidiness.findings(notebook)]
    kernel = reading.front.process.kernel or notebook.kernel
    if notebook.language == "python" and kernel == NATIVE_KERNEL:
        found += imports.missing(notebook.cells)
    return found


def _misspelt_tags(notebook: Document) -> list[Finding]:
    """Find what was meant to be the parameters cell: without it the notebook is just a notebook."""
    found = []
    for cell in notebook.cells:
        for tag in cell.tags:
            if tag == contract.TAG_PARAMETERS:
                sentence = f"The {cell.kind} cell is tagged parameters; only a code cell can hold parameters."
                found.append(warning("NB02", cell.id, 0, sentence, "Change the cell's type to Code."))
            elif tag != contract.TAG_INJECTED and difflib.get_close_matches(
                tag.lower(), [contract.TAG_PARAMETERS], cutoff=0.8
            ):
                sentence = f'The tag "{tag}" does not make this cell the parameters cell.'
                found.append(warning("NB02", cell.id, 0, sentence, "Tag it parameters."))
    return found


def _replace(path: Path, content: bytes) -> None:
    # A link stays a link; what it leads to is replaced.
    target = path.resolve()
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".mended-", delete=False) as file:
            temporary = file.name
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, temporary)
        Path(temporary).replace(target)
    except OSError as fault:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        sentence = f"The notebook cannot be mended: {fault.strerror or fault}."
        raise NotebookError(path, [Problem("", sentence, "Look at the permissions of its folder.")]) from None
