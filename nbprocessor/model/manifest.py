"""The manifest: the record of one run, with every file of its folder and every request for data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbprocessor.model import Json


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
