"""What is kept of a run: progress while it lasts; then outputs, manifest and status, in this order.

The row in the store is the commit: a job is successful only once every file of it is on the disk.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from nbprocessor import contract
from nbprocessor.errors import ExecutionError, NoSuchJob, NoSuchOutput, OutputMissing, ResultGone, StoreUnavailable
from nbprocessor.execution import collection
from nbprocessor.execution.events import JobEvents
from nbprocessor.model import Job, JobStatus, Json, OutputFile, Process
from nbprocessor.notebook import executed, record
from nbprocessor.store.files import atomic_write
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

log = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds between two notes of a job's progress at least; nobody looks faster."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    status: JobStatus | None
    """None: the server ended first."""
    message: str
    process: Process | None = None
    """None: the job's folder could not be read."""
    executor: str = ""


class Recorder:
    """Keeps the record of the jobs a worker runs; everything but :meth:`progress` may wait for the store."""

    def __init__(self, store: JobStore, results: ResultStore, events: JobEvents) -> None:
        self._store = store
        self._results = results
        self._events = events
        self._news: dict[UUID, tuple[int, str]] = {}
        self._writers: dict[UUID, asyncio.Task[None]] = {}

    # ----------------------------------------------------------- reading a job's folder

    def process(self, job_id: UUID) -> Process:
        """Return the process in the version the job was accepted with.

        Raises:
            ExecutionError: The job's folder is damaged.
        """
        try:
            notebook = self._results.read(job_id, contract.FILE_NOTEBOOK)
            return record.load(self._results.read(job_id, contract.FILE_PROCESS), notebook)
        except (NoSuchOutput, ResultGone, ValueError) as error:
            raise ExecutionError(f"the server cannot read what the job was accepted with: {error}") from error

    def process_if_any(self, job_id: UUID) -> Process | None:
        """Return the process, or None where its record cannot be read."""
        try:
            return self.process(job_id)
        except ExecutionError:
            return None

    def inputs(self, job_id: UUID) -> Mapping[str, Json]:
        """Return the values the job was accepted with.

        Raises:
            ExecutionError: The job's folder is damaged.
        """
        try:
            inputs: Mapping[str, Json] = json.loads(self._results.read(job_id, contract.FILE_INPUTS))["inputs"]
        except (NoSuchOutput, ResultGone, ValueError, KeyError) as error:
            raise ExecutionError(f"the server cannot read what the job was accepted with: {error}") from error
        return inputs

    # ------------------------------------------------------------------- while it runs

    def progress(self, job: Job, percent: int, message: str) -> None:
        """Note how far a job is; returns at once, and what was not yet written is replaced by what is newer."""
        self._news[job.id] = percent, message
        if job.id not in self._writers:
            self._writers[job.id] = asyncio.create_task(self._write_progress(job))

    async def _write_progress(self, job: Job) -> None:
        while news := self._news.pop(job.id, None):
            percent, message = news
            try:
                if await asyncio.to_thread(self._store.progress, job, percent, message):
                    now = datetime.now(UTC)
                    self._events.publish(replace(job, progress=percent, message=message, updated=now))
            except StoreUnavailable as error:
                log.warning("progress not noted job=%s reason=%s", job.id, error)
            await asyncio.sleep(INTERVAL)
        del self._writers[job.id]

    def _forget_progress(self, job_id: UUID) -> None:
        """Let no progress be told after the end."""
        self._news.pop(job_id, None)
        if writer := self._writers.pop(job_id, None):
            writer.cancel()

    # ---------------------------------------------------------------------- at its end

    async def close(self, job: Job, status: JobStatus, message: str) -> None:
        """Close a job whose run is not known to have ended, with what it left."""
        process = await asyncio.to_thread(self.process_if_any, job.id)
        await self.record(job, End(status, message, process))

    async def record(self, job: Job, end: End) -> None:
        """Record how a run ended; nothing is changed when the job is no longer the worker's."""
        self._forget_progress(job.id)
        at = max(datetime.now(UTC), job.started or job.created)
        status, message = await asyncio.to_thread(self._file, job, end, at)
        ended = None
        # A job's end is not given up: while the store is away the job counts as running, which it would tell anyway.
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable), wait=wait_exponential(max=5), reraise=True
        ):
            with attempt:
                ended = await asyncio.to_thread(self._store.finish, job, status, message, at)
        if ended is None:
            log.warning("a late end was not recorded job=%s attempt=%d", job.id, job.attempt)
            return
        self._events.publish(ended)
        try:
            await asyncio.to_thread(self._results.publish, job.id)
        except (StoreUnavailable, ResultGone) as error:
            log.warning("job folder not copied to results.url job=%s reason=%s", job.id, error)

    def _file(self, job: Job, end: End, at: datetime) -> tuple[JobStatus, str]:
        """Complete the job's folder (runs in a thread); return the status that follows from it."""
        status, message = end.status or JobStatus.FAILED, end.message
        try:
            if not self._is_ours(job):
                return status, message
            outputs = self._outputs(job.id)
            if status is JobStatus.SUCCESSFUL and end.process is not None:
                collection.require_declared(end.process, outputs)
        except OutputMissing as error:
            status, message = JobStatus.FAILED, str(error)
        except StoreUnavailable as error:
            return JobStatus.FAILED, f"the server could not keep the results: {error}"
        try:
            self._results.write_manifest(
                job.id,
                job=_job_facts(job, status, message, at),
                process=_process_facts(job),
                outputs=outputs,
                environment=collection.environment_facts(end.process, end.executor) if end.process else {},
            )
        except (StoreUnavailable, ResultGone) as error:
            return JobStatus.FAILED, f"the server could not keep the results: {error}"
        return status, message

    def _is_ours(self, job: Job) -> bool:
        """Tell whether the job still waits for this end; a worker that slept too long must not touch the folder."""
        try:
            now = self._store.get(job.id)
        except NoSuchJob:
            return False
        return now.status is JobStatus.RUNNING and now.attempt == job.attempt

    def _outputs(self, job_id: UUID) -> Sequence[OutputFile]:
        """Return what the notebook handed over; outputs that stand in the notebook itself become files."""
        folder = self._results.folder(job_id)
        for name in collection.remove_special_files(folder) if folder.is_dir() else ():
            log.warning("removed what is no plain file of the job's own job=%s file=%r", job_id, name)
        found = []
        for handed in executed.handed_over(_executed(folder)):
            if handed.content is not None:
                atomic_write(folder / contract.FOLDER_OUTPUTS / handed.file, handed.content)
            output = collection.output_file(folder, handed.id, handed.media_type, handed.file)
            if output is not None:
                found.append(output)
        return found


def _executed(folder: Path) -> Mapping[str, Any]:
    """Return the executed notebook; where the run did not come to write one, the notebook as it was stands in."""
    path = folder / contract.FILE_EXECUTED
    source = folder / contract.FILE_NOTEBOOK
    try:
        if not path.is_file() and source.is_file():
            atomic_write(path, source.read_bytes())
        notebook = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return notebook if isinstance(notebook, dict) else {}


def _job_facts(job: Job, status: JobStatus, message: str, at: datetime) -> Mapping[str, Json]:
    return {
        "id": str(job.id),
        "status": str(status),
        "message": message,
        "created": job.created.isoformat(),
        "started": job.started.isoformat() if job.started else None,
        "finished": at.isoformat(),
        "owner": job.owner,
        "trigger": job.trigger,
        "attempt": job.attempt,
        "worker": job.worker,
    }


def _process_facts(job: Job) -> Mapping[str, Json]:
    return {"id": job.process_id, "version": job.process_version, "notebookSha256": job.notebook_sha256}
