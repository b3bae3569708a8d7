"""Which executor runs a job, and what seals it: the front matter's wish, else the setting, else the best there is."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nbprocessor.errors import ExecutionError
from nbprocessor.execution import selftest
from nbprocessor.execution.executor import Executor
from nbprocessor.execution.fork_executor import ForkExecutor, KernelForkExecutor
from nbprocessor.execution.sandbox.isolation import Isolation, NoIsolation
from nbprocessor.execution.subprocess_executor import SubprocessExecutor

log = logging.getLogger(__name__)

AUTO = "auto"
EXECUTORS: Mapping[str, type[Executor]] = {
    cls.name: cls for cls in (ForkExecutor, KernelForkExecutor, SubprocessExecutor)
}
"""By name; the best comes first, and the last can run everything."""
AGAIN = 60.0
"""Seconds after which what could not be opened is tried again."""


class _Way(NamedTuple):
    """An executor and what seals its runs, by name."""

    executor: str
    isolation: str


class Executors:
    """The executors of one worker, opened when first needed and closed together."""

    def __init__(
        self,
        setting: str = AUTO,
        known: Mapping[str, type[Executor]] = EXECUTORS,
        isolations: Sequence[Isolation] = (NoIsolation(),),
    ) -> None:
        """Take what there is to choose from.

        Args:
            setting: Name of the executor that most jobs are to have, or ``auto``.
            known: The executors by name, the best first.
            isolations: What may seal runs, the strongest first; the first that holds is taken.
        """
        self._setting = setting
        self._known = known
        self._isolations = {isolation.name: isolation for isolation in isolations}
        self._open: dict[_Way, Executor] = {}
        self._unknown: set[str] = set()
        self._broken: dict[_Way, tuple[str, float]] = {}
        self._opening: dict[_Way, asyncio.Task[None]] = {}

    async def warm(self) -> None:
        """Open the executor that most jobs will have, before the first of them comes."""
        for way in self._ways(""):
            if await self._opened(way) is not None:
                return

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
        for way in self._ways(wish):
            # Asked before it is opened, which may take seconds; in a thread, as what is asked first may take long, too.
            suits = self._known[way.executor].suits
            suited = suits(kernel, language) if way in self._open else await asyncio.to_thread(suits, kernel, language)
            if suited and (executor := await self._opened(way)) is not None:
                return executor
        reasons = "; ".join(reason for reason, _ in self._broken.values())
        raise ExecutionError(f"the server has no way to run the notebook: {reasons}")

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
        broken = [{**way._asdict(), "broken": reason} for way, (reason, _) in self._broken.items()]
        for fact in broken:
            fact["name"] = fact.pop("executor")
        return [*(executor.facts() for executor in self._open.values()), *broken]

    async def _opened(self, way: _Way) -> Executor | None:
        """Return an executor ready for runs; None when it cannot be had on this machine, for now."""
        if way in self._broken and time.monotonic() - self._broken[way][1] > AGAIN:
            del self._broken[way]
        if way not in self._open and way not in self._broken:
            if way not in self._opening:
                self._opening[way] = asyncio.create_task(self._try_to_open(way), name=f"opening {way}")
            # A job that is dismissed meanwhile does not wait for it; the others still do.
            await asyncio.shield(self._opening[way])
        return self._open.get(way)

    async def _try_to_open(self, way: _Way) -> None:
        executor = self._known[way.executor](self._isolations[way.isolation])
        try:
            await executor.open()
            await self._try_to_break_out(executor)
        except (ExecutionError, OSError) as error:
            log.warning("executor cannot be used here executor=%s isolation=%s reason=%s", *way, error)
            self._broken[way] = (str(error), time.monotonic())
            await executor.close()
        except asyncio.CancelledError:
            await executor.close()
            raise
        else:
            self._open[way] = executor
            log.info("executor ready executor=%s isolation=%s", *way)
        finally:
            self._opening.pop(way, None)

    async def _try_to_break_out(self, executor: Executor) -> None:
        """Make sure that sealed runs are.

        Raises:
            ExecutionError: A run could do what it must not.
        """
        if not executor.isolation.seals:
            return
        found = await selftest.escapes(executor, executor.isolation.results)
        if found:
            raise ExecutionError(f"isolation {executor.isolation.name} does not hold: a run {', '.join(found)}")

    def _ways(self, wish: str) -> Iterator[_Way]:
        """Yield what is tried, in that order: a weaker isolation only when no executor can have the stronger one."""
        names = list(dict.fromkeys(self._names(wish)))
        for isolation in self._isolations:
            for name in names:
                yield _Way(name, isolation)

    def _names(self, wish: str) -> Iterator[str]:
        """Yield names of executors in the order in which they are tried."""
        for name in (wish, self._setting):
            if name in self._known:
                yield name
            elif name not in {"", AUTO} and name not in self._unknown:
                self._unknown.add(name)
                log.warning("executor not known here executor=%s known=%s", name, ",".join(self._known))
        yield from self._known
