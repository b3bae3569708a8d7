"""The worker: claims jobs, lets executors run them within their limits, and sees to it that they are settled."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nbprocessor import faultpoints
from nbprocessor.config import Settings
from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution import collection, heap, scratch
from nbprocessor.execution.choice import Executors
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.gateway.door import Gateway
from nbprocessor.execution.presence import Presence
from nbprocessor.execution.recording import Recorder
from nbprocessor.execution.settling import Settling
from nbprocessor.execution.supervision import Supervised
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.outbound import Outbound
from nbprocessor.store.changes import GLANCE, watching
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks into the store, however little it was changed: the time of a job may have come."""
TIDYING = 60.0
"""Seconds between two returns of memory that jobs have left free."""
LEAVING = 15.0
"""Seconds in which the jobs of a worker that stops have to be recorded; the next one finds what their folders tell."""


@dataclass(slots=True)
class _Running:
    """A job this worker runs."""

    job: Job
    task: asyncio.Task[None]
    dismissed: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False
    """Its run has ended and is being recorded, or is being ended because the job is no longer this worker's."""

    def let_go(self) -> None:
        """End the run, and record nothing: the job is another's by now, or may be soon."""
        self.over = True  # once: what ends the run must not be cancelled itself
        self.task.cancel()


class Worker:
    """Runs jobs of one store, several at once; other workers may run others of the same store."""

    def __init__(
        self,
        *,
        store: JobStore,
        results: ResultStore,
        events: JobEvents,
        outbound: Outbound,
        gateway: Gateway,
        settings: Settings,
        executors: Executors,
    ) -> None:
        """Take the parts; nothing runs yet."""
        self._store = store
        self._events = events
        self._settings = settings
        self._results = results
        self._executors = executors
        self._recorder = Recorder(store, results, events, settings)
        self._outbound = outbound
        self._gateway = gateway
        self._presence = Presence(store, lease=settings.execution.lease)
        self._settling = Settling(
            store=store,
            results=results,
            events=events,
            recorder=self._recorder,
            presence=self._presence,
            settings=settings.execution,
        )
        self._running: dict[UUID, _Running] = {}
        self._let_go: dict[UUID, Job] = {}
        """Jobs whose runs were ended before others took them over, which they may have done or not."""
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
            "slots": self._settings.slots,
            "running": len(self._running),
            "executors": self._executors.facts(),
        }

    def known(self) -> Mapping[str, int]:
        """Return how many workers the database knows, and how many of them live, for ``/health``."""
        return self._presence.known()

    async def recover(self) -> None:
        """Close or queue again what servers that are gone have left; called once, before :meth:`run`.

        Raises:
            StoreUnavailable: The database or the results folder cannot be used.
        """
        for name in await asyncio.to_thread(self._results.sweep, self._store.knows):
            log.info("removed what was half made folder=%s", name)
        await asyncio.to_thread(scratch.sweep)
        await self._take_over()

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until ``stop`` is set; then running ones are interrupted, and queued again or closed."""
        self._loop = asyncio.get_running_loop()
        self._stopping = stop
        warming = asyncio.create_task(self._warm(), name="warming")
        async with (
            self._presence.beating(),
            self._noticing(),
            self._fenced(),
            _repeated(self._take_over, self._presence.beat),
            _repeated(_give_back, TIDYING),
        ):
            try:
                while not stop.is_set():
                    await self._claim_what_fits(stop)
                    await self._rest(stop)
            finally:
                warming.cancel()
                await asyncio.wait({warming})
                await self._end_all()
                await self._executors.close()
                await self._gateway.close()

    async def run_once(self, job: Job) -> Job:
        """Run one accepted job here and return it as it ended; if another worker takes it, wait for that.

        Raises:
            StoreUnavailable: The database cannot be used.
        """
        async with self._presence.beating(), self._noticing(), self._fenced():
            try:
                while True:
                    claimed = await asyncio.to_thread(self._claim, job.id)
                    if claimed is not None:
                        await asyncio.wait({self._start(claimed).task})
                    ended = await self._events.wait(job.id, POLL)
                    if ended is not None:
                        return ended
            finally:
                await self._end_all()
                await self._executors.close()
                await self._gateway.close()

    async def _warm(self) -> None:
        """Do beforehand what would keep the first job waiting."""
        await asyncio.to_thread(collection.installed)
        await self._executors.warm()

    async def _claim_what_fits(self, stop: asyncio.Event) -> None:
        try:
            while len(self._running) < self._settings.slots and not stop.is_set():
                job = await asyncio.to_thread(self._claim, None)
                if job is None:
                    return
                faultpoints.passed("claimed")
                self._start(job)
        except StoreUnavailable as error:
            log.warning("no job can be claimed reason=%s", error)
        except Exception:  # the worker's door: whatever is wrong with one claim, jobs go on being claimed
            log.exception("no job can be claimed by a fault of the server")

    def _claim(self, wanted: UUID | None) -> Job | None:
        if self._presence.overdue:
            return None  # it would be taken over at once
        return self._store.claim(self._presence.identity, wanted, per_user=self._settings.execution.per_user)

    def _start(self, job: Job) -> _Running:
        self._events.publish(job)
        running = _Running(job, asyncio.create_task(self._guarded(job), name=f"job {job.id}"))
        self._running[job.id] = running
        running.task.add_done_callback(lambda _: self._forget(running))
        return running

    def _forget(self, running: _Running) -> None:
        # A job that waits again may have been claimed again already.
        if self._running.get(running.job.id) is running:
            del self._running[running.job.id]
        self._woken.set()

    async def _end_all(self) -> None:
        """Wait until every job here is recorded; let go of those whose store does not answer."""
        tasks = {running.task for running in self._running.values()}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LEAVING)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
        running = self._running[job.id]
        supervised = Supervised(
            job,
            folder=self._results.folder(job.id),
            executors=self._executors,
            outbound=self._outbound,
            gateway=self._gateway,
            settings=self._settings,
            recorder=self._recorder,
            dismissed=running.dismissed,
            stopping=self._stopping,
        )
        try:
            end = await supervised.run()
            faultpoints.passed("run-ended")
            running.over = True
            await self._settling.ended(job, end)
        finally:
            # Only now: nobody who waits for the answer waits for this.
            await asyncio.to_thread(supervised.clean)

    async def _take_over(self) -> None:
        if await self._settling.take_over():
            self._woken.set()

    @asynccontextmanager
    async def _noticing(self) -> AsyncIterator[None]:
        """While the body runs, look at once at what other processes put into the store, or asked for in it."""
        outdated = True

        async def notice() -> None:
            nonlocal outdated
            outdated = outdated or changed()
            if outdated:
                self._woken.set()
                await self._look_after_jobs()
                outdated = False

        with watching(self._store.engine) as changed:
            async with _repeated(notice, GLANCE):
                yield

    async def _look_after_jobs(self) -> None:
        """Learn what others did to the jobs that run here: dismissed them, deleted them, took them over."""
        # Those that are here before the store is asked: what starts meanwhile is not in its answer.
        here = dict(self._running)
        if not here:
            return
        mine = {job.id: job for job in await asyncio.to_thread(self._store.running_of, self._presence.identity)}
        for job_id, running in here.items():
            now = mine.get(job_id)
            if now is not None and now.attempt == running.job.attempt:
                if now.dismiss_requested:
                    running.dismissed.set()
            elif not running.over and self._running.get(job_id) is running:
                log.warning("job is no longer this worker's, its run ends job=%s", job_id)
                running.let_go()

    @asynccontextmanager
    async def _fenced(self) -> AsyncIterator[None]:
        """While the body runs, see to it that nothing runs here that others run, too."""
        pause = self._presence.beat
        # Two duties: one of them waits for the store, the other one must not.
        async with _repeated(self._end_in_time, pause), _repeated(self._settle_let_go, pause):
            yield

    async def _end_in_time(self) -> None:
        """End the runs before others take their jobs over, if this worker cannot let them know that it lives."""
        runs = [running for running in self._running.values() if not running.over]
        if not runs or not self._presence.overdue:
            return
        log.warning("no heartbeat has arrived for most of the lease, all runs here end jobs=%d", len(runs))
        # The threads there are may all wait for the store, and ending runs takes some.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        for running in runs:
            self._let_go[running.job.id] = running.job
            running.let_go()

    async def _settle_let_go(self) -> None:
        """Settle what nobody has taken over of the jobs whose runs were ended, once beats arrive again."""
        if not self._let_go or self._presence.overdue:
            return
        mine = {job.id: job for job in await asyncio.to_thread(self._store.running_of, self._presence.identity)}
        for job in [job for job in self._let_go.values() if job.id not in self._running]:
            now = mine.get(job.id)
            if now is not None and now.attempt == job.attempt:
                await self._settling.lost(now)
            del self._let_go[job.id]
        self._woken.set()

    async def _rest(self, stop: asyncio.Event) -> None:
        """Sleep until there may be something to do."""
        waits: list[Coroutine[Any, Any, Any]] = [self._woken.wait(), stop.wait()]
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(tasks, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        self._woken.clear()


async def _give_back() -> None:
    await asyncio.to_thread(heap.give_back)


@asynccontextmanager
async def _repeated(duty: Callable[[], Awaitable[None]], pause: float) -> AsyncIterator[None]:
    """Do something again and again while the body runs; a store that is away for a while does no harm."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(pause)
            try:
                await duty()
            except StoreUnavailable as error:
                log.warning("store cannot be used reason=%s", error)
                await asyncio.sleep(POLL)
            except Exception:  # the worker's door, as above
                log.exception("a worker's duty failed by a fault of the server")

    task = asyncio.create_task(repeat(), name="duty")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
