"""A statusInfo as pages show it: status with its symbol, times, duration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nbprocessor.model import Json
from nbprocessor.model.job import JobStatus
from nbprocessor.web import formats

SYMBOLS: Mapping[str, str] = {
    JobStatus.ACCEPTED: "◷",
    JobStatus.RUNNING: "▶",
    JobStatus.SUCCESSFUL: "✓",
    JobStatus.FAILED: "✕",
    JobStatus.DISMISSED: "⊘",
}

TIMES = ("created", "started", "finished", "updated", "estimatedCompletion")
"""Members of a statusInfo that are times."""


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What pages show of a job."""

    id: str
    process: str
    status: JobStatus
    message: str
    progress: int
    times: Mapping[str, datetime]
    """``created``, ``started``, ``finished``, ``updated``, ``estimatedCompletion``, where known."""
    language: str

    @property
    def ended(self) -> bool:
        """Whether the status can no longer change."""
        return self.status.ended

    @property
    def duration(self) -> str:
        """How long it has been running, as text; empty before it began."""
        started = self.times.get("started")
        last = self.times.get("finished") or self.times.get("updated")
        if started is None or last is None:
            return ""
        return formats.duration(max(0.0, (last - started).total_seconds()), self.language)

    def left(self, now: datetime) -> str:
        """Return how long it is thought to run on, as text; empty when nobody knows."""
        until = self.times.get("estimatedCompletion")
        return formats.about((until - now).total_seconds()) if until is not None and not self.ended else ""

    def moment(self, name: str) -> str:
        """Return one of the times as text; empty when it is not known."""
        time = self.times.get(name)
        return formats.moment(time, self.language) if time else ""

    def iso(self, name: str) -> str:
        """Return one of the times for machines; empty when it is not known."""
        time = self.times.get(name)
        return time.isoformat() if time else ""


def job_info(data: Mapping[str, Json], language: str) -> JobInfo:
    """Read a statusInfo document (OGC 18-062r2, statusInfo.yaml)."""
    progress = data.get("progress")
    times = {name: formats.instant(data.get(name)) for name in TIMES}
    return JobInfo(
        id=str(data.get("jobID") or data.get("id")),
        process=str(data.get("processID") or ""),
        status=JobStatus(data["status"]),
        message=str(data.get("message") or ""),
        progress=min(100, max(0, int(progress))) if isinstance(progress, int | float) else 0,
        times={name: time for name, time in times.items() if time},
        language=language,
    )
