"""A process as a job keeps it (``process.json``): the description clients saw, and how it is to be run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from nbprocessor.model import ABSENT, Json
from nbprocessor.model.process import Input, Limits, Output, Process
from nbprocessor.notebook.describe import description

RUN = "nbprocessor"
"""Member beside the standard's that says what only the server needs to know."""


def dump(process: Process) -> bytes:
    """Write a process as JSON, texts in all languages."""
    run = {
        "sha256": process.sha256,
        "path": str(process.path),
        "kernel": process.kernel,
        "language": process.language,
        "executor": process.executor,
        "retrySafe": process.retry_safe,
        "limits": {to_camel(name): value for name, value in asdict(process.limits).items()},
        "inputs": {name: _run_of_input(declared) for name, declared in process.inputs.items()},
        "outputs": {name: {"required": declared.required} for name, declared in process.outputs.items()},
        "secrets": list(process.secrets),
        "reserved": process.reserved,
    }
    return json.dumps({**description(process), RUN: run}, ensure_ascii=False, indent=1, default=dict).encode()


def load(content: bytes, notebook: bytes) -> Process:
    """Read what :func:`dump` wrote.

    Args:
        content: Of ``process.json``.
        notebook: Of the notebook kept beside it.

    Raises:
        ValueError: It is something else.
    """
    try:
        document = json.loads(content)
        run = document[RUN]
        return Process(
            id=document["id"],
            version=document["version"],
            title=document["title"],
            description=document["description"],
            inputs={name: _input(name, part, run["inputs"][name]) for name, part in document["inputs"].items()},
            outputs={name: _output(name, part, run["outputs"][name]) for name, part in document["outputs"].items()},
            notebook=notebook,
            sha256=run["sha256"],
            path=Path(run["path"]),
            limits=Limits(**{field.name: run["limits"].get(to_camel(field.name)) for field in fields(Limits)}),
            kernel=run["kernel"],
            language=run["language"],
            retry_safe=run["retrySafe"],
            executor=run["executor"],
            secrets=tuple(run.get("secrets", ())),
            reserved=run["reserved"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no record of a process: {error}") from error


def _run_of_input(declared: Input) -> dict[str, Json]:
    run: dict[str, Any] = {
        "injectedAs": declared.injected_as,
        "byReference": declared.by_reference,
        "writes": declared.writes,
    }
    return run if declared.default is ABSENT else {**run, "default": declared.default}


def _input(name: str, part: Mapping[str, Json], run: Mapping[str, Json]) -> Input:
    return Input(
        id=name,
        schema=part["schema"],
        title=part["title"],
        description=part["description"],
        min_occurs=part["minOccurs"],
        max_occurs=part["maxOccurs"],
        default=run.get("default", ABSENT),
        injected_as=run["injectedAs"],
        by_reference=run["byReference"],
        writes=run.get("writes", False),
    )


def _output(name: str, part: Mapping[str, Json], run: Mapping[str, Json]) -> Output:
    return Output(name, part["schema"], part["title"], part["description"], run["required"])
