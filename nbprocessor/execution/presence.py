"""Which workers live: of its own machine a worker asks the system, of others it watches the heartbeat.

A heartbeat is a number in the database that rises. A worker counts as gone when its number has stood still for
:data:`LEASE` seconds of the watcher's own monotonic clock: clocks that differ, or are set, make nobody dead. So the
jobs of another machine are never taken from it while it lives, and those of a container that was made anew are closed
after half a minute. A worker whose beats do not arrive ends its runs before that (:attr:`Presence.overdue`): it cannot
know who else runs its jobs by then.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution import identity
from nbprocessor.model.job import Job
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.workers import WorkerRegister

log = logging.getLogger(__name__)

LEASE = 30.0
"""Seconds without a beat after which a worker of another machine counts as gone."""
BEATS = 6
"""Beats in that time."""
SAFE = 2 / 3
"""Part of the lease in which a beat has to arrive; what is left is for ending the runs."""


def working(store: JobStore, patience: float = 2 * LEASE / BEATS) -> Collection[str]:
    """Return the workers that live: of this machine, and those of others whose numbers rise while they are watched.

    Args:
        store: The jobs; workers are entered in the same database.
        patience: Seconds in which a worker that lives beats.
    """
    register = WorkerRegister(store.engine)
    before = register.beats()
    found = {worker for worker in before if identity.is_alive(worker)}
    if any(identity.is_alive(worker) is None for worker in before):
        time.sleep(patience)
        after = register.beats()
        found |= {worker for worker, beat in after.items() if beat != before.get(worker)}
    return found


class Presence:
    """Keeps one worker known as living, and finds the jobs of those that are not."""

    def __init__(self, store: JobStore, *, beat: float | None = None, lease: float = LEASE) -> None:
        """Take the store; nothing is written yet.

        Args:
            store: The jobs; workers are entered in the same database.
            beat: Seconds between two beats; None: as many as fit into the lease.
            lease: Seconds without a beat after which a worker of another machine counts as gone.
        """
        self.identity = identity.own()
        self.beat = lease / BEATS if beat is None else beat
        self._store = store
        self._register = WorkerRegister(store.engine)
        self._lease = lease
        self._seen: dict[str, tuple[int | None, float]] = {}
        self._beaten = time.monotonic()
        # A file that no other machine uses is out of reach for all or for nobody.
        self._on_file = store.engine.dialect.name == "sqlite"
        self._watched = not self._on_file

    @property
    def overdue(self) -> bool:
        """Whether others may count this worker as gone soon, or do: no beat has arrived for most of the lease.

        Where none of them knows it by its beat this is never so, however long the store is away.
        """
        return self._watched and time.monotonic() - self._beaten > SAFE * self._lease

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat while the body runs; afterwards the worker is no longer entered."""
        self._beaten = time.monotonic()
        task = asyncio.create_task(self._beat_on(), name="heartbeat")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            try:
                await asyncio.to_thread(self._register.remove, [self.identity])
            except StoreUnavailable as error:
                log.info("worker stays entered worker=%s reason=%s", self.identity, error)

    def lost(self) -> Sequence[Job]:
        """Return the running jobs whose workers are gone, oldest first.

        What is known only by its beat is found out over time: this has to be asked again and again.

        Raises:
            StoreUnavailable: The database cannot be used.
        """
        beats = self._register.beats()
        self._watched = not self._on_file or any(identity.is_alive(worker) is None for worker in beats)
        before, self._seen = self._seen, {}
        found = self._store.lost(lambda worker: self._lives(worker, beats, before))
        self._register.remove([worker for worker in beats if not self._lives(worker, beats, before)])
        return found

    def known(self) -> Mapping[str, int]:
        """Return how many workers are entered (``known``) and how many of them live, as far as can be told from here.

        Raises:
            StoreUnavailable: The database cannot be used.
        """
        beats, seen, now = self._register.beats(), dict(self._seen), time.monotonic()
        fresh = {worker for worker in beats if worker not in seen or now - seen[worker][1] < self._lease}
        alive = [
            worker for worker in beats if (found := identity.is_alive(worker)) or (found is None and worker in fresh)
        ]
        return {"known": len(beats), "alive": len(alive)}

    def _lives(self, worker: str, beats: Mapping[str, int], before: Mapping[str, tuple[int | None, float]]) -> bool:
        known = identity.is_alive(worker)
        if known is not None:
            return known
        now, beat = time.monotonic(), beats.get(worker)
        seen, since = before.get(worker, (None, now))
        moved = worker not in before or seen != beat
        self._seen[worker] = (beat, now) if moved else (beat, since)
        return moved or now - since < self._lease

    async def _beat_on(self) -> None:
        while True:
            # It arrives later than it was sent, and others count from there.
            sent = time.monotonic()
            try:
                await asyncio.to_thread(self._register.beat, self.identity)
                self._beaten = sent
            except StoreUnavailable as error:
                log.warning("heartbeat missed worker=%s reason=%s", self.identity, error)
            await asyncio.sleep(self.beat)
