"""Messages between an executor and the process that runs the notebook: JSON, one per line."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from nbprocessor.errors import CellFailed, ExecutionError, KernelDied, KernelMissing, LimitReached
from nbprocessor.execution import messages
from nbprocessor.execution.executor import Progress, Run
from nbprocessor.execution.limits import Met
from nbprocessor.model.process import Limits

INTERRUPT = b"interrupt\n"
"""The order that may follow the run; the end of the stream means that whoever gave the run is gone."""
ASK = b'{"ask": "met"}\n'
"""Asks what the run's control group has counted; the answer comes among the orders."""

MAX_TEXT = 10_000
"""Characters of a text in a message; a cell may raise an exception as long as a book."""

MAX_CELLS = 1_000_000
"""Cells of a notebook at most: the server makes lists of their times."""

_LIMITS = ("limits", "process_limits")

_FACTS: Mapping[type[ExecutionError], tuple[str, ...]] = {
    CellFailed: ("cell_id", "ename", "evalue", "traceback"),
    LimitReached: ("limit", "value", "cell_id"),
    KernelMissing: ("kernel", "known"),
    KernelDied: ("cell_id", "exit_code"),
}


def encode_run(run: Run) -> bytes:
    """Write a run as one line."""
    facts = {name: getattr(run, name) for name in Run.__slots__}
    facts |= {"job_id": str(run.job_id), "folder": str(run.folder), "scratch": str(run.scratch)}
    facts |= {"environment": dict(run.environment)}
    facts |= {name: asdict(getattr(run, name)) for name in _LIMITS}
    facts["parameters"] = {name: _tagged(value) for name, value in run.parameters.items()}
    return json.dumps(facts).encode() + b"\n"


def decode_run(line: bytes) -> Run:
    """Read what :func:`encode_run` wrote."""
    facts = json.loads(line)
    facts |= {"job_id": UUID(facts["job_id"]), "folder": Path(facts["folder"]), "scratch": Path(facts["scratch"])}
    facts |= {name: Limits(**facts[name]) for name in _LIMITS}
    facts["parameters"] = {name: _untagged(value) for name, value in facts["parameters"].items()}
    return Run(**facts)


def encode_progress(progress: Progress) -> bytes:
    """Write how far the run is as one line."""
    facts = asdict(progress)
    facts |= {"heading": progress.heading[:MAX_TEXT], "text": progress.text[:MAX_TEXT]}
    return json.dumps({"progress": facts}).encode() + b"\n"


def encode_end(error: ExecutionError | None) -> bytes:
    """Write how the run ended as one line."""
    if error is None:
        return b'{"end": null}\n'
    facts = {name: _short(getattr(error, name)) for name in _FACTS.get(type(error), ())}
    return (
        json.dumps({"end": {"error": type(error).__name__, "facts": facts, "text": str(error)[:MAX_TEXT]}}).encode()
        + b"\n"
    )


def encode_met(met: Met) -> bytes:
    """Write what a control group has counted as one line."""
    return json.dumps({"met": asdict(met)}).encode() + b"\n"


def decode_met(line: bytes) -> Met | None:
    """Read what :func:`encode_met` wrote; None: the line is another order."""
    return Met(**json.loads(line)["met"]) if line.startswith(b'{"met"') else None


def decode(line: bytes) -> Progress | ExecutionError | None:
    """Read a message of the run: progress, or how it ended (None: well).

    Raises:
        ValueError: It is none.
        RecursionError: It is none, and very deep.
    """
    try:
        message = messages.parsed(line)
        if "progress" in message:
            return _progress(**message["progress"])
        end = message["end"]
        if end is None:
            return None
        facts, text = {**end["facts"]}, str(end["text"])
        classes = {cls.__name__: cls for cls in _FACTS}
        return classes[end["error"]](**facts) if end["error"] in classes else ExecutionError(text)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no message of a run: {error}") from error


def _progress(cell: int, of: int, fraction: float, cell_id: str, heading: str, text: str) -> Progress:
    """Return what a run tells of its progress, if it can be true.

    Raises:
        ValueError: It cannot.
    """
    numbers = isinstance(cell, int) and isinstance(of, int) and isinstance(fraction, float | int)
    texts = all(isinstance(part, str) for part in (cell_id, heading, text))
    if not (numbers and texts and 0 <= cell <= of <= MAX_CELLS and 0 <= fraction <= 1):
        raise ValueError("no progress of a run")
    return Progress(cell, of, cell_id, heading, fraction, text)


def _short(value: Any) -> Any:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _tagged(value: Any) -> Any:
    """Write dates beside what JSON has: an object is always ``{type: content}``."""
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Mapping):
        return {"object": {key: _tagged(item) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return [_tagged(item) for item in value]
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "object":
        return {key: _untagged(item) for key, item in content.items()}
    return datetime.fromisoformat(content) if kind == "datetime" else date.fromisoformat(content)
