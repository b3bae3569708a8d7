"""Slots of the fork server, as the worker sees them: each runs one job after the other (:mod:`.runner`)."""

import asyncio
import contextlib
import itertools
import os
import select
import signal
import threading
from typing import Self

from nbprocessor.execution import messages
from nbprocessor.execution.cgroups import Group
from nbprocessor.execution.piped import Pipes

ENDING = 10.0
"""Seconds after which what is left of a slot that should be gone is killed; it is gone in an instant."""


class Slot:
    """One slot; its number, its sockets and the run that is under way in it."""

    _numbers = itertools.count()

    def __init__(self) -> None:
        """Make its sockets; :meth:`opened` gives it its processes.

        Raises:
            OSError: The system lets no further file be opened.
        """
        self.number = next(Slot._numbers)
        self.runs = 0
        self.group = Group({}, 0)
        """Of all that its keeper forks."""
        self._runner = self._keeper = -1
        self._sealed = False
        self._control, self.its_control = messages.pair()
        self._control.setblocking(False)
        self._alive, self.its_alive = os.pipe()
        self._ended = asyncio.get_running_loop().create_future()
        self._done: asyncio.Future[int] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._lock = threading.Lock()
        """Held by who waits for the end of its processes in a thread, or closes what tells it."""

    def opened(self, runner: int, keeper: int, group: Group, *, sealed: bool) -> Self:
        """Take note of its processes, which have started, and put its keeper into a control group.

        Raises:
            OSError: One of them is gone.
        """
        self.group = group
        self._sealed = sealed
        self._runner, self._keeper = os.pidfd_open(runner), os.pidfd_open(keeper)
        group.add(keeper)
        asyncio.get_running_loop().add_reader(self._control, self._hear)
        return self

    def close_theirs(self) -> None:
        """Close what its processes have now, so that their end can be seen here."""
        self.its_control.close()
        os.close(self.its_alive)

    @property
    def usable(self) -> bool:
        """Whether a run can be given to it."""
        return self._control.fileno() >= 0 and self._done is None and not self._ended.done()

    def run(self, pipes: Pipes) -> None:
        """Give it a run.

        Raises:
            ConnectionError: It is gone; nothing was started.
        """
        messages.send(self._control, {"run": self.runs}, [pipes.orders_out, pipes.reports_in, pipes.log_in])
        self.runs += 1
        self._done = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """Wait until it is done with its run and return 0, or else how its runner ended."""
        assert self._done is not None
        await asyncio.wait({self._done, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        if self._done.done():
            self._done = None
            return 0
        return os.waitstatus_to_exitcode(self._ended.result())

    async def kill(self) -> None:
        """End its processes, with whatever the job has started."""
        if self._closed is None:
            _kill(self._runner)
            await asyncio.to_thread(self._end)
        else:
            await asyncio.wait({self._closed})

    def ended(self, status: int) -> None:
        """Take note of how its runner ended."""
        if not self._ended.done():
            self._ended.set_result(status)

    def watch(self) -> None:
        """Find out about its runner's end here: the fork server, which would tell, is gone."""
        if self._ended.done():
            return
        if self._runner < 0:
            self.ended(signal.SIGKILL)
            return
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self._runner)
            self.ended(signal.SIGKILL)

        loop.add_reader(self._runner, gone)

    def close(self) -> "asyncio.Future[None]":
        """Let go of it; what is returned is done when its processes are gone, and its control group with them."""
        if self._closed is None:
            loop = asyncio.get_running_loop()
            if self._control.fileno() >= 0:
                loop.remove_reader(self._control)
                self._control.close()
            if self._runner >= 0:
                loop.remove_reader(self._runner)
            self._closed = loop.run_in_executor(None, self._remove)
            self._closed.add_done_callback(lambda _: self.ended(signal.SIGKILL))
        return self._closed

    def _hear(self) -> None:
        try:
            told, _ = messages.receive(self._control)
        except BlockingIOError:
            return
        if told is None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
        elif self._done is not None:
            self._done.set_result(0)

    def _end(self) -> None:
        """Wait until its processes are gone: they end when nobody has anything for them to do, or are killed."""
        with self._lock:
            if self._alive < 0:
                return
            if self._sealed:
                _kill(self._keeper)  # and with it everything in its process space
            if not self._gone():
                _kill(self._runner)
                _kill(self._keeper)
                self._gone()

    def _gone(self) -> bool:
        """Wait for the end of the pipe that its processes hold open, for a while; tell whether it has come."""
        waiting = select.poll()
        waiting.register(self._alive, select.POLLIN)
        return bool(waiting.poll(ENDING * 1000))

    def _remove(self) -> None:
        """End it, and close what is left of it here."""
        self._end()
        with self._lock:
            for descriptor in (self._alive, self._runner, self._keeper):
                if descriptor >= 0:
                    os.close(descriptor)
            self._alive = self._runner = self._keeper = -1
        self.group.remove()


def _kill(process: int) -> None:
    """Kill a process by its descriptor, if there is one."""
    if process >= 0:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
