"""Contract of isolation: how the processes of runs are kept from what is not theirs; and the one that does nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from nbprocessor.execution.cgroups import Groups


class Isolation(ABC):
    """A way to seal runs; one object serves all executors of a worker."""

    name: ClassVar[str]
    """What settings call it; shown in ``/health`` and recorded in the manifest."""
    seals: ClassVar[bool]
    """Whether it keeps anything from anybody; then each fork is shut off by itself, too (:func:`.namespaces.seal`)."""

    def __init__(self, results: Path, groups: Groups | None = None) -> None:
        """Take the folder of the job folders, and where control groups are made; None: nowhere."""
        self.results = results
        self.groups = groups or Groups({}, 0)

    @abstractmethod
    def around_fork_server(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Return what stands before the command of the fork server; called by its executor at each start.

        Args:
            environment: Of the fork server.

        Raises:
            ExecutionError: It cannot be had on this machine.
        """

    @abstractmethod
    def around_run(self, folder: Path, scratch: Path, environment: Mapping[str, str]) -> Sequence[str]:
        """Return what stands before the command that runs one job with a kernel; called for each such job.

        Args:
            folder: The job's.
            scratch: The run's temporary one.
            environment: Of the run.

        Raises:
            ExecutionError: It cannot be had on this machine.
        """

    def inside(self, environment: Mapping[str, str], scratch: Path) -> Mapping[str, str]:  # noqa: ARG002  # for others
        """Return the environment that a run has where it is sealed.

        Args:
            environment: Of the run, as it would be unsealed.
            scratch: The run's temporary folder.
        """
        return environment

    def environment(self) -> Mapping[str, str]:
        """Return variables that the fork server needs besides its own."""
        return {}


class NoIsolation(Isolation):
    """Isolation ``none``: a run may do whatever the server's user may."""

    name: ClassVar[str] = "none"
    seals: ClassVar[bool] = False

    def __init__(self, results: Path = Path(), groups: Groups | None = None) -> None:
        """Take what others need."""
        super().__init__(results, groups)

    def around_fork_server(self, environment: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002  # the contract's
        """Return nothing."""
        return ()

    def around_run(self, folder: Path, scratch: Path, environment: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002  # likewise
        """Return nothing."""
        return ()
