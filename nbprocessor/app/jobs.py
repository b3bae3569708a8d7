"""Jobs from outside: submitted to the house's queue, and dismissed."""

from uuid import UUID

from nbprocessor.app.house import House
from nbprocessor.execution.recording import record_dismissal
from nbprocessor.execution.submission import submit
from nbprocessor.model.job import Execution, Job, JobStatus
from nbprocessor.model.process import Process


def submit_job(
    house: House,
    process: Process,
    execution: Execution,
    owner: str | None,
    mode: str,
    token: str = "",
    trigger: str = "api",
) -> Job:
    """Queue a job and wake the worker; ``token`` is the one its request came with."""
    job = submit(
        process,
        execution,
        store=house.store,
        results=house.results,
        owner=owner,
        mode="sync" if mode == "sync" else "async",
        trigger=trigger,
        queue_limit=house.settings.execution.queue,
        per_process=house.settings.execution.per_process,
        per_user=house.settings.execution.per_user_queue,
        grant=house.sign_in.delegation.grant(token) if house.sign_in and house.gateway.needed else None,
    )
    house.worker.wake()
    return job


def dismiss_job(house: House, job_id: UUID, owner: str | None) -> Job:
    """Ask for a job's dismissal; one that waits is dismissed at once, and recorded."""
    job = house.store.request_dismissal(job_id, owner=owner)
    if job.status is JobStatus.DISMISSED and job.started is None:
        record_dismissal(house.results, job)
    return job
