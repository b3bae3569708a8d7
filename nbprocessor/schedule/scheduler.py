"""The scheduler: holds the lease, wakes at each fire, and has done what is due.

APScheduler's alarm wakes it to the second. It is kept by the wall clock, which may be set; a beat that no clock can
stop looks as well, so that a clock put back or forward, or a schedule made in another process, is noticed soon.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from nbprocessor.errors import StoreUnavailable
from nbprocessor.schedule.firing import Firing
from nbprocessor.schedule.leadership import BEAT, Leadership
from nbprocessor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
_ALARM = "next fire"


def _now() -> datetime:
    return datetime.now(UTC)


class Scheduler:
    """Fires in the background of a server; several of them, here or elsewhere, may share one database."""

    def __init__(
        self,
        *,
        schedules: ScheduleStore,
        firing: Firing,
        leadership: Leadership,
        before: Callable[[], None] = lambda: None,
        clock: Clock = _now,
        beat: float = BEAT,
    ) -> None:
        """Take the parts; nothing runs yet.

        Args:
            schedules: Tells when the next fire is due.
            firing: Does what is due.
            leadership: Says whether this one fires.
            before: Done at each beat, by whoever fires, before it looks for what is due.
            clock: The present.
            beat: Seconds between two looks at least.
        """
        self._schedules = schedules
        self._firing = firing
        self._leadership = leadership
        self._before = before
        self._clock = clock
        self._beat = beat
        self._told = ""
        self.leads = False
        """Whether this one fires, as far as it knows."""

    async def run(self, stop: asyncio.Event) -> None:
        """Fire until ``stop`` is set."""
        rung = asyncio.Event()
        alarm = AsyncIOScheduler(timezone=UTC)
        alarm.start()
        alarmed: datetime | None = None
        try:
            while not stop.is_set():
                rung.clear()
                due = await asyncio.to_thread(self.look)
                if due is not None and due != alarmed:
                    _set(alarm, due, partial(_ring, rung))
                alarmed = due
                await _first(stop, rung, timeout=self._beat)
        finally:
            alarm.shutdown(wait=False)
            await asyncio.to_thread(self._leave)

    def look(self) -> datetime | None:
        """Do what is due, if this one holds the lease; return when there is more, if there is (runs in a thread)."""
        try:
            self.leads = self._leadership.hold()
            if not self.leads:
                return None
            self._before()
            self._firing.round(self._clock(), self._leadership.holder)
            self._told = ""
            return self._schedules.next_due()
        except StoreUnavailable as error:
            if str(error) != self._told:  # once, not at every beat
                log.warning("schedules wait for the store reason=%s", error)
            self._told = str(error)
        except Exception:  # a worker's door: the next look may find it mended
            log.exception("schedules cannot fire by a fault of the server")
        return None

    def _leave(self) -> None:
        try:
            self._leadership.give_up()
        except StoreUnavailable as error:
            log.info("lease on schedules was not given up reason=%s", error)


def _set(alarm: AsyncIOScheduler, due: datetime, ring: Callable[[], Awaitable[None]]) -> None:
    once = {"trigger": "date", "run_date": due, "misfire_grace_time": None}
    alarm.add_job(ring, id=_ALARM, name=_ALARM, replace_existing=True, **once)


async def _ring(rung: asyncio.Event) -> None:
    rung.set()


async def _first(*events: asyncio.Event, timeout: float) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
