"""Sending: takes what is due out of an outbox, and tries until it arrives or nobody can deliver it.

What is sent is sent at least once: whoever is killed while sending leaves it in the store, and it is sent again when
the lease is over.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from nbprocessor.errors import NbprocessorError, StoreUnavailable
from nbprocessor.outbound import in_thread
from nbprocessor.store.outbox import Letter, Outbox

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks into the store; other processes may have put something there."""
SENDERS = 4
"""Items under way at once."""
MAX_BACKOFF = 3600.0
"""Seconds between two attempts at most."""
LEAVING = 3.0
"""Seconds that items under way get when the server ends; what they do not manage is sent again later."""
MARGIN = 10.0
"""Seconds a lease is longer than sending can take."""

Item = TypeVar("Item", bound=Letter)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long sending takes, and how often and how fast it is tried."""

    duration: float
    """Seconds after which an attempt has ended."""
    attempts: int
    backoff: float
    """Seconds before the second attempt; doubled for each further one."""


class Sender(Generic[Item]):
    """Sends what is due; several of them, here or elsewhere, may share one database."""

    def __init__(
        self,
        outbox: Outbox[Item],
        deliver: Callable[[Item], bool],
        pace: Pace,
        describe: Callable[[Item], str],
        *,
        outdated: Callable[[Item], bool] = lambda _: False,
        poll: float = POLL,
    ) -> None:
        """Take the parts; nothing runs yet.

        Args:
            outbox: What is due.
            deliver: Sends an item, in a thread; raises when it does not arrive; False: nobody is to be told any more.
            pace: How often and how fast to try again.
            describe: Names an item in the log.
            outdated: Tells of an item that did not arrive whether it is no longer worth a further attempt.
            poll: Seconds between two looks into the store.
        """
        self._outbox = outbox
        self._deliver = deliver
        self._pace = pace
        self._describe = describe
        self._outdated = outdated
        self._poll = poll
        self._lease = timedelta(seconds=pace.duration + MARGIN)
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
            sending |= {in_thread(partial(self._send, item)) for item in due}
            sending = await self._rest(stop, sending)
        if sending:
            await asyncio.wait(sending, timeout=LEAVING)

    async def _due(self, limit: int) -> Sequence[Item]:
        try:
            return await asyncio.to_thread(self._outbox.claim, limit, self._lease) if limit else []
        except StoreUnavailable as error:
            log.warning("what is to be sent waits for the store reason=%s", error)
        except Exception:  # a worker's door: the sender goes on
            log.exception("what is to be sent cannot be claimed by a fault of the server")
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
                log.warning("what is to be sent waits for the store reason=%s", error)
        return sending - done

    def _send(self, item: Item) -> None:
        try:
            told = self._deliver(item)
        except StoreUnavailable:
            raise
        except NbprocessorError as error:
            self._failed(item, str(error))
        except Exception as error:  # a worker's door: no item may end the sending of all
            log.warning("cannot be written %s", self._describe(item), exc_info=error)
            self._failed(item, f"{type(error).__name__}: {error}")
        else:
            if told:
                self._outbox.delivered(item)
                log.info("delivered %s", self._describe(item))

    def _failed(self, item: Item, error: str) -> None:
        attempts = item.attempts + 1
        if attempts >= self._pace.attempts or self._outdated(item):
            self._outbox.failed(item, error, None)
            log.warning("given up %s reason=%s", self._describe(item), error)
            return
        seconds = min(self._pace.backoff * 2 ** (attempts - 1), MAX_BACKOFF)
        self._outbox.failed(item, error, timedelta(seconds=seconds))
        log.info("failed %s again_in=%gs", self._describe(item), seconds)
