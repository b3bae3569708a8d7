"""pygeoapi's process manager as an adapter over the catalogue, the job store and the queue. It keeps nothing itself."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from pygeoapi.process.manager.base import BaseManager
from pygeoapi.util import JobStatus as PygeoapiStatus

from nbprocessor.api.call import CALL
from nbprocessor.api.processor import NotebookProcessor
from nbprocessor.errors import NoSuchJob, NoSuchProcess
from nbprocessor.model import Json
from nbprocessor.model.job import Execution, Job
from nbprocessor.model.process import Process
from nbprocessor.store.jobs import JobStore

Submit = Callable[[Process, Execution, str | None, str, str], Job]
"""Queues a job: process, request, owner, mode ("sync" or "async") → job."""
Dismiss = Callable[[UUID, str | None], Job]
"""Asks for a job's dismissal: id, owner → the job as it is then."""


class NotebookManager(BaseManager):  # type: ignore[misc]  # pygeoapi has no annotations
    """Answers pygeoapi's functions for the request that is under way (:data:`nbprocessor.api.call.CALL`)."""

    def __init__(self, store: JobStore, submit: Submit, dismiss: Dismiss) -> None:
        super().__init__({"name": f"{__name__}.NotebookManager"})
        self.is_async = True
        self.supports_subscribing = True
        self._store = store
        self._submit = submit
        self._dismiss = dismiss

    @property
    def processes(self) -> Mapping[str, Process]:
        """The processes this request sees; pygeoapi looks ids up in it and lists it from the front."""
        call = CALL.get(None)
        if call is None:
            return {}
        return dict(list(call.processes.items())[call.offset :]) if call.offset else call.processes

    @processes.setter
    def processes(self, _: object) -> None:
        """pygeoapi's constructor sets an empty mapping; what is on offer comes from the catalogue."""

    def get_processor(self, process_id: str) -> NotebookProcessor:
        """Return the process as a pygeoapi processor with metadata of its own."""
        return NotebookProcessor(self._process(process_id), _not_here)

    def execute_process(
        self,
        process_id: str,
        data_dict: Mapping[str, Json],  # noqa: ARG002  # validated before: CALL has the request as it was read
        execution_mode: object = None,  # noqa: ARG002  # CALL has the whole Prefer header
        requested_outputs: object = None,  # noqa: ARG002  # as for the others: CALL has it
        subscriber: object = None,  # noqa: ARG002  # likewise
        requested_response: object = "raw",  # noqa: ARG002  # likewise
    ) -> tuple[str, str, Any, PygeoapiStatus, dict[str, str]]:
        """Queue a job for the validated request and say so; waiting for a synchronous answer is the adapter's."""
        call = CALL.get()
        if call.execution is None:
            raise RuntimeError("execute_process is called with a validated request only")
        process = self._process(process_id)
        asynchronous = runs_async(process, call.preference.respond_async)
        job = self._submit(process, call.execution, call.submitter, "async" if asynchronous else "sync", call.token)
        call.jobs[str(job.id)] = job
        return str(job.id), "application/json", None, PygeoapiStatus.accepted, {}

    def get_jobs(self, status: object = None, limit: int | None = None, offset: int | None = None) -> dict[str, Any]:  # noqa: ARG002  # CALL has the filters
        """Return a page of jobs, newest first."""
        call = CALL.get()
        start, size = offset or 0, limit or 10
        found = self._store.list(call.filter, limit=size + 1, offset=start)
        page = found[:size]
        call.jobs.update((str(job.id), job) for job in page)
        # One more than the page tells whether there is a next page, without counting all.
        call.more = len(found) > size
        return {"jobs": [_metadata(job) for job in page], "numberMatched": start + len(found)}

    def get_job(self, job_id: str) -> dict[str, Json]:
        """Return one job.

        Raises:
            NoSuchJob: Unknown, or another owner's.
        """
        job = self._store.get(job_uuid(job_id), owner=CALL.get().owner)
        CALL.get().jobs[job_id] = job
        return _metadata(job)

    def delete_job(self, job_id: str) -> bool:
        """Ask for the job's dismissal; its record stays."""
        job = self._dismiss(job_uuid(job_id), CALL.get().owner)
        CALL.get().jobs[job_id] = job
        return True

    def _process(self, process_id: str) -> Process:
        try:
            return CALL.get().processes[process_id]
        except KeyError:
            raise NoSuchProcess(process_id) from None


def job_uuid(job_id: str) -> UUID:
    """Read a job id; whatever is no UUID in its usual form names no job."""
    try:
        found = UUID(job_id)
    except ValueError:
        raise NoSuchJob(job_id) from None
    if str(found) != job_id.lower():
        raise NoSuchJob(job_id)
    return found


def runs_async(process: Process, respond_async: bool) -> bool:
    """Decide the execution mode (OGC 18-062r2, 7.11.2.3): what the process offers, then what the client prefers."""
    offers_sync = "sync-execute" in process.job_control_options
    offers_async = "async-execute" in process.job_control_options
    return offers_async and (respond_async or not offers_sync)


def _metadata(job: Job) -> dict[str, Json]:
    """Write a job in pygeoapi's words, with every key its functions index; answers are written from the job."""
    created = job.created.isoformat()
    return {
        "identifier": str(job.id),
        "process_id": job.process_id,
        "status": str(job.status),
        "message": job.message,
        "progress": job.progress,
        "created": created,
        "started": created,  # pygeoapi sorts by it, and an accepted job has none
        "finished": None,
        "updated": job.updated.isoformat(),
        "mimetype": "application/json",
    }


def _not_here(process: Process, inputs: Mapping[str, Json]) -> tuple[str, Any]:  # noqa: ARG001  # pygeoapi's shape of it
    raise RuntimeError(f"{process.id} is executed through the queue, not by its processor")
