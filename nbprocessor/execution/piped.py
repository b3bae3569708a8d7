"""A run under way in processes of its own, whoever began them: orders go in, reports and log come out, on pipes."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from nbprocessor import contract
from nbprocessor.errors import ExecutionError, KernelDied
from nbprocessor.execution import processtree, wire
from nbprocessor.execution.executor import Observe, Outcome, Progress, Run, RunningJob
from nbprocessor.execution.limits import Met, explained
from nbprocessor.execution.log import JobLog
from nbprocessor.model.process import Limits

MAX_LINE = 1 << 20
"""Bytes of one message of the child."""
_ORDERS = 10
"""Orders kept for a child; one that asks for more than it reads gets no answers."""
_FITS = 4096
"""Bytes that every empty pipe takes at once (POSIX: at least PIPE_BUF)."""


class Started(Protocol):
    """The process that runs the notebook."""

    async def wait(self) -> int:
        """Wait until it is done with the run and return 0, or if it ended before, its exit code.

        A negative one is the signal that ended it.
        """
        ...

    async def kill(self) -> None:
        """End every process of the run; when this returns none is left."""
        ...

    @property
    def process_limits(self) -> Limits:
        """What each process of the run has to be bound to by itself."""
        ...

    def met(self) -> Met:
        """Return what the control group of the run has counted."""
        ...


class Pipes:
    """Three pipes between executor and child: orders to it, reports and log from it."""

    def __init__(self) -> None:
        self.orders_out, self.orders_in = os.pipe()
        self.reports_out, self.reports_in = os.pipe()
        self.log_out, self.log_in = os.pipe()

    def close_childs(self) -> None:
        """Close the child's ends, so that this side sees when the child closes them."""
        for descriptor in (self.orders_out, self.reports_in, self.log_in):
            os.close(descriptor)

    def close(self) -> None:
        """Close both sides."""
        self.close_childs()
        for descriptor in (self.orders_in, self.reports_out, self.log_out):
            os.close(descriptor)


Begin = Callable[[Run, Pipes], Awaitable[Started]]
"""Begins the process of a run, with the child's ends of the pipes; raises OSError where it cannot."""


class PipedJob(RunningJob):
    """A child under way."""

    def __init__(self, run: Run, process: Started, pipes: Pipes, observe: Observe) -> None:
        self._run = replace(run, process_limits=process.process_limits)
        self._process = process
        self._observe = observe
        self._last: Progress | None = None
        self._ended = False
        self._error: ExecutionError | None = None
        self._due: asyncio.Queue[bytes] = asyncio.Queue()
        self._orders = asyncio.create_task(self._give_orders(pipes.orders_in))
        self._readers = [
            asyncio.create_task(self._read_reports(pipes.reports_out)),
            asyncio.create_task(self._read_log(pipes.log_out)),
        ]

    def interrupt(self) -> None:
        """Order the child to interrupt its kernel."""
        self._due.put_nowait(wire.INTERRUPT)

    async def kill(self) -> None:
        """End the run's processes."""
        await self._process.kill()

    async def wait(self) -> Outcome:
        """Wait for the child, end what it left, and say how it went."""
        try:
            code = await self._process.wait()
            if not self._ended or code != 0:
                # It did not come to its own end, so it could not look after its descendants.
                await self.kill()
            # The pipes are at their end, unless something that left the tree unseen holds them open.
            done, _ = await asyncio.wait(self._readers, timeout=processtree.PATIENCE)
            for task in done:
                task.result()
        finally:
            for task in (self._orders, *self._readers):
                task.cancel()
        if self._ended:
            return Outcome(self._error)
        died = KernelDied(self._last.cell_id if self._last else "", code)
        return Outcome(explained(died, self._run.limits, self._process.met()))

    async def _give_orders(self, descriptor: int) -> None:
        """Send the run, then orders as they are due; closing the pipe tells the child that it is alone."""
        with os.fdopen(descriptor, "wb", buffering=0) as pipe, contextlib.suppress(BrokenPipeError):
            run = wire.encode_run(self._run)
            if len(run) <= _FITS:
                os.write(descriptor, run)
            else:
                await asyncio.to_thread(_write_all, pipe.fileno(), run)
            # A child that does not read its orders has been stopped by what it runs: only killing helps.
            os.set_blocking(descriptor, False)
            while True:
                order = await self._due.get()
                with contextlib.suppress(BlockingIOError):
                    os.write(descriptor, order)

    async def _read_reports(self, descriptor: int) -> None:
        async with _reader(descriptor) as reader:
            try:
                async for line in reader:
                    self._heed(line)
            except (ValueError, RecursionError) as error:
                # Where runs are not sealed, a notebook can write to this pipe, too.
                self._ended, self._error = True, ExecutionError(f"the run told what makes no sense: {error}")
                await self._process.kill()

    def _heed(self, line: bytes) -> None:
        """Take a message of the child.

        Raises:
            ValueError, RecursionError: It is none.
        """
        if line == wire.ASK:
            if self._due.qsize() < _ORDERS:
                self._due.put_nowait(wire.encode_met(self._process.met()))
            return
        message = wire.decode(line)
        if isinstance(message, Progress):
            self._last = message
            self._observe(message)
        else:
            self._ended, self._error = True, message

    async def _read_log(self, descriptor: int) -> None:
        with JobLog(self._run.folder / contract.FILE_LOG, self._run.limits.log_size) as job_log:
            async with _reader(descriptor) as reader:
                while content := await reader.read(1 << 16):
                    job_log.write(content)


@contextlib.asynccontextmanager
async def _reader(descriptor: int) -> AsyncIterator[asyncio.StreamReader]:
    """Read a pipe in the event loop; it is closed afterwards."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        yield reader
    finally:
        transport.close()


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


async def start(run: Run, observe: Observe, begin: Begin) -> RunningJob:
    """Start a run with pipes of its own; whatever fails, nothing of them is left.

    Raises:
        ExecutionError: The system lets no further process be started.
    """
    with contextlib.ExitStack() as undo:
        try:
            pipes = Pipes()
            undo.callback(pipes.close)
            process = await begin(run, pipes)
        except OSError as error:
            raise ExecutionError(f"no process could be started for the job: {error.strerror or error}") from error
        undo.pop_all()
    pipes.close_childs()
    return PipedJob(run, process, pipes, observe)
