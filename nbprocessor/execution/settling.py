"""What becomes of a job whose run has ended, or whose worker was lost: it is recorded, or waits again."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from nbprocessor import config, faultpoints
from nbprocessor.errors import StoreUnavailable, WorkerLost
from nbprocessor.execution import processtree, retries, scratch
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.presence import Presence
from nbprocessor.execution.recording import End, Recorder
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

log = logging.getLogger(__name__)


class Settling:
    """Settles the jobs of one worker; whatever a run left, its job ends or waits again."""

    def __init__(
        self,
        *,
        store: JobStore,
        results: ResultStore,
        events: JobEvents,
        recorder: Recorder,
        presence: Presence,
        settings: config.Execution,
    ) -> None:
        """Take the parts."""
        self._store = store
        self._results = results
        self._events = events
        self._recorder = recorder
        self._presence = presence
        self._settings = settings

    async def ended(self, job: Job, end: End) -> None:
        """Settle a job whose run has ended here."""
        if await self._is_run_again(job, end):
            return
        if end.status is None:
            await self._recorder.close(job, JobStatus.FAILED, str(WorkerLost(self._presence.identity)))
            return
        await self._recorder.record(job, end)
        log.info("job ended job=%s status=%s message=%r", job.id, end.status, end.message)

    async def lost(self, job: Job) -> None:
        """Settle a job of this worker whose run was lost: it had ended, may be repeated, or has failed.

        Raises:
            StoreUnavailable: The database or the results folder cannot be used.
        """
        try:
            await self._settle(job)
        except StoreUnavailable:
            raise
        except Exception:  # whatever a run left in its folder, the server starts and the job ends
            log.exception("job of a lost run cannot be settled job=%s", job.id)
            await self._recorder.record(job, End(JobStatus.FAILED, str(WorkerLost(job.worker or ""))))

    async def take_over(self) -> bool:
        """Take over the jobs of workers that are gone, each by one worker only, and settle them.

        Returns:
            Whether there were any.

        Raises:
            StoreUnavailable: The database or the results folder cannot be used.
        """
        found = False
        for job in await asyncio.to_thread(self._presence.lost):
            adopted = await asyncio.to_thread(self._store.adopt, job, self._presence.identity)
            if adopted is not None:
                faultpoints.passed("job-adopted")
                # Only now: the job may have been another's meanwhile, and its next attempt under way.
                await asyncio.to_thread(processtree.end, None, job.id)
                await asyncio.to_thread(scratch.remove_all, job.id)
                log.warning("job of a lost worker job=%s worker=%s", job.id, job.worker)
                await self.lost(adopted)
                found = True
        return found

    async def _settle(self, job: Job) -> None:
        if await self._recorder.had_ended(job):
            return
        accepted = await asyncio.to_thread(self._recorder.accepted_if_any, job)
        if job.dismiss_requested:
            await self._recorder.close(job, JobStatus.DISMISSED, "dismissed while its server was lost")
            return
        error = WorkerLost(job.worker or "")
        wait = retries.pause(job, accepted, error, self._settings)
        if wait is not None and await self._requeued(job, wait, retries.message(job, str(error), self._settings)):
            return
        await self._recorder.close(job, JobStatus.FAILED, str(error))

    async def _is_run_again(self, job: Job, end: End) -> bool:
        """Queue a job again whose run the server ended, or which failed for a reason that passes."""
        message, wait = "", None
        if end.status is JobStatus.FAILED:
            wait = retries.pause(job, end.accepted, end.error, self._settings)
            message = retries.message(job, end.message, self._settings)
        elif end.status is None and (not end.began or (end.accepted and end.accepted.process.retry_safe)):
            # What has not begun can begin elsewhere, whatever its notebook says of being repeated.
            wait = timedelta()
        if wait is None:
            return False
        # What this attempt left can be read until the next one begins.
        await asyncio.to_thread(end.redaction.folder, self._results.folder(job.id))
        return await self._requeued(job, wait, message)

    async def _requeued(self, job: Job, wait: timedelta, message: str) -> bool:
        not_before = datetime.now(UTC) + wait if wait else None
        if not await asyncio.to_thread(self._store.requeue, job, not_before, message):
            return False
        faultpoints.passed("requeued")
        self._events.nudge(job.id)
        log.info("job waits again job=%s attempt=%d wait=%gs %s", job.id, job.attempt, wait.total_seconds(), message)
        return True
