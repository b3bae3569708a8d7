"""One claimed job from its folder to its end: inputs fetched, run started, watched against clock and dismissal."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from nbprocessor import contract, faultpoints
from nbprocessor.config import Settings
from nbprocessor.errors import (
    ExecutionError,
    InputUnavailable,
    LimitReached,
    NbprocessorError,
    StoreUnavailable,
)
from nbprocessor.execution import collection, limits, pace, references, scratch, secrets, storage
from nbprocessor.execution.choice import Executors
from nbprocessor.execution.environment import job_environment, way_to_data
from nbprocessor.execution.executor import Outcome, Progress, Run, RunningJob
from nbprocessor.execution.gateway.door import Door, Gateway, socket_of
from nbprocessor.execution.pace import Gauge, Reading
from nbprocessor.execution.recording import Accepted, End, Recorder
from nbprocessor.execution.redaction import Redaction
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.model.process import Limits, Process
from nbprocessor.notebook import values
from nbprocessor.outbound import Outbound, in_thread


@dataclass(slots=True)
class Supervised:
    """A job that is this worker's to run."""

    job: Job
    folder: Path
    executors: Executors
    outbound: Outbound
    gateway: Gateway
    settings: Settings
    recorder: Recorder
    dismissed: asyncio.Event
    stopping: asyncio.Event
    """The server ends; the job may not go on."""
    _began: float = field(default_factory=time.monotonic)
    _accepted: Accepted | None = None
    _executor: str = ""
    _isolation: str = ""
    _running: RunningJob | None = None
    _last: Progress | None = None
    _gauge: Gauge | None = None
    _shown: Reading | None = None
    _scratch: Path | None = None
    _door: Door | None = None
    _secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    _limits: Limits = Limits()
    _full: asyncio.Event = field(default_factory=asyncio.Event)
    """The run's files are more than they may be."""
    _excess: LimitReached | None = None
    """By which limit."""
    _abandoned: bool = False
    """Nobody waits for the inputs any more."""

    async def run(self) -> End:
        """Run the job and say how it ended; its processes are gone then, its files complete."""
        try:
            outcome, cause = await self._outcome()
        except ExecutionError as error:
            return self._end(JobStatus.FAILED, str(error), error)
        except StoreUnavailable as error:
            return self._end(JobStatus.FAILED, f"the server could not run the job: {error}", error)
        finally:
            if self._door is not None:
                await self._door.close()
        if cause is self.dismissed:
            where = f' in cell "{self._last.cell_id}"' if self._last else " before its first cell"
            return self._end(JobStatus.DISMISSED, f"dismissed{where}")
        if cause is self.stopping:
            return self._end(None, "")
        if outcome.error is not None:
            return self._end(JobStatus.FAILED, str(outcome.error), outcome.error)
        return self._end(JobStatus.SUCCESSFUL, "")

    def clean(self) -> None:
        """Remove what nobody needs after the run (may run in a thread); called once its end is recorded."""
        if self._scratch is not None:
            scratch.remove(self._scratch)

    async def _outcome(self) -> tuple[Outcome, asyncio.Event | None]:
        """Return how the run ended, and what ended it if not itself."""
        self._accepted = accepted = await asyncio.to_thread(self.recorder.accepted, self.job)
        self._limits = limits.settled(accepted.process.limits, self.settings.limits, self.settings.maximum)
        preparing = in_thread(partial(self._prepared, accepted))
        try:
            cause = await self._first(preparing)
        finally:
            # Its thread ends by itself; what it fetches for a run that is not to be is nobody's.
            self._abandoned = not preparing.done()
        if not preparing.done():
            preparing.cancel()
            return self._cut_short(cause)
        faultpoints.passed("run-prepared")
        starting = asyncio.ensure_future(self._started(preparing.result(), accepted.process))
        try:
            cause = await self._first(starting)
            in_time = starting.done()
        finally:
            if not starting.done():
                await _undone(starting)
        if not in_time:
            return self._cut_short(cause)
        self._running = starting.result()
        faultpoints.passed("run-started")
        return await self._watched(self._running)

    async def _started(self, run: Run, process: Process) -> RunningJob:
        """Start the run; until its executor is ready that may take a while."""
        executor = await self.executors.choose(process.executor, process.kernel, process.language)
        self._executor, self._isolation = executor.name, executor.isolation.name
        if self.gateway.needed:
            self._door = await self.gateway.open(self.job, _writable(process, run), socket_of(run.scratch))
        return await executor.start(run, self._observe)

    def _prepared(self, accepted: Accepted) -> Run:
        """Make the job's folder ready and fetch its inputs (runs in a thread).

        Raises:
            ExecutionError: An input cannot be had, or no temporary folder.
            StoreUnavailable: The folder cannot be written.
        """
        process, inputs = accepted.process, accepted.inputs
        self._gauge = Gauge(self.recorder.paces.plan(process, accepted.files[contract.FILE_NOTEBOOK]))
        collection.prepare(self.folder)
        if self.settings.data.source == "demo":
            # A sealed run can write into folders that are there, and make none beside them.
            (self.folder / contract.FOLDER_WRITES).mkdir()
        found = references.resolve(process, inputs, self._fetch, self.settings.outbound.max_bytes)
        for problem in values.problems(process, found):
            input_id = problem.pointer.split("/")[2]
            raise InputUnavailable(input_id, references.address(inputs[input_id]), problem.detail)
        self._secrets = secrets.read(process.secrets, self.settings.data.secrets)
        self._scratch = place = scratch.make(self.job.id)
        return Run(
            job_id=self.job.id,
            folder=self.folder,
            scratch=place,
            kernel=process.kernel,
            language=process.language,
            parameters=values.typed(process, found),
            environment=self._environment(place),
            limits=self._limits,
            start_timeout=self.settings.execution.start_timeout,
        )

    def _environment(self, place: Path) -> dict[str, str]:
        told = secrets.hand_over(self._secrets, place)
        way = way_to_data(socket_of(place), self.gateway.signs_in(self.job)) if self.gateway.needed else {}
        return job_environment(self.job.id, self.folder, self.settings) | scratch.environment(place) | told | way

    def _fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        if self._abandoned:
            raise ExecutionError("nobody waits for the inputs any more")
        return self.outbound.fetch(url, max_bytes=max_bytes)

    async def _watched(self, running: RunningJob) -> tuple[Outcome, asyncio.Event | None]:
        waiting = asyncio.ensure_future(running.wait())
        beside = [asyncio.create_task(self._count()), asyncio.create_task(self._tick())]
        try:
            cause = await self._first(waiting)
            ended = waiting.done()
            if not ended:
                running.interrupt()
                await asyncio.wait({waiting}, timeout=self.settings.execution.dismiss_grace)
                if not waiting.done():
                    await running.kill()
            outcome = await waiting
        except asyncio.CancelledError:
            with suppress(Exception):  # the job is lost to this worker; what matters is that nothing of it goes on
                await running.kill()
            raise
        finally:
            for task in beside:
                task.cancel()
        if cause is None and not ended:
            return Outcome(LimitReached("time", limits.duration(self._limits.time or 0), self._cell)), None
        if outcome.error is None and cause is None:
            self._excess = await asyncio.to_thread(self._counted)
        if self._excess is not None and cause in {None, self._full}:
            await asyncio.to_thread(collection.make_room, self.folder)
            return Outcome(self._excess), None
        return outcome, cause

    async def _count(self) -> None:
        """Look after what the run writes, until it is too much."""
        while self._excess is None:
            await asyncio.sleep(storage.INTERVAL)
            self._excess = await asyncio.to_thread(self._counted)
        self._full.set()

    def _counted(self) -> LimitReached | None:
        assert self._scratch is not None
        return storage.reached(self.folder, self._scratch, self._limits, self._cell)

    @property
    def _cell(self) -> str:
        return self._last.cell_id if self._last else ""

    async def _first(self, task: "asyncio.Future[Any]") -> asyncio.Event | None:
        """Wait for the task, the end of the time, or an event, such as a dismissal; return which event it was.

        None: the task is done, or else the time is over.
        """
        limit = self._limits.time
        left = None if limit is None else max(0.0, self._began + limit - time.monotonic())
        signals = {asyncio.ensure_future(event.wait()): event for event in (self.dismissed, self.stopping, self._full)}
        try:
            await asyncio.wait({task, *signals}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for signal in signals:
                signal.cancel()
        if task.done():
            return None
        return next((event for event in signals.values() if event.is_set()), None)

    def _observe(self, progress: Progress) -> None:
        self._last = progress
        assert self._gauge is not None
        self._gauge.observe(progress)
        self._note(progress, self._gauge.reading())

    async def _tick(self) -> None:
        """Move the progress on while a cell says nothing; noted only where somebody would see the difference."""
        assert self._gauge is not None
        while True:
            await asyncio.sleep(pace.TICK)
            reading = self._gauge.reading()
            shown = self._shown
            gone = shown is not None and shown.seconds_left is not None and reading.seconds_left is None
            if self._last is not None and shown is not None and (gone or reading.percent > shown.percent):
                self._note(self._last, reading)

    def _note(self, progress: Progress, reading: Reading) -> None:
        self._shown = reading
        # Whole seconds: more would be news at each note, and nobody knows it better.
        left = None if reading.seconds_left is None else timedelta(seconds=reading.seconds_left)
        until = None if left is None else (datetime.now(UTC) + left).replace(microsecond=0)
        self.recorder.progress(self.job, reading.percent, self._redaction().text(progress.message), until)

    def _redaction(self) -> Redaction:
        """Return what masks the secrets the run was given, and the tokens its gateway sent."""
        return Redaction([*self._secrets.values(), *(self._door.tokens if self._door is not None else ())])

    def _cut_short(self, cause: asyncio.Event | None) -> tuple[Outcome, asyncio.Event | None]:
        """Return how a run ended that never began."""
        return Outcome(None if cause else LimitReached("time", limits.duration(self._limits.time or 0))), cause

    def _end(self, status: JobStatus | None, message: str, error: NbprocessorError | None = None) -> End:
        began = self._running is not None
        data, left_out = (self._door.requests, self._door.left_out) if self._door is not None else ((), 0)
        redaction = self._redaction()
        return End(
            status,
            redaction.text(message),
            self._accepted,
            self._executor,
            self._isolation,
            began=began,
            data=data,
            data_left_out=left_out,
            error=error,
            redaction=redaction,
        )


def _writable(process: Process, run: Run) -> frozenset[str]:
    """Return the ids of the indicators a run may write: the values of the inputs that say so."""
    named = [run.parameters.get(name) for name, declared in process.inputs.items() if declared.writes]
    ids = [value for values in named for value in (values if isinstance(values, list) else [values])]
    return frozenset(value for value in ids if isinstance(value, str))


async def _undone(starting: "asyncio.Future[RunningJob]") -> None:
    """Take a start back; a run that had started all the same is ended."""
    starting.cancel()
    await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        running = starting.result()
        await running.kill()
        await running.wait()
