"""How long cells took in earlier runs: what makes the progress of a run go as its time does."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from statistics import fmean, median
from typing import Any

from nbprocessor import contract
from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution.executor import Progress
from nbprocessor.model import JobFilter, JobStatus, Process
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


@dataclass(frozen=True, slots=True)
class Plan:
    """The code cells of a notebook, as they will run."""

    seconds: Sequence[float]
    """What each is thought to take, or any numbers in proportion to it."""
    injected: int
    """Where papermill puts the cell with the inputs, if there are any."""

    def cells(self, of: int) -> Sequence[float]:
        """Return the seconds of a run of ``of`` cells; evenly where the cells are others than thought."""
        if of == len(self.seconds):
            return self.seconds
        if of == len(self.seconds) + 1:
            return [*self.seconds[: self.injected], LEAST, *self.seconds[self.injected :]]
        return [1.0] * of


class Gauge:
    """Tells how far one run is, in percent; never less than before."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._furthest = 0

    def percent(self, progress: Progress) -> int:
        """Return the done part of the run; 100 is left to the end."""
        seconds = self._plan.cells(max(progress.of, 1))
        here = progress.cell - 1
        done = sum(seconds[:here]) + seconds[here] * progress.fraction
        self._furthest = max(self._furthest, min(99, int(100 * done / sum(seconds) + 1e-9)))
        return self._furthest


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
        return Plan([mean if one is None else one for one in taken], injected)

    def learn(self, process_id: str, notebook: Mapping[str, Any]) -> None:
        """Remember what the cells of a successful run took; cells the notebook no longer has are forgotten.

        The notebook is read as foreign: one that is malformed teaches nothing.
        """
        before = self._seconds.get(process_id, {})
        found = {}
        with suppress(KeyError, TypeError, AttributeError, RecursionError):
            for cell in _code(notebook):
                seconds = cell["metadata"]["papermill"]["duration"]
                if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST:
                    known = _digest(cell)
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
    """Return the digests of the code cells, and the place of the cell with the inputs."""
    cells = list(_code(notebook))
    tagged = (number for number, cell in enumerate(cells, 1) if "parameters" in cell["metadata"].get("tags", ()))
    return [_digest(cell) for cell in cells], next(tagged, 0)


def _code(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the cells that are counted: code that is not empty."""
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code" and _source(cell).strip())


def _source(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _digest(cell: Mapping[str, Any]) -> str:
    return sha256(_source(cell).encode(errors="surrogatepass")).hexdigest()
