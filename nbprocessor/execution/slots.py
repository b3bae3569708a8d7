"""Slots of the fork server, as the worker sees them: each runs one job after the other (:mod:`.runner`)."""

import asyncio
import contextlib
import itertools
import os
import select
import signal
from typing import Self

from nbprocessor.execution import messages
from nbprocessor.execution.cgroups import Group
from nbprocessor.execution.piped import Pipes

ENDING = 10.0
"""Seconds in which the processes of a slot that is killed have to be gone; they are in an instant."""


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
        self._pid = 0
        self._control, self.its_control = messages.pair()
        self._control.setblocking(False)
        self._alive, self.its_alive = os.pipe()
        self._ended = asyncio.get_running_loop().create_future()
        self._done: asyncio.Future[int] | None = None

    def opened(self, pid: int, keeper: int, group: Group) -> Self:
        """Take note of its runner, which has started, and put its keeper into a control group.

        Raises:
            OSError: The keeper is gone.
        """
        self._pid = pid
        self.group = group
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
        with contextlib.suppress(ProcessLookupError):
            if not self._ended.done():
                os.kill(self._pid, signal.SIGKILL)
        await asyncio.to_thread(self._wait_until_gone)

    def ended(self, status: int) -> None:
        """Take note of how its runner ended."""
        if not self._ended.done():
            self._ended.set_result(status)

    def watch(self) -> None:
        """Find out about its runner's end here: the fork server, which would tell, is gone."""
        if self._ended.done():
            return
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(self._pid)
        except OSError:
            self.ended(signal.SIGKILL)
            return

        def gone() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self.ended(signal.SIGKILL)

        loop.add_reader(descriptor, gone)

    def close(self) -> None:
        """Let go of it; its processes end when they have nothing to do."""
        if self._control.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1

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

    def _wait_until_gone(self) -> None:
        """Wait for the end of the pipe that its processes hold open."""
        if self._alive < 0:
            return
        waiting = select.poll()
        waiting.register(self._alive, select.POLLIN)
        waiting.poll(ENDING * 1000)
