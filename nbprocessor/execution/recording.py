"""What is kept of a run: progress while it lasts; then outputs, manifest and status, in this order.

The row in the store is the commit: a job is successful only once every file of it is on the disk.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from nbprocessor import contract, faultpoints
from nbprocessor.config import Settings
from nbprocessor.errors import (
    ExecutionError,
    NbprocessorError,
    NoSuchJob,
    NoSuchOutput,
    OutputMissing,
    ResultGone,
    StoreUnavailable,
)
from nbprocessor.execution import collection, limits, messages, secrets
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.pace import Paces
from nbprocessor.execution.redaction import Redaction
from nbprocessor.model import Json
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.model.manifest import DataRequest, OutputFile
from nbprocessor.model.process import Limits, Process
from nbprocessor.notebook import executed, record
from nbprocessor.store import jobfile
from nbprocessor.store.files import atomic_write
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

log = logging.getLogger(__name__)

T = TypeVar("T")

INTERVAL = 0.1
"""Seconds between two notes of a job's progress at least; nobody looks faster."""
GREATEST = 1 << 30
"""Bytes of an executed notebook that is read, where outputs have no limit."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a job was accepted with."""

    process: Process
    """In the version it had then."""
    inputs: Mapping[str, Json]
    files: Mapping[str, bytes]
    """As they are to be in the record, whatever the run does to them."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    status: JobStatus | None
    """None: the server ended first."""
    message: str
    accepted: Accepted | None = None
    """None: the job's folder could not be read."""
    executor: str = ""
    isolation: str = ""
    """What sealed it."""
    began: bool = True
    """A cell may have run."""
    data: Sequence[DataRequest] = ()
    """What it asked of Data Management."""
    data_left_out: int = 0
    error: NbprocessorError | None = None
    """Why it failed; None also where only its message is known."""
    redaction: Redaction = field(default_factory=Redaction)
    """Masks the secrets the run had."""


class Recorder:
    """Keeps the record of the jobs a worker runs; everything but :meth:`progress` may wait for the store."""

    def __init__(self, store: JobStore, results: ResultStore, events: JobEvents, settings: Settings) -> None:
        self._store = store
        self._results = results
        self._events = events
        self._settings = settings
        self.paces = Paces(store, results)
        self._news: dict[UUID, tuple[int, str, datetime | None]] = {}
        self._writers: dict[UUID, asyncio.Task[None]] = {}

    # ----------------------------------------------------------- reading a job's folder

    def accepted(self, job: Job) -> Accepted:
        """Return what a job was accepted with.

        Raises:
            ExecutionError: The job's folder is damaged, or its notebook is no longer the one that was accepted.
            StoreUnavailable: The results folder cannot be used.
        """
        try:
            files = {name: self._results.read(job.id, name) for name in collection.ACCEPTED}
            process = record.load(files[contract.FILE_PROCESS], files[contract.FILE_NOTEBOOK])
            inputs = json.loads(files[contract.FILE_INPUTS])["inputs"]
        except (NoSuchOutput, ResultGone, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ExecutionError(f"the server cannot read what the job was accepted with: {error}") from error
        if {process.sha256, sha256(process.notebook).hexdigest()} != {job.notebook_sha256}:
            raise ExecutionError("the notebook in the job's folder is not the one the job was accepted with")
        return Accepted(process, inputs, files)

    def accepted_if_any(self, job: Job) -> Accepted | None:
        """Return what a job was accepted with, or None where it cannot be read."""
        try:
            return self.accepted(job)
        except (ExecutionError, StoreUnavailable):
            return None

    # ------------------------------------------------------------------- while it runs

    def progress(self, job: Job, percent: int, message: str, until: datetime | None = None) -> None:
        """Note how far a job is, and when it is thought to end; returns at once.

        What was not yet written is replaced by what is newer.
        """
        self._news[job.id] = percent, message, until
        if job.id not in self._writers:
            self._writers[job.id] = asyncio.create_task(self._write_progress(job))

    async def _write_progress(self, job: Job) -> None:
        # What is over by then is told by the end.
        await asyncio.sleep(INTERVAL)
        while news := self._news.pop(job.id, None):
            percent, message, until = news
            try:
                if await asyncio.to_thread(self._store.progress, job, percent, message, until):
                    now = datetime.now(UTC)
                    told = replace(job, progress=percent, message=message, estimated_completion=until, updated=now)
                    self._events.publish(told)
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
        accepted = await asyncio.to_thread(self.accepted_if_any, job)
        known = secrets.known(accepted.process.secrets, self._settings.data.secrets) if accepted else {}
        await self.record(job, End(status, message, accepted, redaction=Redaction(known.values())))

    async def record(self, job: Job, end: End) -> None:
        """Record how a run ended; nothing is changed when the job is no longer the worker's."""
        self._forget_progress(job.id)
        at = max(datetime.now(UTC), job.started or job.created)
        self._tell(job, await _patiently(self._ended, job, end, at))
        await self._published(job)

    async def had_ended(self, job: Job) -> bool:
        """Finish a job whose folder is complete while the store has it running: its server was lost in between.

        Returns:
            False when its folder tells of no end of this attempt, or is not as it was recorded.
        """
        found = await asyncio.to_thread(self._recorded_end, job)
        if found is None:
            return False
        self._tell(job, await _patiently(self._store.finish, job, *found))
        await self._published(job)
        return True

    def _ended(self, job: Job, end: End, at: datetime) -> Job | None:
        """File and store an end, in one go (runs in a thread); may be done again where the store did not answer.

        Returns:
            The ended job; None where it is no longer the worker's.
        """
        now = self._ours(job)
        if now is None:
            return None
        faultpoints.passed("end-found")
        status, message = self._filed(now, end, at)
        faultpoints.passed("manifest-written")
        return self._store.finish(job, status, message, at)

    def _tell(self, job: Job, ended: Job | None) -> None:
        if ended is None:
            log.warning("a late end was not recorded job=%s attempt=%d", job.id, job.attempt)
            return
        faultpoints.passed("end-committed")
        self._events.publish(ended)

    async def _published(self, job: Job) -> None:
        """Copy the folder of an ended job to where folders are kept, if that is elsewhere."""
        if not self._results.kept_elsewhere:
            return
        try:
            await asyncio.to_thread(self._results.publish, job.id)
        except (StoreUnavailable, ResultGone) as error:
            log.warning("job folder not copied to results.url job=%s reason=%s", job.id, error)

    def _recorded_end(self, job: Job) -> tuple[JobStatus, str, datetime] | None:
        try:
            facts = self._results.manifest(job.id).job
            if facts["attempt"] != job.attempt or self._results.verify(job.id):
                return None
            status, finished = JobStatus(facts["status"]), datetime.fromisoformat(facts["finished"])
        except (ResultGone, KeyError, ValueError, TypeError):
            return None
        ended = status.ended and finished.tzinfo is not None  # else it is not what a server wrote
        return (status, str(facts["message"]), finished) if ended else None

    def _filed(self, job: Job, end: End, at: datetime) -> tuple[JobStatus, str]:
        """Complete the job's folder (runs in a thread); return the status that follows from it.

        Whatever a notebook left in its folder, and however full the disk is, the job ends.
        """
        try:
            return self._file(job, end, at)
        except (StoreUnavailable, ResultGone) as error:
            reason = str(error)
        except Exception as error:  # the worker's door: a job that could not be closed would run for ever
            log.exception("job folder cannot be recorded job=%s", job.id)
            reason = type(error).__name__
        status, message = end.status or JobStatus.FAILED, end.message
        if status is JobStatus.SUCCESSFUL:
            status, message = JobStatus.FAILED, f"the server could not keep the results: {reason}"
        try:
            collection.make_room(self._results.folder(job.id))
            end.redaction.folder(self._results.folder(job.id))
            self._write_manifest(job, end, status, message, at, ())
        except (StoreUnavailable, ResultGone, OSError, RecursionError) as error:
            log.warning("job has no manifest job=%s reason=%s", job.id, error)
        return status, message

    def _file(self, job: Job, end: End, at: datetime) -> tuple[JobStatus, str]:
        status, message = end.status or JobStatus.FAILED, end.message
        outputs = self._outputs(job.id, end)
        if status is JobStatus.SUCCESSFUL and end.accepted is not None:
            try:
                collection.require_declared(end.accepted.process, outputs)
            except OutputMissing as error:
                status, message = JobStatus.FAILED, str(error)
        self._write_manifest(job, end, status, message, at, outputs)
        return status, message

    def _write_manifest(
        self, job: Job, end: End, status: JobStatus, message: str, at: datetime, outputs: Sequence[OutputFile]
    ) -> None:
        masked = end.redaction.text
        progress = 100 if status is JobStatus.SUCCESSFUL else job.progress
        ended = replace(job, status=status, message=message, finished=at, progress=progress)
        self._results.write_manifest(
            job.id,
            job=jobfile.facts(ended),
            process=jobfile.process_facts(job),
            outputs=outputs,
            environment=collection.environment_facts(end.accepted.process, end.executor, end.isolation)
            if end.accepted
            else {},
            data=[replace(asked, path=masked(asked.path), problem=masked(asked.problem)) for asked in end.data],
            data_left_out=end.data_left_out,
            redacted=end.redaction.found,
        )

    def _ours(self, job: Job) -> Job | None:
        """Return the job as it is now if it still waits for this end; who slept too long must not touch its folder."""
        try:
            now = self._store.get(job.id)
        except NoSuchJob:
            return None
        ours = (JobStatus.RUNNING, job.attempt, job.worker)
        return now if (now.status, now.attempt, now.worker) == ours else None

    def _outputs(self, job_id: UUID, end: End) -> Sequence[OutputFile]:
        """Return what the notebook handed over, without secrets; outputs in the notebook itself become files."""
        folder = self._results.folder(job_id)
        with suppress(OSError):
            (folder / contract.FOLDER_WRITES).rmdir()  # unless something was written
        for name in collection.remove_special_files(folder) if folder.is_dir() else ():
            log.warning("removed what is no plain file of the job's own job=%s file=%r", job_id, name)
        for name in collection.restore(folder, end.accepted.files) if end.accepted else ():
            log.warning("restored what the run had changed job=%s file=%s", job_id, name)
        end.redaction.folder(folder)
        found = []
        notebook = _executed(folder, self._most(end))
        if end.status is JobStatus.SUCCESSFUL and end.accepted is not None:
            self.paces.learn(end.accepted.process.id, notebook)
        for handed in executed.handed_over(notebook):
            if handed.content is not None:
                atomic_write(folder / contract.FOLDER_OUTPUTS / handed.file, handed.content)
            output = collection.output_file(folder, handed.id, handed.media_type, handed.file)
            if output is not None:
                found.append(output)
        return found

    def _most(self, end: End) -> int:
        """Return how many bytes of outputs an executed notebook may have."""
        declared = end.accepted.process.limits if end.accepted else Limits()
        return limits.settled(declared, self._settings.limits, self._settings.maximum).output_size or GREATEST


async def _patiently(change: Callable[..., T], *arguments: Any) -> T:
    """Ask the store until it answers: while it is away a job counts as running, which is all it could tell."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(StoreUnavailable), wait=wait_exponential(max=5), reraise=True
    ):
        with attempt:
            return await asyncio.to_thread(change, *arguments)
    raise AssertionError("there is always another attempt")


def _executed(folder: Path, most: int) -> Mapping[str, Any]:
    """Return the executed notebook; where the run did not come to write one, the notebook as it was stands in.

    One with outputs of more than ``most`` bytes is not read: its run has failed by that limit, or forged it.
    """
    path = folder / contract.FILE_EXECUTED
    source = folder / contract.FILE_NOTEBOOK
    try:
        if not path.is_file() and source.is_file():
            atomic_write(path, source.read_bytes())
        most += source.stat().st_size if source.is_file() else 0
        if path.stat().st_size > most or messages.crowded(text := path.read_bytes(), most):
            log.warning("executed notebook is too large to be read folder=%s", folder)
            return {}
        notebook = json.loads(text)
    except (OSError, ValueError, RecursionError, MemoryError):
        return {}
    return notebook if isinstance(notebook, dict) else {}


def record_dismissal(results: ResultStore, job: Job) -> None:
    """Record a job that was dismissed before it began; nothing of it ever ran."""
    try:
        results.write_manifest(
            job.id, job=jobfile.facts(job), process=jobfile.process_facts(job), outputs=(), environment={}
        )
    except (StoreUnavailable, ResultGone) as error:
        log.warning("job has no manifest job=%s reason=%s", job.id, error)
