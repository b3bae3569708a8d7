"""Notebooks as the tests of this room write them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbprocessor.notebook import describe
from nbprocessor.notebook.document import Document, parse
from nbprocessor.notebook.finding import Finding

Cell = dict[str, Any]
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def code(source: str, id: str = "compute", *tags: str) -> Cell:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": id,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": [],
        "source": source,
    }


def text(source: str, id: str = "purpose") -> Cell:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source}


def raw(source: str, id: str = "front-matter") -> Cell:
    return {"cell_type": "raw", "id": id, "metadata": {}, "source": source}


def front(yaml: str) -> Cell:
    return raw(f"---\n{yaml.strip()}\n---")


def parameters(source: str) -> Cell:
    return code(source, "parameters", "parameters")


def written(*cells: Cell, minor: int = 5, kernel: Mapping[str, str] = KERNEL, **metadata: Any) -> bytes:
    return json.dumps(
        {
            "cells": list(cells),
            "metadata": {"kernelspec": dict(kernel), **metadata},
            "nbformat": 4,
            "nbformat_minor": minor,
        },
        indent=1,
    ).encode()


def document(*cells: Cell, name: str = "process.ipynb", **options: Any) -> Document:
    return parse(Path(name), written(*cells, **options))


def saved(folder: Path, *cells: Cell, name: str = "process.ipynb", **options: Any) -> Path:
    path = folder / name
    path.write_bytes(written(*cells, **options))
    return path


def examined(*cells: Cell, shared: bytes | None = None, **options: Any) -> describe.Reading:
    return describe.examine(document(*cells, **options), shared)


def process(*cells: Cell, **options: Any) -> Any:
    reading = examined(*cells, **options)
    assert reading.process is not None, reading.findings
    return reading.process


def rules(found: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in found]
