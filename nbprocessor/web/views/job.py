"""One job as it runs and when it has ended."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nbprocessor.model import Json
from nbprocessor.model.job import JobStatus
from nbprocessor.web import formats
from nbprocessor.web.addresses import links_of
from nbprocessor.web.jobinfo import job_info
from nbprocessor.web.views import Page

DOCUMENTS = ("results", "report", "notebook", "log", "inputs", "manifest")
"""What a job leaves, in the order a reader wants it; shown when the document links to it."""
_STATES = {"pending": "○", "running": "▶", "done": "✓", "failed": "✕", "not-run": "–", "stopped": "⊘"}
_AFTER_THE_END = {"pending": "not-run", "running": "stopped"}
_AFTER_DISMISSAL = {**_AFTER_THE_END, "failed": "stopped"}


def view(page: Page) -> dict[str, Any]:
    """Show OGC's statusInfo, and as steps the member ``cells`` beside it, where given.

    A cell is ``{"id", "title"?, "state": "pending" | "running" | "done" | "failed", "seconds"?}``.
    """
    job, now = job_info(page.data, page.language), datetime.now(UTC)
    return {
        "job": job,
        "now": now,
        "left": job.left(now),
        "statuses": list(JobStatus),
        "documents": _documents(page, job.id),
        "steps": _steps(page, job.status),
        "dismissable": not job.ended,
    }


def _documents(page: Page, job_id: str) -> Sequence[Mapping[str, str]]:
    """Return the links to what the job left; the document's own links say what there is."""
    ends = {
        link["href"].partition("?")[0].rpartition("/")[2] for link in links_of(page.data) if link["rel"] != "exceptions"
    }
    ends -= {"results"} if page.data.get("status") != JobStatus.SUCCESSFUL else set()
    return [
        {
            "name": name,
            "href": page.addresses.link(f"/jobs/{job_id}/{name}", lang=page.language),
            "key": f"link-{name}",
        }
        for name in DOCUMENTS
        if name in ends
    ]


def _steps(page: Page, status: JobStatus) -> Sequence[Mapping[str, str]]:
    last = _AFTER_DISMISSAL if status is JobStatus.DISMISSED else _AFTER_THE_END if status.ended else {}
    cells = page.data.get("cells") or ()
    return [_step(cell, page.language, last) for cell in cells if isinstance(cell, Mapping)]


def _step(cell: Mapping[str, Json], language: str, last: Mapping[str, str]) -> Mapping[str, str]:
    state = str(cell.get("state"))
    state = state if state in _STATES else "pending"
    state = last.get(state, state)
    seconds = cell.get("seconds")
    return {
        "id": str(cell.get("id") or ""),
        "title": str(cell.get("title") or cell.get("id") or ""),
        "state": state,
        "symbol": _STATES[state],
        "seconds": formats.duration(seconds, language) if isinstance(seconds, int | float) else "",
    }
