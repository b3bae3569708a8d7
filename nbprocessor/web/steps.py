"""The code cells of a notebook that runs or ran, as the steps a reader follows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbprocessor import contract
from nbprocessor.model import Json

MAX_STEPS = 200
MAX_TITLE = 120
_STATES = {"pending": "pending", "running": "running", "completed": "done", "failed": "failed"}
"""papermill's word for a cell's state → ours."""
_GIVEN = frozenset({contract.TAG_PARAMETERS, contract.TAG_INJECTED})


def steps(notebook: bytes) -> list[dict[str, Json]]:
    """Return the code cells that compute something: ``id``, ``title``, ``state`` and, once known, ``seconds``.

    Args:
        notebook: The executed notebook, or what there is of it; what is none has no steps.
    """
    try:
        cells = json.loads(notebook)["cells"]
        return _steps(cells)[:MAX_STEPS]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # A page about a job must not fail because of what the job wrote.
        return []


def _steps(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    heading = ""
    for cell in cells:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = _heading(source) or heading
        elif cell["cell_type"] == "code" and not _GIVEN & set(cell["metadata"].get("tags", ())):
            timing = cell["metadata"].get("papermill") or {}
            step: dict[str, Json] = {
                "id": str(cell.get("id") or ""),
                "title": heading,
                "state": _STATES.get(str(timing.get("status")), "pending"),
            }
            seconds = timing.get("duration")
            found.append(step | ({"seconds": seconds} if isinstance(seconds, int | float) else {}))
    return found


def _heading(markdown: str) -> str:
    """Return the last heading of a Markdown cell, without its marks; the notebook's own title is none."""
    lines = [line for line in markdown.splitlines() if line.startswith("##")]
    return lines[-1].strip("# ")[:MAX_TITLE] if lines else ""
