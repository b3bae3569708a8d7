"""Which executor runs a job: its front matter's wish, else the setting, else the best there is."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from nbprocessor.execution.executor import Executor
from nbprocessor.execution.subprocess_executor import SubprocessExecutor

log = logging.getLogger(__name__)

AUTO = "auto"
EXECUTORS: Mapping[str, type[Executor]] = {cls.name: cls for cls in (SubprocessExecutor,)}
"""By name; the best comes first."""


class Executors:
    """The executors of one worker, opened when first needed and closed together."""

    def __init__(self, setting: str = AUTO, known: Mapping[str, type[Executor]] = EXECUTORS) -> None:
        self._setting = setting
        self._known = known
        self._open: dict[str, Executor] = {}
        self._unknown: set[str] = set()

    async def choose(self, wish: str = "") -> Executor:
        """Return the executor for a job.

        Args:
            wish: What the notebook's front matter asks for; empty: nothing. An executor that is not known here is
                passed over, with one warning: the notebook may come from a server that has it.
        """
        name = self._name(wish)
        if name not in self._open:
            executor = self._known[name]()
            await executor.open()
            self._open[name] = executor
        return self._open[name]

    async def close(self) -> None:
        """Close what was opened."""
        while self._open:
            _, executor = self._open.popitem()
            await executor.close()

    def facts(self) -> Sequence[Mapping[str, Any]]:
        """Return what ``/health`` tells about the executors in use."""
        return [executor.facts() for executor in self._open.values()]

    def _name(self, wish: str) -> str:
        for name in (wish, self._setting):
            if name in self._known:
                return name
            if name not in {"", AUTO} and name not in self._unknown:
                self._unknown.add(name)
                log.warning("executor not known here executor=%s known=%s", name, ",".join(self._known))
        return next(iter(self._known))
