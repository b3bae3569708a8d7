"""News of jobs for those who wait for them in this process: synchronous requests, event streams, the command line."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from uuid import UUID

from nbprocessor.errors import StoreUnavailable
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.store.changes import GLANCE, watching
from nbprocessor.store.jobs import JobStore

LEAVING = 6.0
"""Seconds that waiters have once the program ends; runs are interrupted, and killed after 4 at most."""


class JobEvents:
    """Passes on what the worker of this process publishes, and finds out by itself what others did.

    A waiter costs a future, no thread; for all that wait together the store is looked into once, when it was
    changed. What waits for nothing any more leaves nothing behind.
    """

    def __init__(self, store: JobStore, glance: float = GLANCE) -> None:
        """Take the store.

        Args:
            store: The jobs.
            glance: Seconds between two questions whether another process has changed anything.
        """
        self._store = store
        self._glance = glance
        self._mailboxes: dict[UUID, set[_Mailbox]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed: float | None = None

    def publish(self, job: Job) -> None:
        """Tell everybody who waits for the job how it is now; called in the event loop."""
        for mailbox in self._mailboxes.get(job.id, ()):
            mailbox.put(job)

    def nudge(self, job_id: UUID) -> None:
        """Let everybody who waits for the job look into the store at once; called in the event loop."""
        for mailbox in self._mailboxes.get(job_id, ()):
            mailbox.put(None)

    def close(self) -> None:
        """Keep nobody waiting for what will not come: the program ends; called in the event loop.

        Whoever waits for a job that runs has a moment left to learn how it ended.
        """
        self._closed = time.monotonic()
        self._nudge_all()
        asyncio.get_running_loop().call_later(LEAVING, self._nudge_all)

    def _nudge_all(self) -> None:
        for job_id in self._mailboxes:
            self.nudge(job_id)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._mailboxes.values()))

    async def wait(self, job_id: UUID, timeout: float) -> Job | None:
        """Wait until the job has ended and return it; None when ``timeout`` seconds pass before, or the program ends.

        Raises:
            NoSuchJob: There is none of this id, or no longer.
            StoreUnavailable: The store does not say what the job is like at first.
        """
        try:
            async with asyncio.timeout(timeout):
                async with aclosing(self._states(job_id)) as states:
                    async for job in states:
                        if job.status.ended:
                            return job
        except TimeoutError:
            pass
        return None

    def subscribe(self, job_id: UUID) -> AsyncIterator[Job]:
        """Yield the job as it is now, then whenever it changed, lastly as it ended.

        A slow reader misses what is outdated, never the end.

        Raises:
            NoSuchJob: There is none of this id, or no longer.
        """
        return self._states(job_id)

    async def _states(self, job_id: UUID) -> AsyncGenerator[Job, None]:
        with self._mailbox(job_id) as mailbox:
            last: Job | None = None
            while last is None or not last.status.ended:
                news = None if last is None else await mailbox.take()
                job = news if news is not None else await self._look(job_id, last)
                if last is None or _is_news(job, last):
                    last = job
                    yield job
                if self._is_over(last):
                    return

    @contextmanager
    def _mailbox(self, job_id: UUID) -> "Iterator[_Mailbox]":
        """Keep a mailbox for one waiter; while there is any, the store is looked into."""
        mailbox = _Mailbox()
        self._mailboxes.setdefault(job_id, set()).add(mailbox)
        if self._looking is None:
            # Begun before this waiter reads the store, so that what is changed after that is noticed.
            watch = ExitStack()
            changed = watch.enter_context(watching(self._store.engine))
            self._looking = asyncio.create_task(self._look_around(changed), name="job events")
            self._looking.add_done_callback(lambda _: watch.close())
        try:
            yield mailbox
        finally:
            self._mailboxes[job_id].discard(mailbox)
            if not self._mailboxes[job_id]:
                del self._mailboxes[job_id]
            if not self._mailboxes and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look_around(self, changed: Callable[[], bool]) -> None:
        """Put into the mailboxes what the store tells, whenever it was changed."""
        outdated = False
        while True:
            outdated = outdated or changed()
            if outdated:
                outdated = not await self._look_for_all()
            await asyncio.sleep(self._glance)

    async def _look_for_all(self) -> bool:
        """Look into the store once for everybody; return whether it answered."""
        job_ids = list(self._mailboxes)
        try:
            found = await asyncio.to_thread(self._store.several, job_ids)
        except StoreUnavailable:
            return False
        for job_id in job_ids:
            for mailbox in self._mailboxes.get(job_id, ()):
                mailbox.put(found.get(job_id))
        return True

    def _is_over(self, job: Job) -> bool:
        """Tell whether waiting is of no use any more, because the program ends."""
        if self._closed is None:
            return False
        return job.status is not JobStatus.RUNNING or time.monotonic() - self._closed >= LEAVING

    async def _look(self, job_id: UUID, last: Job | None) -> Job:
        """Read the store; for whoever knows of the job already, a store that is away for a while says nothing new."""
        try:
            return await asyncio.to_thread(self._store.get, job_id)
        except StoreUnavailable:
            if last is None:
                raise
            return last


class _Mailbox:
    """Holds the latest news for one waiter."""

    def __init__(self) -> None:
        self._arrived = asyncio.Event()
        self._job: Job | None = None

    def put(self, job: Job | None) -> None:
        """Replace what was not yet taken; None: there is news in the store."""
        if job is None or self._job is None or _replaces(job, self._job):
            self._job = job
            self._arrived.set()

    async def take(self) -> Job | None:
        """Return the news, or None when it has to be read from the store."""
        await self._arrived.wait()
        self._arrived.clear()
        return self._job


def _replaces(job: Job, known: Job) -> bool:
    """Tell whether a waiter is to hear of ``job``; a reading of the store may be old, and most often tells the same."""
    return job != known and job.updated >= known.updated and not known.status.ended


def _is_news(job: Job, last: Job) -> bool:
    """Tell whether ``job`` says more than ``last``; a reading of the store may be older than what was published."""
    return job.status.ended or (job.updated >= last.updated and _said(job) != _said(last))


def _said(job: Job) -> tuple[object, ...]:
    return job.status, job.progress, job.message, job.estimated_completion, job.attempt
