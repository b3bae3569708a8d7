"""News of jobs for those who wait for them in this process: synchronous requests, event streams, the command line."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from uuid import UUID

from nbprocessor.errors import StoreUnavailable
from nbprocessor.model import Job
from nbprocessor.store.jobs import JobStore

POLL = 1.0
"""Seconds after which a waiter looks into the store: another process may be running the job."""


class JobEvents:
    """Passes on what the worker of this process publishes, and finds out by itself what others did.

    A waiter costs a future, no thread; what waits for nothing any more leaves nothing behind.
    """

    def __init__(self, store: JobStore, poll: float = POLL) -> None:
        self._store = store
        self._poll = poll
        self._mailboxes: dict[UUID, set[_Mailbox]] = {}

    def publish(self, job: Job) -> None:
        """Tell everybody who waits for the job how it is now; called in the event loop."""
        for mailbox in self._mailboxes.get(job.id, ()):
            mailbox.put(job)

    def nudge(self, job_id: UUID) -> None:
        """Let everybody who waits for the job look into the store at once; called in the event loop."""
        for mailbox in self._mailboxes.get(job_id, ()):
            mailbox.put(None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._mailboxes.values()))

    async def wait(self, job_id: UUID, timeout: float) -> Job | None:
        """Wait until the job has ended and return it; None when ``timeout`` seconds pass before.

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
        mailbox = _Mailbox()
        self._mailboxes.setdefault(job_id, set()).add(mailbox)
        try:
            last: Job | None = None
            while last is None or not last.status.ended:
                news = None if last is None else await mailbox.take(self._poll)
                job = news if news is not None else await self._look(job_id, last)
                if last is None or _is_news(job, last):
                    last = job
                    yield job
        finally:
            self._mailboxes[job_id].discard(mailbox)
            if not self._mailboxes[job_id]:
                del self._mailboxes[job_id]

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
        self._job = job
        self._arrived.set()

    async def take(self, patience: float) -> Job | None:
        """Return the news, or None when it has to be read from the store."""
        try:
            async with asyncio.timeout(patience):
                await self._arrived.wait()
        except TimeoutError:
            return None
        self._arrived.clear()
        return self._job


def _is_news(job: Job, last: Job) -> bool:
    """Tell whether ``job`` says more than ``last``; a reading of the store may be older than what was published."""
    said = (last.status, last.progress, last.message, last.attempt)
    return job.status.ended or (
        job.updated >= last.updated and (job.status, job.progress, job.message, job.attempt) != said
    )
