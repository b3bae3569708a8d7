"""A process: a notebook on offer, its inputs and outputs, and what its jobs may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from nbprocessor.language import Text
from nbprocessor.model import ABSENT, Json


class JobControlOption(StrEnum):
    """How a process can be executed (OGC 18-062r2, jobControlOptions)."""

    SYNC = "sync-execute"
    ASYNC = "async-execute"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a process; OGC's inputDescription and what the notebook wants injected."""

    id: str
    schema: Mapping[str, Json]
    """JSON Schema in the dialect of OpenAPI 3.0; local references only."""
    title: Text
    description: Text = ""
    keywords: Sequence[str] = ()
    min_occurs: int = 1
    max_occurs: int | Literal["unbounded"] = 1
    default: Json = ABSENT
    """JSON value used when the client sends none."""
    example: Json = ABSENT
    injected_as: Literal["", "date", "datetime"] = ""
    """Strings of the value (also inside a list) become this Python type in the notebook."""
    by_reference: bool = False
    """The notebook receives ``{"href": …}`` as it was sent; otherwise the content is fetched for it."""
    writes: bool = False
    """The value is the id of an indicator, or a list of them, whose values a run may write."""
    metadata: Sequence[Mapping[str, Json]] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a process; OGC's outputDescription."""

    id: str
    schema: Mapping[str, Json]
    title: Text
    description: Text = ""
    required: bool = True
    """A declared output the notebook does not hand over fails the job, unless this is false."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job of a process may use; ``None`` leaves it to the server's settings."""

    time: float | None = None
    """Wall time of the whole run in seconds."""
    cell_time: float | None = None
    """Wall time of one cell in seconds."""
    cpu: float | None = None
    """Seconds of processor time of one process of the run."""
    memory: int | None = None
    """Bytes, of all processes of the run together where the system can count that."""
    processes: int | None = None
    """Processes and threads at once."""
    file_size: int | None = None
    """Bytes of one file."""
    output_size: int | None = None
    """Bytes of all that is kept: working folder, outputs, executed notebook."""
    temporary_size: int | None = None
    """Bytes of temporary files."""
    log_size: int | None = None
    """Bytes of log that are kept; a longer one is cut, the run goes on."""
    cell_outputs: int | None = None
    """Outputs of one cell: displays, values, stretches of text."""
    cell_output_size: int | None = None
    """Bytes of the outputs of one cell."""
    concurrency: int | None = None
    """Jobs of this process running at once."""


@dataclass(frozen=True, slots=True)
class Process:
    """A notebook on offer as an OGC API process, in one version."""

    id: str
    version: str
    title: Text
    description: Text
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    notebook: bytes = field(repr=False)
    """The notebook as it was read, byte for byte: what jobs of this version run."""
    sha256: str
    """Digest of ``notebook``, hexadecimal."""
    path: Path
    keywords: Sequence[str] = ()
    metadata: Sequence[Mapping[str, Json]] = ()
    links: Sequence[Mapping[str, Json]] = ()
    additional_parameters: Mapping[str, Json] | None = None
    """OGC's additionalParameters member, complete; KomMonitor's UI parameters live there."""
    job_control_options: Sequence[JobControlOption] = (
        JobControlOption.SYNC,
        JobControlOption.ASYNC,
        JobControlOption.DISMISS,
    )
    output_transmission: Sequence[str] = ("value", "reference")
    example: Mapping[str, Json] = field(default_factory=dict)
    """An execute request with the author's example values."""
    limits: Limits = Limits()
    kernel: str = "python3"
    language: str = "python"
    """Programming language of the cells."""
    retry_safe: bool = False
    """A run may be repeated when its server, kernel or data source was lost."""
    executor: str = ""
    """Execution mode the front matter asks for; empty: the server's choice."""
    secrets: Sequence[str] = ()
    """Names of secrets a run is given, each in a file."""
    reserved: Mapping[str, Json] = field(default_factory=dict)
    """The front matter's ``schedule`` and ``access`` as they were written."""
