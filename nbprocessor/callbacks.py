"""Callbacks: tells subscribers of their jobs, from the store, until they know or nobody can tell them.

Jobs are only read here; nothing a subscriber answers can change one.
"""

from collections.abc import Callable

from nbprocessor import config, faultpoints
from nbprocessor.errors import NoSuchJob
from nbprocessor.model.job import Job
from nbprocessor.outbound import Outbound
from nbprocessor.sending import POLL, Pace, Sender
from nbprocessor.store.callbacks import Callback, CallbackQueue
from nbprocessor.store.jobs import JobStore

Body = Callable[[Job, str], bytes]
"""Writes what a subscriber is told of a job at an event: ``success``, ``in-progress`` or ``failed``."""


class CallbackSender(Sender[Callback]):
    """Sends the callbacks that are due."""

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
        super().__init__(
            CallbackQueue(store.engine),
            self._post,
            Pace(outbound.post_duration, settings.callback_attempts, settings.callback_backoff),
            lambda callback: f"callback job={callback.job_id} event={callback.event}",
            outdated=self._job_has_ended,
            poll=poll,
        )
        self._store = store
        self._outbound = outbound
        self._body = body

    def _post(self, callback: Callback) -> bool:
        try:
            body = self._body(self._store.get(callback.job_id), callback.event)
        except NoSuchJob:
            return False  # deleted meanwhile, and its callbacks with it
        faultpoints.passed("callback-claimed")
        self._outbound.post(callback.url, body, {"Content-Type": "application/json"})
        faultpoints.passed("callback-sent")
        return True

    def _job_has_ended(self, callback: Callback) -> bool:
        """Tell whether a job runs no longer: that it does is no news then, and the news waits behind it."""
        if callback.event != "in-progress":
            return False
        try:
            return self._store.get(callback.job_id).status.ended
        except NoSuchJob:
            return True
