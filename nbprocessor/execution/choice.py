"""Which executor runs a job: its front matter's wish, else the setting, else the best there is."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbprocessor.errors import ExecutionError
from nbprocessor.execution.executor import Executor
from nbprocessor.execution.fork_executor import ForkExecutor
from nbprocessor.execution.subprocess_executor import SubprocessExecutor

log = logging.getLogger(__name__)

AUTO = "auto"
EXECUTORS: Mapping[str, type[Executor]] = {cls.name: cls for cls in (ForkExecutor, SubprocessExecutor)}
"""By name; the best comes first, and the last can run everything."""


class Executors:
    """The executors of one worker, opened when first needed and closed together."""

    def __init__(self, setting: str = AUTO, known: Mapping[str, type[Executor]] = EXECUTORS) -> None:
        self._setting = setting
        self._known = known
        self._open: dict[str, Executor] = {}
        self._unknown: set[str] = set()
        self._broken: dict[str, str] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}

    async def warm(self) -> None:
        """Open the executor that most jobs will have, before the first of them comes."""
        await self._opened(next(self._names("")))

    async def choose(self, wish: str, kernel: str, language: str) -> Executor:
        """Return the executor for a job.

        Args:
            wish: What the notebook's front matter asks for; empty: nothing. An executor that is not known here is
                passed over, with one warning: the notebook may come from a server that has it.
            kernel: Name of the kernel the notebook asks for.
            language: Programming language of its cells.

        Raises:
            ExecutionError: None can be opened.
        """
        for name in self._names(wish):
            executor = await self._opened(name)
            if executor is not None and executor.suits(kernel, language):
                return executor
        raise ExecutionError(f"the server has no way to run the notebook: {'; '.join(self._broken.values())}")

    async def close(self) -> None:
        """Close what was opened, and what is being opened."""
        for opening in self._opening.values():
            opening.cancel()
        if self._opening:
            await asyncio.wait(self._opening.values())
        self._opening.clear()
        while self._open:
            _, executor = self._open.popitem()
            await executor.close()

    def facts(self) -> Sequence[Mapping[str, Any]]:
        """Return what ``/health`` tells about the executors in use, and why one is not."""
        broken = [{"name": name, "broken": reason} for name, reason in self._broken.items()]
        return [*(executor.facts() for executor in self._open.values()), *broken]

    async def _opened(self, name: str) -> Executor | None:
        """Return an executor ready for runs; None when it cannot be had on this machine, which is found out once."""
        if name not in self._open and name not in self._broken:
            if name not in self._opening:
                self._opening[name] = asyncio.create_task(self._try_to_open(name), name=f"opening {name}")
            # A job that is dismissed meanwhile does not wait for it; the others still do.
            await asyncio.shield(self._opening[name])
        return self._open.get(name)

    async def _try_to_open(self, name: str) -> None:
        executor = self._known[name]()
        try:
            await executor.open()
        except (ExecutionError, OSError) as error:
            log.warning("executor cannot be used here executor=%s reason=%s", name, error)
            self._broken[name] = str(error)
        else:
            self._open[name] = executor
        self._opening.pop(name, None)

    def _names(self, wish: str) -> Iterator[str]:
        """Yield names of executors in the order in which they are tried."""
        for name in (wish, self._setting):
            if name in self._known:
                yield name
            elif name not in {"", AUTO} and name not in self._unknown:
                self._unknown.add(name)
                log.warning("executor not known here executor=%s known=%s", name, ",".join(self._known))
        yield from self._known
