"""One claimed job from its folder to its end: inputs fetched, run started, watched against clock and dismissal."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprocessor.config import Settings
from nbprocessor.errors import ExecutionError, InputUnavailable, LimitReached
from nbprocessor.execution import collection, references
from nbprocessor.execution.choice import Executors
from nbprocessor.execution.environment import job_environment
from nbprocessor.execution.executor import Outcome, Progress, Run, RunningJob
from nbprocessor.execution.limits import duration
from nbprocessor.execution.recording import End, Recorder
from nbprocessor.model import Job, JobStatus, Process
from nbprocessor.notebook import values
from nbprocessor.outbound import Outbound


@dataclass(slots=True)
class Supervised:
    """A job that is this worker's to run."""

    job: Job
    folder: Path
    executors: Executors
    outbound: Outbound
    settings: Settings
    recorder: Recorder
    dismissed: asyncio.Event
    stopping: asyncio.Event
    """The server ends; the job may not go on."""
    _began: float = field(default_factory=time.monotonic)
    _process: Process | None = None
    _executor: str = ""
    _last: Progress | None = None

    async def run(self) -> End:
        """Run the job and say how it ended; its processes are gone then, its files complete."""
        try:
            outcome, cause = await self._outcome()
        except ExecutionError as error:
            return self._end(JobStatus.FAILED, str(error))
        if cause is self.dismissed:
            where = f' in cell "{self._last.cell_id}"' if self._last else " before its first cell"
            return self._end(JobStatus.DISMISSED, f"dismissed{where}")
        if cause is self.stopping:
            return self._end(None, "")
        if outcome.error is not None:
            return self._end(JobStatus.FAILED, str(outcome.error))
        return self._end(JobStatus.SUCCESSFUL, "")

    async def _outcome(self) -> tuple[Outcome, asyncio.Event | None]:
        """Return how the run ended, and what ended it if not itself."""
        preparing = asyncio.ensure_future(asyncio.to_thread(self._prepared))
        cause = await self._first(preparing)
        if not preparing.done():
            # The thread ends by itself; what it fetches for a run that is not to be is nobody's.
            preparing.add_done_callback(lambda task: task.cancelled() or task.exception())
            return Outcome(None if cause else LimitReached("time", duration(self._time_limit))), cause
        run, process = preparing.result()
        executor = await self.executors.choose(process.executor, process.kernel, process.language)
        self._executor = executor.name
        running = await executor.start(run, self._observe)
        return await self._watched(running)

    def _prepared(self) -> tuple[Run, Process]:
        """Read the job's folder and fetch its inputs (runs in a thread).

        Raises:
            ExecutionError: It is damaged, or an input cannot be had.
        """
        self._process = process = self.recorder.process(self.job.id)
        inputs = self.recorder.inputs(self.job.id)
        collection.prepare(self.folder)
        limit = self.settings.outbound.max_bytes
        found = references.resolve(process, inputs, lambda url: self.outbound.fetch(url, max_bytes=limit))
        for problem in values.problems(process, found):
            input_id = problem.pointer.split("/")[2]
            raise InputUnavailable(input_id, references.address(inputs[input_id]), problem.detail)
        run = Run(
            job_id=self.job.id,
            folder=self.folder,
            kernel=process.kernel,
            language=process.language,
            parameters=values.typed(process, found),
            environment=job_environment(self.job.id, self.folder, self.settings),
            cell_time=process.limits.cell_time,
            start_timeout=self.settings.execution.start_timeout,
            log_limit=self.settings.execution.log_limit,
        )
        return run, process

    async def _watched(self, running: RunningJob) -> tuple[Outcome, asyncio.Event | None]:
        waiting = asyncio.ensure_future(running.wait())
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
        if cause is None and not ended:
            cell = self._last.cell_id if self._last else ""
            return Outcome(LimitReached("time", duration(self._time_limit), cell)), None
        return outcome, cause

    async def _first(self, task: "asyncio.Future[Any]") -> asyncio.Event | None:
        """Wait for the task, the end of the time, a dismissal or the server's end; return which event it was.

        None: the task is done, or else the time is over.
        """
        left = max(0.0, self._began + self._time_limit - time.monotonic())
        signals = {asyncio.ensure_future(event.wait()): event for event in (self.dismissed, self.stopping)}
        try:
            await asyncio.wait({task, *signals}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for signal in signals:
                signal.cancel()
        if task.done():
            return None
        return next((event for event in signals.values() if event.is_set()), None)

    @property
    def _time_limit(self) -> float:
        own = self._process.limits.time if self._process is not None else None
        return own or self.settings.execution.time_limit

    def _observe(self, progress: Progress) -> None:
        self._last = progress
        self.recorder.progress(self.job, progress.percent, progress.message)

    def _end(self, status: JobStatus | None, message: str) -> End:
        return End(status, message, self._process, self._executor)
