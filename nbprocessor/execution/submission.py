"""Accepting a job: its folder first, then its row, so that every job there is has its notebook."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid4

from nbprocessor import contract
from nbprocessor.model import Json
from nbprocessor.model.job import Execution, Job, JobStatus, Priority
from nbprocessor.model.process import Process
from nbprocessor.notebook import record
from nbprocessor.store import jobfile
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore


def submit(
    process: Process,
    execution: Execution,
    *,
    store: JobStore,
    results: ResultStore,
    queue_limit: int,
    owner: str | None = None,
    mode: Literal["sync", "async"] = "async",
    trigger: str = "api",
    per_process: int = 0,
    per_user: int = 0,
    grant: Callable[[UUID], str] | None = None,
) -> Job:
    """Queue one run of a process, in the version it has now.

    Args:
        process: The process; its notebook is copied byte for byte.
        execution: The validated request, its inputs complete with defaults.
        store: Where the job's row goes.
        results: Where the job's folder goes.
        queue_limit: Jobs that may wait.
        owner: Who asked (issuer and subject); None while sign-in is off.
        mode: Whether somebody waits for the answer.
        trigger: What started it.
        per_process: Jobs of the process that may run at once, if its front matter does not say; 0: any number.
        per_user: Jobs of one owner that may wait; 0: any number.
        grant: Returns, for the job's id, what lets its run act for the owner; None: nothing does.

    Raises:
        UserQueueFull: As many jobs of the owner wait as may wait.
        QueueFull: As many jobs wait as may wait.
        StoreUnavailable: Too little disk is free, or the database cannot be written. Nothing of the job is left.
    """
    results.check_reserve()
    job, files = prepared(process, execution, owner=owner, mode=mode, trigger=trigger, per_process=per_process)
    with results.accepting(job.id, files):
        store.add(job, queue_limit=queue_limit, per_user=per_user, grant=grant(job.id) if grant else "")
    return job


def prepared(
    process: Process,
    execution: Execution,
    *,
    owner: str | None,
    mode: Literal["sync", "async"] = "async",
    trigger: str,
    per_process: int,
    schedule_id: UUID | None = None,
    fire_time: datetime | None = None,
) -> tuple[Job, Mapping[str, bytes]]:
    """Return a job that is nowhere yet, and the files its folder begins with; arguments as for :func:`submit`.

    Args:
        process: The process.
        execution: The validated request.
        owner: Who asked.
        mode: Whether somebody waits for the answer.
        trigger: What started it.
        per_process: Jobs of the process that may run at once.
        schedule_id: The schedule that started it.
        fire_time: The moment its schedule meant.
    """
    now = datetime.now(UTC)
    job = Job(
        id=uuid4(),
        process_id=process.id,
        process_version=process.version,
        notebook_sha256=process.sha256,
        status=JobStatus.ACCEPTED,
        created=now,
        updated=now,
        owner=owner,
        mode=mode,
        response=execution.response,
        requested_outputs=execution.outputs,
        subscriber=execution.subscriber,
        concurrency=process.limits.concurrency or per_process or None,
        trigger=trigger,
        priority=_priority(mode, trigger),
        schedule_id=schedule_id,
        fire_time=fire_time,
    )
    files = {
        contract.FILE_NOTEBOOK: process.notebook,
        contract.FILE_PROCESS: record.dump(process),
        contract.FILE_INPUTS: request_document(execution),
        contract.FILE_JOB: jobfile.dump(job),
    }
    return job, files


def _priority(mode: str, trigger: str) -> Priority:
    if trigger == "schedule":
        return Priority.SCHEDULED
    return Priority.INTERACTIVE if mode == "sync" else Priority.BATCH


def request_document(execution: Execution) -> bytes:
    """Write the request as it can be sent again; whom to tell is left out, such addresses may be secrets."""
    document: dict[str, Json] = {"inputs": dict(execution.inputs), "response": execution.response}
    if execution.outputs is not None:
        document["outputs"] = {name: dict(wanted) for name, wanted in execution.outputs.items()}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
