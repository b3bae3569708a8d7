"""What a report says of its run, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web.jobinfo import job_info
from nbprocessor.web.texts import translate


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the report's head."""

    name: str
    value: str
    href: str = ""


def run_facts(run: Mapping[str, Json], language: str) -> Sequence[Fact]:
    """Return the facts of a run, those that are known.

    Args:
        run: OGC's statusInfo, with ``processVersion`` and ``notebookSha256`` where known; empty for a notebook
            that no job ran.
        language: ``de`` or ``en``.
    """
    if "status" not in run:
        return ()
    text, job = translate(language), job_info(run, language)
    status = text(f"status-{job.status}")
    # Relative, since a report knows nothing of where the server stands: it lies one step below its job.
    every = [
        Fact(text("job"), job.id, f"../{job.id}?lang={language}"),
        Fact(text("process"), _joined(job.process, run.get("processVersion"))),
        Fact(text("status"), f"{status}: {job.message}" if job.message and job.status != "successful" else status),
        Fact(text("started"), job.moment("started")),
        Fact(text("finished"), job.moment("finished")),
        Fact(text("duration"), job.duration if job.ended else ""),
        Fact(text("notebook-sha256"), str(run.get("notebookSha256") or "")),
    ]
    return [fact for fact in every if fact.value]


def _joined(*parts: Any) -> str:
    return " ".join(str(part) for part in parts if part)
