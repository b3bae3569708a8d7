"""Contract of executors: how the notebook of one job is run in a process tree of its own.

Three parts, as in jupyter_client's ``provisioning``: this contract, the default (:mod:`.subprocess_executor`) and
the choice (:mod:`.choice`). An executor knows nothing of stores, statuses and clients; the worker knows nothing of
processes and kernels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from nbprocessor import contract
from nbprocessor.errors import ExecutionError
from nbprocessor.execution.sandbox.isolation import Isolation
from nbprocessor.execution.sandbox.view import View
from nbprocessor.model.process import Limits


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be run: everything an executor needs to know of a job."""

    job_id: UUID
    folder: Path
    """The job's folder; has ``notebook.ipynb``, ``work`` and ``outputs``."""
    scratch: Path
    """Temporary folder of the run (:mod:`.scratch`), gone after it."""
    kernel: str
    language: str
    """Programming language of the cells."""
    parameters: Mapping[str, Any]
    """Values to inject, by name: what JSON has, dates and datetimes; names are identifiers."""
    environment: Mapping[str, str]
    """The whole environment of the process tree."""
    limits: Limits = Limits()
    """What it may use, with the server's settings filled in (:func:`.limits.settled`); None: no limit."""
    process_limits: Limits = Limits()
    """What each of its processes is bound to by itself: the rest is kept by its control group (:mod:`.cgroups`)."""
    start_timeout: float = 60.0
    """Seconds the kernel may take to start."""
    protocol: bool = False
    """The cells are to run in a kernel, spoken to by the Jupyter protocol, also where they need none."""
    sealed: bool = False
    """It runs in a room of its own."""

    @property
    def view(self) -> View:
        """What its notebook sees where it is sealed; whoever runs that sees more."""
        return View(self.folder, (contract.FOLDER_WORK, contract.FOLDER_OUTPUTS, contract.FOLDER_WRITES), self.scratch)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    cell: int
    """Number of the code cell that runs, from 1."""
    of: int
    """Code cells of the notebook."""
    cell_id: str
    heading: str = ""
    """The nearest heading above the cell."""
    fraction: float = 0.0
    """Done part of the cell, 0 to 1, as the notebook tells it."""
    text: str = ""
    """What the notebook says it is doing."""

    @property
    def percent(self) -> int:
        """Done part of the run in percent; 100 is left to the end."""
        return min(99, int(100 * (self.cell - 1 + self.fraction) / max(self.of, 1)))

    @property
    def message(self) -> str:
        """One line for people."""
        return " · ".join(part for part in (self.heading or f"{self.cell}/{self.of}", self.text) if part)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; whether it was interrupted is known to the one who asked for it."""

    error: ExecutionError | None = None
    """Why it failed; None: every cell ran."""


Observe = Callable[[Progress], None]
"""Is told about progress, in the event loop; must return at once."""


class RunningJob(ABC):
    """A run under way; made by :meth:`Executor.start`."""

    @abstractmethod
    def interrupt(self) -> None:
        """Ask the run to end: the cell is interrupted, no further cell starts, the notebook so far is saved.

        Called by the worker when the job is dismissed, its time is over or the server stops. Returns at once.
        """

    @abstractmethod
    async def kill(self) -> None:
        """End every process of the run, whatever it does; when this returns none is left.

        Called by the worker when the run did not end within the grace that follows :meth:`interrupt`, and when
        the worker itself is cancelled. May be called at any time, also after the run ended.
        """

    @abstractmethod
    async def wait(self) -> Outcome:
        """Return how the run ended, once no process of it is left and its files are complete.

        Called by the worker exactly once for every run. Never raises for anything a notebook does.
        """


class Executor(ABC):
    """Starts runs; one object serves all jobs of a worker at the same time."""

    name: ClassVar[str]
    """What settings and front matter call it; recorded in the manifest."""

    def __init__(self, isolation: Isolation) -> None:
        """Take what its runs are to be sealed with; nothing is started yet."""
        self.isolation = isolation

    @classmethod
    def suits(cls, kernel: str, language: str) -> bool:  # noqa: ARG003  # an executor that can do it all is complete
        """Tell whether this executor can run a notebook; asked by the choice, for each job.

        Args:
            kernel: Name of the kernel the notebook asks for.
            language: Programming language of its cells.
        """
        return True

    @abstractmethod
    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Start ``run`` and return at once; called by the worker once a claimed job's inputs are there.

        Raises:
            ExecutionError: The run cannot be started.
        """

    async def open(self) -> None:  # noqa: B027  # an executor without anything to prepare is complete
        """Get ready; called by the choice once, before the first run.

        Raises:
            ExecutionError: It cannot be had on this machine, or not sealed.
        """

    async def close(self) -> None:  # noqa: B027  # likewise
        """Let go of whatever is shared between runs; called by the worker once, after the last run ended."""

    def inside(self, run: Run) -> Run:
        """Return a run as its processes are to have it; called by the executors themselves."""
        environment = self.isolation.inside(run.environment, run.scratch)
        return replace(run, environment=environment, sealed=self.isolation.seals)

    def facts(self) -> Mapping[str, Any]:
        """Return what ``/health`` tells about this executor."""
        return {"name": self.name, "isolation": self.isolation.name, "controlGroups": self.isolation.groups.facts()}
