"""The domain's types, all frozen: Process, Job, Schedule, Manifest and their parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from nbprocessor.language import Text

Json = Any
"""What ``json.loads`` returns."""


class _Absent:
    """Marks a value that is not there, where ``None`` would be a value."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Any = _Absent()


# ---------------------------------------------------------------- processes


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


# --------------------------------------------------------------------- jobs


class JobStatus(StrEnum):
    """OGC 18-062r2, statusCode."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def ended(self) -> bool:
        """Whether the status can no longer change."""
        return self in ENDED


ENDED = frozenset({JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED})


class Priority(IntEnum):
    """Which waiting jobs are run first; the lower the earlier."""

    INTERACTIVE = 0
    """Somebody waits for the answer."""
    BATCH = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom to tell about a job (OGC 18-062r2, subscriber)."""

    success_uri: str | None = None
    in_progress_uri: str | None = None
    failed_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """An execute request after validation: what is to be computed and how the answer is wanted."""

    process_id: str
    inputs: Mapping[str, Json]
    """JSON values by input id, complete with defaults."""
    outputs: Mapping[str, Mapping[str, Json]] | None = None
    """Requested outputs with ``transmissionMode`` and ``format``; None: all of them by value."""
    response: Literal["raw", "document"] = "raw"
    subscriber: Subscriber | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a process: an index entry over its folder."""

    id: UUID
    process_id: str
    process_version: str
    notebook_sha256: str
    status: JobStatus
    created: datetime
    updated: datetime
    started: datetime | None = None
    finished: datetime | None = None
    progress: int = 0
    """Percent, 0 to 100."""
    message: str = ""
    owner: str | None = None
    """Who asked (issuer and subject); None while sign-in is off."""
    attempt: int = 0
    """How often the job was claimed by a worker; fences late writers."""
    worker: str | None = None
    """Who claimed it last."""
    dismiss_requested: bool = False
    mode: Literal["sync", "async"] = "async"
    response: Literal["raw", "document"] = "raw"
    requested_outputs: Mapping[str, Mapping[str, Json]] | None = None
    subscriber: Subscriber | None = None
    concurrency: int | None = None
    """Jobs of this process that may run at once, as its front matter had it when the job was accepted."""
    trigger: str = "api"
    """What started it: ``api``, ``cli``, ``schedule``."""
    priority: Priority = Priority.BATCH
    not_before: datetime | None = None
    """When a job that waits for its next attempt may begin; None: at any time."""
    schedule_id: UUID | None = None
    """The schedule that started it, if one did; it may be gone by now."""
    fire_time: datetime | None = None
    """The moment its schedule meant it to start; relative values of its inputs were resolved for it."""
    estimated_completion: datetime | None = None
    """When it is thought to end; None: it does not run, or there is no ground for an estimate."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Query parameters of OGC's job list; times are aware, durations in seconds."""

    owner: str | None = None
    """None: everybody's jobs (sign-in off, or an administrator)."""
    process_ids: Sequence[str] = ()
    statuses: Sequence[JobStatus] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_duration: float | None = None
    """Seconds between start and finish (or now while the job runs)."""
    max_duration: float | None = None
    schedule_id: UUID | None = None
    """Only jobs of this schedule."""


# ---------------------------------------------------------------- schedules


class MisfirePolicy(StrEnum):
    """What becomes of fires that were missed because no server ran."""

    SKIP = "skip"
    """None of them runs."""
    ONCE = "once"
    """The latest runs, if it is not too long ago."""
    ALL = "all"
    """Each runs, the latest ten at most."""


class OverlapPolicy(StrEnum):
    """What becomes of a fire while an earlier run of its schedule has not ended."""

    FORBID = "forbid"
    """It is skipped."""
    QUEUE = "queue"
    """It waits until the earlier one has ended."""
    ALLOW = "allow"
    """It runs beside it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule fires; read by :mod:`nbprocessor.timing`."""

    cron: str
    """Minute, hour, day of month, month, weekday: the five fields of crontab(5)."""
    timezone: str = "UTC"
    """Name in the IANA database."""
    jitter: int = 0
    """Seconds by which a fire is put off at most, drawn once for each."""
    start: datetime | None = None
    end: datetime | None = None
    """First and last moment it may fire."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A process to be executed again and again."""

    id: UUID
    process_id: str
    request: Mapping[str, Json]
    """The execute request as it was sent; relative values are not yet resolved."""
    timing: Timing
    created: datetime
    updated: datetime
    name: str = ""
    """What people call it; of a declared one the name that is unique in its notebook."""
    owner: str | None = None
    """In whose name it runs (issuer and subject); None while sign-in is off, and for what a notebook declares."""
    source: str = "api"
    """Where it is kept up: ``api``, ``cli``, or ``notebook`` for what a front matter declares."""
    active: bool = True
    message: str = ""
    """Why it is paused, if it was not somebody's wish."""
    misfire: MisfirePolicy = MisfirePolicy.ONCE
    overlap: OverlapPolicy = OverlapPolicy.FORBID
    retries: int = 0
    """How often a failed run is tried again."""
    retry_delay: int = 60
    """Seconds before the first retry; doubled for each further one."""
    refusals: int = 0
    """Fires in a row that could not become jobs."""
    notify: Sequence[Mapping[str, Json]] = ()
    """Who is told of what: ``email`` or ``webhook``, and perhaps ``on`` and ``language``."""
    failing: bool = False
    """Whether its latest run that ended by itself failed, with all its retries."""
    revision: int = 0
    """Rises with every change of the definition, so that nothing fires by an outdated one."""
    next_fire: datetime | None = None
    """None while it is paused or when there is none to come."""

    @property
    def declared(self) -> bool:
        """Whether a notebook's front matter has it, which is where it is changed."""
        return self.source == "notebook"


@dataclass(frozen=True, slots=True)
class ScheduleFilter:
    """Query parameters of the list of schedules."""

    owner: str | None = None
    """None: everybody's (sign-in off, or an administrator)."""
    process_ids: Sequence[str] = ()
    active: bool | None = None
    sources: Sequence[str] = ()


class FireOutcome(StrEnum):
    """What became of a fire."""

    WAITING = "waiting"
    """Its job is made when it is due and, unless runs may overlap, no other of its schedule is unfinished."""
    QUEUED = "queued"
    """It has a job that has not ended, as far as was noted."""
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"
    SKIPPED = "skipped"
    """There is no job, by a policy of the schedule."""


@dataclass(frozen=True, slots=True)
class Fire:
    """One moment a schedule was to run at, and what became of it; unique by its first three fields."""

    schedule_id: UUID
    fire_time: datetime
    attempt: int = 0
    """0: the fire itself; 1 and more: its retries; -1: several fires that were skipped together, see ``through``."""
    outcome: FireOutcome = FireOutcome.WAITING
    reason: str = ""
    job_id: UUID | None = None
    due: datetime | None = None
    """When its job is made at the earliest; None where there is no job to come."""
    noted: datetime | None = None
    """When the outcome was noted."""
    through: datetime | None = None
    """All fires from ``fire_time`` to this moment were skipped together."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One output a job handed over, as its executed notebook names it."""

    id: str
    media_type: str
    file: str
    """Path within the job folder, e.g. ``outputs/resultData.json``."""
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a job folder."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DataRequest:
    """One request of a job to Data Management, as its gateway saw it."""

    method: str
    path: str
    """Encoded path and query as they went on; what was refused, as it was sent."""
    status: int
    """HTTP status the notebook got; 0: none, the run ended first."""
    bytes: int
    """Bytes of the answer."""
    sha256: str
    """Digest of the answer, hexadecimal; empty: there was none."""
    sent_bytes: int
    sent_sha256: str
    """Digest of the body that was sent; empty: none was sent."""
    started: str
    """ISO 8601, UTC."""
    seconds: float
    problem: str = ""
    """Why the answer is not Data Management's, or not whole."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of one run: ``manifest.json`` in the job folder."""

    job: Mapping[str, Json]
    """The job's final facts: ids, status, message, times, owner, trigger."""
    process: Mapping[str, Json]
    """Id, version and notebook digest."""
    outputs: Sequence[OutputFile]
    files: Sequence[FileDigest]
    """Every file of the folder but the manifest."""
    environment: Mapping[str, Json]
    """Python, platform, kernel, executor and package versions the run had."""
    data: Sequence[DataRequest] = ()
    """Data lineage: what was asked of Data Management, in the order of the answers."""
    data_left_out: int = 0
    """Requests beyond those in ``data``."""
    redacted: Mapping[str, int] = field(default_factory=dict)
    """How many secrets or tokens were masked, by file."""
