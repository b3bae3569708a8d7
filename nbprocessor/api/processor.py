"""A notebook as a pygeoapi processor: its metadata, and its execution where a stock manager asks for it."""

from collections.abc import Callable, Mapping
from typing import Any

from pygeoapi.process.base import BaseProcessor

from nbprocessor.model import Json
from nbprocessor.model.process import Process
from nbprocessor.notebook.describe import description

Run = Callable[[Process, Mapping[str, Json]], tuple[str, Any]]
"""Runs a process to its end: inputs → (media type, result)."""


class NotebookProcessor(BaseProcessor):  # type: ignore[misc]  # pygeoapi has no annotations
    """One process of the catalogue, in the shape pygeoapi's functions expect."""

    def __init__(self, process: Process, run: Run) -> None:
        # Each request gets metadata of its own, as pygeoapi changes them, and only texts: pygeoapi takes any map with a
        # key such as "id" or "no" for a translation, inside schemas too. Our answers are written from the process.
        super().__init__({"name": f"{__name__}.NotebookProcessor"}, _metadata(process))
        self.process = process
        self.supports_outputs = True
        self._run = run

    def execute(self, data: Mapping[str, Json], outputs: Mapping[str, Json] | None = None) -> tuple[str, Any]:  # noqa: ARG002  # pygeoapi's signature
        """Execute the notebook and return its results as an OGC results document."""
        return self._run(self.process, data)


def _metadata(process: Process) -> dict[str, Json]:
    document = description(process)
    told = ("id", "version", "title", "description", "jobControlOptions", "outputTransmission")
    return {key: document[key] for key in told} | {"inputs": {}, "outputs": {}}
