"""The worker: claims jobs, lets executors run them within their limits, and records how they ended."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nbprocessor.config import Settings
from nbprocessor.errors import StoreUnavailable, WorkerLost
from nbprocessor.execution import identity, processtree
from nbprocessor.execution.choice import Executors
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.recording import Recorder
from nbprocessor.execution.supervision import Supervised
from nbprocessor.model import Job, JobStatus
from nbprocessor.outbound import Outbound
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks into the store; other processes put jobs there and ask for dismissals."""
ATTEMPTS = 3
"""How often a job may be started when its server was lost and its notebook says it may be repeated."""


@dataclass(slots=True)
class _Running:
    """A job this worker runs."""

    task: asyncio.Task[None]
    dismissed: asyncio.Event = field(default_factory=asyncio.Event)


class Worker:
    """Runs jobs of one store, several at once; other workers may run others of the same store."""

    def __init__(
        self,
        *,
        store: JobStore,
        results: ResultStore,
        events: JobEvents,
        outbound: Outbound,
        settings: Settings,
        executors: Executors,
    ) -> None:
        """Take the parts; nothing runs yet."""
        self._store = store
        self._events = events
        self._settings = settings
        self._results = results
        self._executors = executors
        self._recorder = Recorder(store, results, events)
        self._outbound = outbound
        self._identity = identity.own()
        self._running: dict[UUID, _Running] = {}
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look for a waiting job now; may be called from any thread, also when nothing runs here."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has just been closed: nobody is left to be woken
                self._loop.call_soon_threadsafe(self._woken.set)

    def dismiss(self, job_id: UUID) -> None:
        """End a job now, if it runs here; called in the event loop once the store knows of the dismissal."""
        self._events.nudge(job_id)
        if job_id in self._running:
            self._running[job_id].dismissed.set()

    def facts(self) -> Mapping[str, Any]:
        """Return what ``/health`` tells."""
        return {
            "workers": self._settings.worker_count,
            "running": len(self._running),
            "executors": self._executors.facts(),
        }

    async def recover(self) -> None:
        """Close or queue again what servers that are gone have left; called once, before :meth:`run`.

        Raises:
            StoreUnavailable: The database or the results folder cannot be used.
        """
        for name in await asyncio.to_thread(self._results.sweep):
            log.info("removed what was half made folder=%s", name)
        for job in await asyncio.to_thread(self._store.lost, identity.is_alive):
            await asyncio.to_thread(processtree.end, None, job.id)
            await self._recover(job)

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until ``stop`` is set; then running ones are interrupted, and queued again or closed."""
        self._loop = asyncio.get_running_loop()
        self._stopping = stop
        warming = asyncio.create_task(self._executors.warm(), name="warming")
        try:
            while not stop.is_set():
                try:
                    await self._claim_what_fits()
                    await self._obey_dismissals()
                except StoreUnavailable as error:
                    log.warning("store cannot be used reason=%s", error)
                await self._rest(stop)
        finally:
            await asyncio.gather(warming, return_exceptions=True)
            await asyncio.gather(*(running.task for running in self._running.values()), return_exceptions=True)
            await self._executors.close()

    async def run_once(self, job: Job) -> Job:
        """Run one accepted job here and return it as it ended; if another worker takes it, wait for that.

        Raises:
            StoreUnavailable: The database cannot be used.
        """
        while True:
            claimed = await asyncio.to_thread(self._store.claim, self._identity, job.id)
            if claimed is not None:
                try:
                    await self._start(claimed).task
                finally:
                    await self._executors.close()
            ended = await self._events.wait(job.id, POLL)
            if ended is not None:
                return ended

    async def _claim_what_fits(self) -> None:
        while len(self._running) < self._settings.worker_count:
            job = await asyncio.to_thread(self._store.claim, self._identity)
            if job is None:
                return
            self._start(job)

    def _start(self, job: Job) -> _Running:
        self._events.publish(job)
        running = _Running(asyncio.create_task(self._guarded(job), name=f"job {job.id}"))
        self._running[job.id] = running
        running.task.add_done_callback(lambda _: self._forget(job.id))
        return running

    def _forget(self, job_id: UUID) -> None:
        del self._running[job_id]
        self._woken.set()

    async def _guarded(self, job: Job) -> None:
        """Run one job; whatever happens, it ends, and the worker goes on."""
        try:
            await self._run(job)
        except Exception as error:  # the worker's door: a fault of ours closes the job, and the log has all of it
            log.exception("job failed by a fault of the server job=%s", job.id)
            message = f"the server met an error of its own: {type(error).__name__}"
            await self._recorder.close(job, JobStatus.FAILED, message)

    async def _run(self, job: Job) -> None:
        log.info("job started job=%s process=%s attempt=%d", job.id, job.process_id, job.attempt)
        supervised = Supervised(
            job,
            folder=self._results.folder(job.id),
            executors=self._executors,
            outbound=self._outbound,
            settings=self._settings,
            recorder=self._recorder,
            dismissed=self._running[job.id].dismissed,
            stopping=self._stopping,
        )
        end = await supervised.run()
        if end.status is None:
            if end.process is not None and end.process.retry_safe and await self._requeued(job):
                return
            await self._recorder.close(job, JobStatus.FAILED, str(WorkerLost(self._identity)))
            return
        await self._recorder.record(job, end)
        log.info("job ended job=%s status=%s message=%r", job.id, end.status, end.message)

    async def _requeued(self, job: Job) -> bool:
        if not await asyncio.to_thread(self._store.requeue, job):
            return False
        self._events.nudge(job.id)
        log.info("job waits again job=%s attempt=%d", job.id, job.attempt)
        return True

    async def _recover(self, job: Job) -> None:
        """Queue a lost job again if its notebook may be repeated, else close it with what it has left."""
        process = await asyncio.to_thread(self._recorder.process_if_any, job.id)
        if job.dismiss_requested:
            await self._recorder.close(job, JobStatus.DISMISSED, "dismissed while its server was lost")
        elif process is not None and process.retry_safe and job.attempt < ATTEMPTS and await self._requeued(job):
            return
        else:
            await self._recorder.close(job, JobStatus.FAILED, str(WorkerLost(job.worker or "")))

    async def _obey_dismissals(self) -> None:
        """Learn of dismissals that were asked for at other servers."""
        if self._running:
            for job_id in await asyncio.to_thread(self._store.dismissals, self._identity):
                if job_id in self._running:
                    self._running[job_id].dismissed.set()

    async def _rest(self, stop: asyncio.Event) -> None:
        """Sleep until there may be something to do."""
        waits: list[Coroutine[Any, Any, Any]] = [self._woken.wait(), stop.wait()]
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(tasks, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        self._woken.clear()
