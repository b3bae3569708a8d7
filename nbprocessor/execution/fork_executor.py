"""Executors ``direct`` and ``fork``: Python notebooks in forks of a process with the imports done (:mod:`.zygote`)."""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager, NoSuchKernel

from nbprocessor.errors import ExecutionError
from nbprocessor.execution import generation, messages, piped, scratch
from nbprocessor.execution.environment import passed
from nbprocessor.execution.executor import Executor, Observe, Run, RunningJob
from nbprocessor.execution.limits import Met
from nbprocessor.execution.piped import Pipes
from nbprocessor.execution.sandbox.isolation import Isolation
from nbprocessor.execution.slots import Slot
from nbprocessor.model.process import Limits

log = logging.getLogger(__name__)

START_TIMEOUT = 120.0
"""Seconds the fork server may take to import everything."""
OFTEN = 1.0
"""Seconds between two looks at what is installed."""
MAX_RUNS = 500
"""Runs after which a slot is renewed, however well it does."""


class ForkExecutor(Executor):
    """Forks the processes of a Python notebook's run; its cells run without a kernel in between."""

    name: ClassVar[str] = "direct"
    kernels: ClassVar[bool] = False
    """Whether the cells run in a kernel all the same."""

    def __init__(self, isolation: Isolation) -> None:
        super().__init__(isolation)
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()
        self._looked = 0.0
        self._renewals = -1

    @classmethod
    def suits(cls, kernel: str, language: str) -> bool:
        """Tell whether the notebook would have run in this very Python."""
        return language == "python" and sys.platform.startswith("linux") and _is_own_kernel(kernel)

    async def open(self) -> None:
        """Start the fork server and a first slot, so that the first job need not wait for them.

        Raises:
            ExecutionError: They cannot be started.
        """
        zygote = await self._current()
        await asyncio.to_thread(_is_own_kernel, NATIVE_KERNEL_NAME)  # which imports much when it is asked first
        try:
            zygote.give_back(await zygote.slot())
        except OSError as error:
            await self.close()
            raise ExecutionError(f"no run can be forked: {error.strerror or error}") from error

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Fork the run.

        Raises:
            ExecutionError: The system lets no further process be started.
        """
        run = replace(self.inside(run), protocol=self.kernels)
        return await piped.start(run, observe, self._begin)

    async def close(self) -> None:
        """End the fork server."""
        if self._zygote is not None:
            zygote, self._zygote = self._zygote, None
            await zygote.close()

    def facts(self) -> Mapping[str, Any]:
        """Return what ``/health`` tells."""
        return {**super().facts(), "renewals": max(self._renewals, 0)}

    async def _begin(self, run: Run, pipes: Pipes) -> "_Begun":
        while True:
            zygote = await self._current()
            try:
                slot = await zygote.slot()
            except ConnectionError:
                continue  # it died between two runs, and nothing of this one has begun
            try:
                process_limits = slot.group.bind(run.limits)
                slot.run(pipes)
            except ConnectionError:
                zygote.drop(slot)  # likewise the slot
                continue
            except OSError:
                zygote.drop(slot)
                raise
            return _Begun(zygote, slot, process_limits)

    async def _current(self) -> "_Zygote":
        """Return a fork server that lives and has what is installed now; runs of a former one go on."""
        async with self._starting:
            zygote = self._zygote
            if zygote is not None and not zygote.ended and time.monotonic() - self._looked < OFTEN:
                return zygote
            now = await asyncio.to_thread(generation.signature)
            self._looked = time.monotonic()
            if zygote is None or zygote.ended or zygote.generation != now:
                _is_own_kernel.cache_clear()  # what was installed may be a kernel
                if zygote is not None:
                    log.info("fork server is renewed ended=%s", zygote.ended)
                    zygote.retire()
                self._zygote = zygote = await _Zygote.start(now, self.isolation, kernels=self.kernels)
                self._renewals += 1
            return zygote


class KernelForkExecutor(ForkExecutor):
    """Forks the kernel of a Python notebook's run (:mod:`.provisioner`): for widgets, and whatever else needs one."""

    name: ClassVar[str] = "fork"
    kernels: ClassVar[bool] = True


class _Begun:
    """A run in a slot."""

    def __init__(self, zygote: "_Zygote", slot: Slot, process_limits: Limits) -> None:
        self._zygote = zygote
        self._slot = slot
        self.process_limits = process_limits
        self._met: Met | None = None

    async def wait(self) -> int:
        """Wait for its end and return its exit code; the slot is free then, or gone."""
        try:
            return await self._slot.wait()
        finally:
            self._met = self._slot.group.met()
            self._zygote.give_back(self._slot)

    async def kill(self) -> None:
        """End the slot, and with it the run."""
        await self._slot.kill()

    def met(self) -> Met:
        """Return what the slot's control group has counted in this run."""
        return self._met or self._slot.group.met()


class _Zygote:
    """One generation of the fork server."""

    def __init__(
        self, process: asyncio.subprocess.Process, control: socket.socket, signature: str, isolation: Isolation
    ) -> None:
        self.generation = signature
        self._process = process
        self._control = control
        self._hidden = [str(isolation.results), str(scratch.home())] if isolation.seals else None
        self._groups = isolation.groups
        self._removing: set[asyncio.Future[None]] = set()
        self._slots: dict[int, Slot] = {}
        self._idle: list[Slot] = []
        self._making: dict[int, asyncio.Future[tuple[int, int]]] = {}
        self._retired = False

    @classmethod
    async def start(cls, signature: str, isolation: Isolation, *, kernels: bool) -> "_Zygote":
        """Start it and wait until it has imported everything.

        Raises:
            ExecutionError: It cannot be started.
        """
        environment = _environment(isolation)
        room = isolation.around_fork_server(environment)
        ours, theirs = messages.pair()
        ours.setblocking(False)
        process, ready = None, b""
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *room,
                    sys.executable,
                    "-P",
                    "-m",
                    "nbprocessor.execution.zygote",
                    str(theirs.fileno()),
                    *(("kernels",) if kernels else ()),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=environment,
                    start_new_session=True,
                )
            async with asyncio.timeout(START_TIMEOUT):
                ready = await asyncio.get_running_loop().sock_recv(ours, messages.MAX_MESSAGE)
        except TimeoutError:
            pass
        except OSError as error:
            raise ExecutionError(f"the fork server could not be started: {error}") from error
        finally:
            if not ready:
                ours.close()
                if process is not None:
                    await _ended(process)
        if process is None or not ready:
            code = process.returncode if process else None
            raise ExecutionError(f"the fork server did not start (exit code {code}); the log says why")
        zygote = cls(process, ours, signature, isolation)
        asyncio.get_running_loop().add_reader(ours, zygote._read)
        return zygote

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None or self._control.fileno() < 0

    async def slot(self) -> Slot:
        """Return a slot that has nothing to do; it has to be given back.

        Raises:
            ConnectionError: The fork server is gone.
            OSError: The system lets no further process be started, or not be sealed.
        """
        while self._idle:
            slot = self._idle.pop()
            if slot.usable:
                return slot
            self.drop(slot)
        return await self._make()

    def give_back(self, slot: Slot) -> None:
        """Take a slot back whose run has ended."""
        if slot.usable and slot.runs < MAX_RUNS and not self._retired:
            self._idle.append(slot)
        else:
            self.drop(slot)
            self._end_if_idle()

    def drop(self, slot: Slot) -> None:
        """Let go of a slot; its processes end, with whatever is left in its control group."""
        self._slots.pop(slot.number, None)
        removing = slot.close()
        self._removing.add(removing)
        removing.add_done_callback(self._removing.discard)

    def retire(self) -> None:
        """Let it go once its last run has ended."""
        self._retired = True
        while self._idle:
            self.drop(self._idle.pop())
        self._end_if_idle()

    async def close(self) -> None:
        """End it now."""
        for slot in list(self._slots.values()):
            self.drop(slot)
        self._disconnect()
        await asyncio.gather(*self._removing)
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _make(self) -> Slot:
        slot = Slot()
        made = asyncio.get_running_loop().create_future()
        self._making[slot.number] = made
        request = {"slot": slot.number, "hidden": self._hidden}
        try:
            try:
                messages.send(self._control, request, [slot.its_control.fileno(), slot.its_alive])
            finally:
                slot.close_theirs()
            self._slots[slot.number] = slot
            runner, keeper = await made
            return slot.opened(
                runner, keeper, self._groups.make(f"slot-{slot.number}"), sealed=self._hidden is not None
            )
        except BaseException:
            self.drop(slot)
            raise
        finally:
            self._making.pop(slot.number, None)

    def _read(self) -> None:
        """Take what the fork server tells."""
        try:
            told, _ = messages.receive(self._control)
        except BlockingIOError:
            return
        if told is None:
            self._disconnect()
            return
        number = told["slot"]
        if "exit" in told:
            self._lost(number, told["exit"])
        elif (made := self._making.get(number)) is not None and not made.done():
            if "pid" in told:
                made.set_result((told["pid"], told["keeper"]))
            else:
                made.set_exception(OSError(0, told["error"]))

    def _lost(self, number: int, status: int) -> None:
        """Take note of how a runner ended: without it a slot is of no use; one with a run is dropped at its end."""
        slot = self._slots.get(number)
        if slot is not None:
            slot.ended(status)
            if slot in self._idle:
                self._idle.remove(slot)
                self.drop(slot)

    def _end_if_idle(self) -> None:
        if self._retired and not self._slots:
            self._disconnect()

    def _disconnect(self) -> None:
        """Close the connection, which ends the fork server; what still waits for it learns that it is gone."""
        if self._control.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        for made in self._making.values():
            if not made.done():
                made.set_exception(ConnectionError("the fork server is gone"))
        for slot in self._slots.values():
            # Its run goes on; only how its runner ends nobody can tell any more.
            slot.watch()


async def _ended(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _environment(isolation: Isolation) -> dict[str, str]:
    """Return the fork server's environment: what every run may see, nothing of the server's own."""
    # More threads cannot be forked; a run that wants them asks threadpoolctl.
    single = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return {**passed(os.environ), **isolation.environment(), **single}


@lru_cache(maxsize=64)
def _is_own_kernel(name: str) -> bool:
    """Tell whether a kernel's name means this Python; another environment's kernel has packages of its own."""
    try:
        command = KernelSpecManager().get_kernel_spec(name).argv[0]
    except NoSuchKernel:
        return False
    found = shutil.which(command)
    return command in {"python", "python3"} or (found is not None and Path(found).samefile(sys.executable))
