"""Jobs to put into a store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from nbprocessor.model.job import Job, JobStatus

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def a_job(minute: int = 0, **changes) -> Job:
    """A job that was accepted some minutes after START."""
    created = START + timedelta(minutes=minute)
    job = Job(
        id=uuid4(),
        process_id="echo",
        process_version="1.0.0",
        notebook_sha256="0" * 64,
        status=JobStatus.ACCEPTED,
        created=created,
        updated=created,
    )
    return replace(job, **changes)


def ended(minute: int, seconds: float, status: JobStatus = JobStatus.SUCCESSFUL, **changes) -> Job:
    """A job that ran for some seconds."""
    job = a_job(minute, status=status, attempt=1, **changes)
    return replace(job, started=job.created, finished=job.created + timedelta(seconds=seconds))
