"""A job as its folder tells of it: what it began with (``job.json``) and how it ended (in the manifest)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter

from nbprocessor.model import Json
from nbprocessor.model.job import Job, JobStatus


def dump(job: Job) -> bytes:
    """Write a job as it was accepted; whom to tell is left out, such addresses may be secrets."""
    return _adapter().dump_json(job, exclude={"subscriber"}, indent=1)


def load(content: bytes) -> Job:
    """Read what :func:`dump` wrote; ValueError when it is something else."""
    return _adapter().validate_json(content)


def facts(job: Job) -> Mapping[str, Json]:
    """Return what the manifest tells of a job that has ended."""
    fire = {"id": str(job.schedule_id), "fireTime": job.fire_time.isoformat()} if job.fire_time else None
    return {
        "id": str(job.id),
        "status": str(job.status),
        "message": job.message,
        "created": job.created.isoformat(),
        "started": job.started.isoformat() if job.started else None,
        "finished": job.finished.isoformat() if job.finished else None,
        "progress": job.progress,
        "owner": job.owner,
        "trigger": job.trigger,
        **({"schedule": fire} if fire else {}),
        "attempt": job.attempt,
        "worker": job.worker,
    }


def process_facts(job: Job) -> Mapping[str, Json]:
    """Return what the manifest tells of the process a job ran."""
    return {"id": job.process_id, "version": job.process_version, "notebookSha256": job.notebook_sha256}


def ended(accepted: Job, told: Mapping[str, Json]) -> Job:
    """Return a job as it ended.

    Args:
        accepted: As it began.
        told: What the manifest tells of it, as :func:`facts` wrote it.

    Raises:
        ValueError: It is something else, or of another job.
    """
    try:
        if told["id"] != str(accepted.id):
            raise ValueError(f"it is the record of job {told['id']}")
        finished = datetime.fromisoformat(told["finished"])
        job = replace(
            accepted,
            status=JobStatus(told["status"]),
            message=str(told["message"]),
            started=datetime.fromisoformat(told["started"]) if told["started"] else None,
            finished=finished,
            updated=finished,
            progress=int(told["progress"]),
            attempt=int(told["attempt"]),
            worker=told["worker"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it does not tell how its job ended ({error})") from error
    if not job.status.ended:
        raise ValueError(f"it says that its job is {job.status}")
    return job


@cache
def _adapter() -> TypeAdapter[Job]:
    return TypeAdapter(Job)
