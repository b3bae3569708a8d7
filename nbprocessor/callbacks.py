"""Callbacks: tells subscribers of their jobs, from the store, until they know or nobody can tell them.

A callback is sent at least once: whoever is killed while sending leaves it in the store, and it is sent again
when the lease is over. Jobs are only read here; nothing a subscriber answers can change one.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from nbprocessor import config, faultpoints
from nbprocessor.errors import NbprocessorError, NoSuchJob, StoreUnavailable
from nbprocessor.model import Job
from nbprocessor.outbound import Outbound, in_thread
from nbprocessor.store.callbacks import Callback, CallbackQueue
from nbprocessor.store.jobs import JobStore

log = logging.getLogger(__name__)

Body = Callable[[Job, str], bytes]
"""Writes what a subscriber is told of a job at an event: ``success``, ``in-progress`` or ``failed``."""

POLL = 1.0
"""Seconds between two looks into the store; other processes may have put callbacks there."""
SENDERS = 4
"""Callbacks under way at once."""
MAX_BACKOFF = 3600.0
"""Seconds between two attempts at most."""
LEAVING = 3.0
"""Seconds that callbacks under way get when the server ends; what they do not manage is sent again later."""
MARGIN = 10.0
"""Seconds a lease is longer than sending can take."""


class CallbackSender:
    """Sends what is due; several of them, here or elsewhere, may share one database."""

    def __init__(
        self,
        store: JobStore,
        outbound: Outbound,
        body: Body,
        settings: config.Outbound,
        *,
        poll: float = POLL,
    ) -> None:
        """Take the parts; nothing runs yet.

        Args:
            store: The jobs; their callbacks are in the same database.
            outbound: What calls addresses.
            body: Writes the JSON to be sent.
            settings: How often and how fast to try again.
            poll: Seconds between two looks into the store.
        """
        self._store = store
        self._queue = CallbackQueue(store.engine)
        self._outbound = outbound
        self._body = body
        self._settings = settings
        self._poll = poll
        self._lease = timedelta(seconds=outbound.post_duration + MARGIN)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look into the store now; call it in the event loop that runs :meth:`run`."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until ``stop`` is set; what is being sent then gets a moment to arrive."""
        sending: set[asyncio.Future[None]] = set()
        while not stop.is_set():
            self._woken.clear()
            due = await self._due(SENDERS - len(sending))
            sending |= {in_thread(partial(self._send, callback)) for callback in due}
            sending = await self._rest(stop, sending)
        if sending:
            await asyncio.wait(sending, timeout=LEAVING)

    async def _due(self, limit: int) -> Sequence[Callback]:
        try:
            return await asyncio.to_thread(self._queue.claim, limit, self._lease) if limit else []
        except StoreUnavailable as error:
            log.warning("callbacks wait for the store reason=%s", error)
        except Exception:  # a worker's door: the sender goes on
            log.exception("callbacks cannot be claimed by a fault of the server")
        return []

    async def _rest(self, stop: asyncio.Event, sending: "set[asyncio.Future[None]]") -> "set[asyncio.Future[None]]":
        """Sleep until there may be something to do; return what is still under way."""
        waits = [asyncio.create_task(event.wait()) for event in (stop, self._woken)]
        awaited: set[asyncio.Future[Any]] = {*waits, *sending}
        done, _ = await asyncio.wait(awaited, timeout=self._poll, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        for ended in sending & done:
            if (error := ended.exception()) is not None:
                log.warning("callback waits for the store reason=%s", error)
        return sending - done

    def _send(self, callback: Callback) -> None:
        try:
            job = self._store.get(callback.job_id)
            body = self._body(job, callback.event)
            faultpoints.passed("callback-claimed")
            self._outbound.post(callback.url, body, {"Content-Type": "application/json"})
        except NoSuchJob:
            return  # deleted meanwhile, and its callbacks with it
        except StoreUnavailable:
            raise
        except NbprocessorError as error:
            self._failed(callback, job, str(error))
        except Exception as error:  # a worker's door: no job's results may end the callbacks of all
            log.warning("callback cannot be written job=%s", callback.job_id, exc_info=error)
            self._failed(callback, job, f"{type(error).__name__}: {error}")
        else:
            faultpoints.passed("callback-sent")
            self._queue.delivered(callback)
            log.info("callback delivered job=%s event=%s", callback.job_id, callback.event)

    def _failed(self, callback: Callback, job: Job, error: str) -> None:
        attempts = callback.attempts + 1
        # That a job runs is no news once it has ended, and the news waits behind it.
        outdated = callback.event == "in-progress" and job.status.ended
        if outdated or attempts >= self._settings.callback_attempts:
            self._queue.failed(callback, error, None)
            log.warning("callback given up job=%s event=%s reason=%s", callback.job_id, callback.event, error)
            return
        seconds = min(self._settings.callback_backoff * 2 ** (attempts - 1), MAX_BACKOFF)
        self._queue.failed(callback, error, timedelta(seconds=seconds))
        log.info("callback failed job=%s event=%s again_in=%gs", callback.job_id, callback.event, seconds)
