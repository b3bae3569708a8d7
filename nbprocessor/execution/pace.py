"""How long cells took in earlier runs: what makes the progress of a run go as its time does."""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from statistics import fmean, median
from typing import Any

from nbprocessor import contract
from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution.executor import Progress
from nbprocessor.model.job import JobFilter, JobStatus
from nbprocessor.model.process import Process
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

EARLIER = 5
"""Runs of a cell that are thought of."""
LOOKED_INTO = 3
"""Jobs of before this worker that are looked into, once for each process."""
LARGEST = 5_000_000
"""Bytes of an executed notebook that is looked into; reading a larger one takes longer than it is worth."""
PLANS = 500
"""Notebooks whose cells are remembered."""
LONGEST = 1e7
"""Seconds of a cell that can be true."""
LEAST = 0.001
"""Seconds a cell counts for at least; also a notebook whose cells take no time gets on."""
OVERDUE = 0.2
"""Part of its time by which a cell may be late before no estimate is given any more."""
TICK = 1.0
"""Seconds after which a running job is looked at, whether its progress by time is to be noted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The code cells of a notebook, as they will run."""

    seconds: Sequence[float]
    """What each is thought to take, or any numbers in proportion to it."""
    injected: int
    """Where papermill puts the cell with the inputs, if there are any."""
    known: Sequence[bool] = ()
    """Whether each ran before, so that its seconds are seconds; empty: none did."""

    def cells(self, of: int) -> Sequence[float]:
        """Return the seconds of a run of ``of`` cells; evenly where the cells are others than thought."""
        if of == len(self.seconds):
            return self.seconds
        if of == len(self.seconds) + 1:
            return [*self.seconds[: self.injected], LEAST, *self.seconds[self.injected :]]
        return [1.0] * of

    def ran(self, of: int) -> Sequence[bool]:
        """Return which of ``of`` cells ran before; none where the cells are others than thought."""
        if self.known and of == len(self.known):
            return self.known
        if self.known and of == len(self.known) + 1:
            return [*self.known[: self.injected], True, *self.known[self.injected :]]
        return [False] * of


@dataclass(frozen=True, slots=True)
class Reading:
    """What a gauge shows."""

    percent: int
    seconds_left: float | None
    """None: there is no ground for an estimate."""


class Gauge:
    """Tells how far one run is, and how long it will still take; its percentage never falls.

    Args:
        plan: What its cells are thought to take.
        clock: Returns seconds.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._clock = clock
        self._furthest = 0
        self._last = Progress(0, 1, "")
        self._begun = self._told = clock()
        """When the cell began, and when it last told of itself."""

    def observe(self, progress: Progress) -> None:
        """Take what the run tells of itself."""
        now = self._clock()
        if progress.cell != self._last.cell:
            self._begun = now
        if progress.cell != self._last.cell or progress.fraction != self._last.fraction:
            self._told = now
        self._last = progress

    def reading(self) -> Reading:
        """Return the done part of the run and its rest; 100 is left to the end.

        A cell that says nothing moves by the time it took in earlier runs, never beyond its own share.
        """
        here, of = max(self._last.cell - 1, 0), max(self._last.of, 1)
        seconds, ran = self._plan.cells(of), self._plan.ran(of)
        fraction = self._last.fraction
        if not fraction and ran[here]:
            fraction = min(1.0, (self._clock() - self._begun) / seconds[here])
        percent = int(100 * (sum(seconds[:here]) + seconds[here] * fraction) / sum(seconds) + 1e-9)
        self._furthest = max(self._furthest, min(99, percent))
        left = self._cell_left(seconds[here], ran=ran[here])
        if left is None or not all(ran[here + 1 :]):
            return Reading(self._furthest, None)
        return Reading(self._furthest, left + sum(seconds[here + 1 :]))

    def _cell_left(self, seconds: float, *, ran: bool) -> float | None:
        """Return the seconds the present cell still takes; None when nothing tells, or no longer.

        Args:
            seconds: What it is thought to take.
            ran: It is thought so because it ran before.
        """
        took, told = self._told - self._begun, self._last.fraction
        if told and took >= TICK:
            # What it told in its first moment says nothing of its pace.
            seconds = took / told
        elif not ran:
            return None
        left = seconds - (self._clock() - self._begun)
        return max(0.0, left) if -max(TICK, seconds * OVERDUE) < left <= LONGEST else None


class Paces:
    """Knows how long the cells of processes took; may be used by several threads at once."""

    def __init__(self, store: JobStore, results: ResultStore) -> None:
        self._store = store
        self._results = results
        self._seconds: dict[str, Mapping[str, deque[float]]] = {}
        """By process and cell; replaced, never changed."""
        self._sources: dict[str, tuple[Sequence[str], int]] = {}

    def plan(self, process: Process, notebook: bytes) -> Plan:
        """Return what the cells of a process are thought to take; new ones take the mean of the others."""
        if process.id not in self._seconds:
            self._look_back(process.id)
        if process.sha256 not in self._sources:
            if len(self._sources) >= PLANS:
                self._sources.clear()
            self._sources[process.sha256] = _sources(json.loads(notebook))
        cells, injected = self._sources[process.sha256]
        known = self._seconds.get(process.id, {})
        taken = [max(LEAST, median(known[cell])) if cell in known else None for cell in cells]
        mean = fmean(seconds) if (seconds := [one for one in taken if one is not None]) else 1.0
        return Plan([mean if one is None else one for one in taken], injected, [one is not None for one in taken])

    def learn(self, process_id: str, notebook: Mapping[str, Any]) -> None:
        """Remember what the cells of a successful run took; cells the notebook no longer has are forgotten.

        The notebook is read as foreign: one that is malformed teaches nothing.
        """
        before = self._seconds.get(process_id, {})
        found = {}
        with suppress(KeyError, TypeError, AttributeError, RecursionError):
            for known, cell in _named(notebook):
                seconds = cell["metadata"]["papermill"]["duration"]
                if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST:
                    found[known] = deque([*before.get(known, ()), float(seconds)], maxlen=EARLIER)
            self._seconds[process_id] = found

    def _look_back(self, process_id: str) -> None:
        """Learn from the newest jobs of the process; what cannot be read teaches nothing."""
        self._seconds[process_id] = {}
        wanted = JobFilter(process_ids=[process_id], statuses=[JobStatus.SUCCESSFUL])
        try:
            jobs = self._store.list(wanted, limit=LOOKED_INTO)
        except StoreUnavailable:
            return
        for job in reversed(jobs):
            path = self._results.folder(job.id) / contract.FILE_EXECUTED
            try:
                if path.stat().st_size <= LARGEST:
                    self.learn(process_id, json.loads(path.read_bytes()))
            except (OSError, ValueError, RecursionError):
                continue


def _sources(notebook: Mapping[str, Any]) -> tuple[Sequence[str], int]:
    """Return the names of the code cells, and the place of the cell with the inputs."""
    cells = list(_named(notebook))
    tagged = (number for number, (_, cell) in enumerate(cells, 1) if "parameters" in cell["metadata"].get("tags", ()))
    return [name for name, _ in cells], next(tagged, 0)


def _named(notebook: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the code cells with what they are known by: their code, and which of those with this code they are."""
    met: Counter[str] = Counter()
    for cell in _code(notebook):
        digest = sha256(_source(cell).encode(errors="surrogatepass")).hexdigest()
        met[digest] += 1
        yield f"{digest} {met[digest]}", cell


def _code(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the cells that are counted: code that is not empty."""
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code" and _source(cell).strip())


def _source(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)
