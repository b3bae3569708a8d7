"""Executor ``direct``: Python notebooks in forks of a process that has the heavy imports done (:mod:`.zygote`)."""

import asyncio
import contextlib
import itertools
import json
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from nbprocessor.errors import ExecutionError
from nbprocessor.execution import generation, piped
from nbprocessor.execution.environment import passed
from nbprocessor.execution.executor import Executor, Observe, Run, RunningJob
from nbprocessor.execution.piped import Pipes

log = logging.getLogger(__name__)

START_TIMEOUT = 120.0
"""Seconds the fork server may take to import everything."""
MAX_RUNS = 2_000
"""Runs after which a fork server is renewed, however well it does."""
MAX_MESSAGE = 1 << 16


class ForkExecutor(Executor):
    """Forks each run of a Python notebook; its cells run without a kernel in between."""

    name: ClassVar[str] = "direct"

    def __init__(self) -> None:
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()
        self._renewals = -1

    def suits(self, kernel: str, language: str) -> bool:
        """Tell whether the notebook would have run in this very Python."""
        return language == "python" and sys.platform.startswith("linux") and _is_own_kernel(kernel)

    async def open(self) -> None:
        """Start the fork server, so that the first job need not wait for it.

        Raises:
            ExecutionError: It cannot be started.
        """
        await self._current()

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Fork the run.

        Raises:
            ExecutionError: The system lets no further process be started.
        """
        return await piped.start(run, observe, self._fork)

    async def close(self) -> None:
        """End the fork server."""
        if self._zygote is not None:
            zygote, self._zygote = self._zygote, None
            await zygote.close()

    def facts(self) -> Mapping[str, Any]:
        """Return what ``/health`` tells."""
        return {"name": self.name, "isolation": "none", "renewals": max(self._renewals, 0)}

    async def _fork(self, run: Run, pipes: Pipes) -> "_Forked":
        zygote = await self._current()
        try:
            return await zygote.fork(run, pipes)
        except ConnectionError:
            # It died between two runs, and nothing of this one has begun.
            return await (await self._current()).fork(run, pipes)

    async def _current(self) -> "_Zygote":
        """Return a fork server that lives and has what is installed now; runs of a former one go on."""
        async with self._starting:
            now = await asyncio.to_thread(generation.signature)
            zygote = self._zygote
            if zygote is None or zygote.ended or zygote.forks >= MAX_RUNS or zygote.generation != now:
                if zygote is not None:
                    log.info("fork server is renewed ended=%s forks=%d", zygote.ended, zygote.forks)
                    zygote.retire()
                self._zygote = zygote = await _Zygote.start(now)
                self._renewals += 1
            return zygote


@dataclass(slots=True)
class _Forked:
    """The process at the root of a forked run."""

    pid: int
    exit: "asyncio.Future[int]"

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return os.waitstatus_to_exitcode(await self.exit)


@dataclass(slots=True)
class _Pending:
    """A run the fork server was asked for."""

    started: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    exit: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class _Zygote:
    """One generation of the fork server."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket, signature: str) -> None:
        self.generation = signature
        self.forks = 0
        self._process = process
        self._control = control
        self._numbers = itertools.count()
        self._pending: dict[int, _Pending] = {}
        self._retired = False

    @classmethod
    async def start(cls, signature: str) -> "_Zygote":
        """Start it and wait until it has imported everything.

        Raises:
            ExecutionError: It cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "nbprocessor.execution.zygote",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_TIMEOUT):
                ready = await asyncio.get_running_loop().sock_recv(ours, MAX_MESSAGE)
        except TimeoutError:
            ready = b""
        except asyncio.CancelledError:
            process.kill()
            ours.close()
            await process.wait()
            raise
        if not ready:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            ours.close()
            code = await process.wait()
            raise ExecutionError(f"the fork server did not start (exit code {code}); the log says why")
        zygote = cls(process, ours, signature)
        asyncio.get_running_loop().add_reader(ours, zygote._read)
        return zygote

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None or self._control.fileno() < 0

    async def fork(self, run: Run, pipes: Pipes) -> _Forked:
        """Fork one run.

        Raises:
            ConnectionError: It is gone; nothing was started.
            OSError: The system lets no further process be started.
        """
        number, pending = next(self._numbers), _Pending()
        self._pending[number] = pending
        self.forks += 1
        request = json.dumps({"run": number, "folder": str(run.folder)}).encode()
        try:
            socket.send_fds(self._control, [request], [pipes.orders_out, pipes.reports_in, pipes.log_in])
        except OSError as error:
            del self._pending[number]
            raise ConnectionError(str(error)) from error
        return _Forked(await pending.started, pending.exit)

    def retire(self) -> None:
        """Let it go once its last run has ended."""
        self._retired = True
        self._end_if_idle()

    async def close(self) -> None:
        """End it now."""
        self._disconnect()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _read(self) -> None:
        """Take what the fork server tells."""
        try:
            message = self._control.recv(MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._disconnect()
            return
        told = json.loads(message)
        pending = self._pending[told["run"]]
        if "pid" in told:
            pending.started.set_result(told["pid"])
            return
        del self._pending[told["run"]]
        if "error" in told:
            pending.started.set_exception(OSError(0, told["error"]))
        else:
            pending.exit.set_result(told["exit"])
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._retired and not self._pending:
            self._disconnect()

    def _disconnect(self) -> None:
        """Close the connection, which ends the fork server; what still waits for it learns that it is gone."""
        if self._control.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        for pending in self._pending.values():
            if not pending.started.done():
                pending.started.set_exception(ConnectionError("the fork server is gone"))
            elif not pending.exit.done():
                # The run goes on without it; only how its root ends nobody can tell any more.
                _when_gone(pending.started.result(), pending.exit)
        self._pending.clear()


def _when_gone(pid: int, exit: "asyncio.Future[int]") -> None:
    """Give a process that is nobody's child the exit status of one that was killed, once it is gone."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        exit.set_result(signal.SIGKILL)
        return

    def gone() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if not exit.done():
            exit.set_result(signal.SIGKILL)

    loop.add_reader(descriptor, gone)


def _environment() -> dict[str, str]:
    """Return the fork server's environment: what every run may see, nothing of the server's own."""
    # More threads cannot be forked; a run that wants them asks threadpoolctl.
    single = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return {**passed(os.environ), **single}


def _is_own_kernel(name: str) -> bool:
    """Tell whether a kernel's name means this Python; another environment's kernel has packages of its own."""
    try:
        command = KernelSpecManager().get_kernel_spec(name).argv[0]
    except NoSuchKernel:
        return False
    found = shutil.which(command)
    return command in {"python", "python3"} or (found is not None and Path(found).samefile(sys.executable))
