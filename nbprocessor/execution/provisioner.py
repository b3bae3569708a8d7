"""Kernel provisioner ``nbprocessor-fork``: a kernel that is forked, with the imports done, instead of started.

jupyter_client finds it by its entry point and asks it for everything it wants of the kernel's process; the connection
file, the channels and the protocol are jupyter_client's and ipykernel's own. For runs of executor ``fork``: elsewhere
nobody has a fork to give.
"""

import asyncio
import signal
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from nbprocessor.execution.cells import Cells
from nbprocessor.execution.executor import Run

NAME = "nbprocessor-fork"
FOLDER = "runtime"
"""The folder of a run's temporary one in which its kernel's sockets are: a sealed kernel sees no other."""


class ForkManager(AsyncKernelManager):  # type: ignore[misc]  # jupyter_client is not typed as installed
    """A manager whose kernel is a given fork."""

    def __init__(self, kernel_name: str, run: Run, cells: Cells) -> None:
        """Take the kernel's name, the run, and the fork."""
        folder = run.scratch / FOLDER
        file = str(folder / "kernel.json")
        super().__init__(kernel_name=kernel_name, transport="ipc", ip=str(folder / "k"), connection_file=file)
        self.run = run
        self.cells = cells

    @property
    def kernel_spec(self) -> KernelSpec:
        """Return the kernel's specification, with this provisioner in place of its own."""
        spec = super().kernel_spec
        spec.metadata = {**spec.metadata, "kernel_provisioner": {"provisioner_name": NAME, "config": {}}}
        return spec


class ForkProvisioner(LocalProvisioner):  # type: ignore[misc]  # likewise
    """Turns the fork of a :class:`ForkManager` into a kernel; called by jupyter_client."""

    _cells: Cells | None = None

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel."""
        return self._cells is not None

    async def poll(self) -> int | None:
        """Return how the kernel ended; None: it lives."""
        return 0 if self._cells is None else self._cells.status

    async def wait(self) -> int | None:
        """Wait until the kernel has ended, and return how."""
        while (status := await self.poll()) is None:
            await asyncio.sleep(0.01)  # as jupyter_client's own does; who calls it sets the time
        self._cells = None
        return status

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel."""
        if self._cells is not None:
            self._cells.signal(signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002  # the contract's
        """End the kernel at once."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:  # noqa: ARG002  # likewise
        """Ask the kernel to end."""
        await self.send_signal(signal.SIGTERM)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ARG002  # likewise
        """Make the fork a kernel; its command is not used, its environment is the run's.

        Raises:
            CannotSeal: It could not be shut off.
            CellsDied: It has ended.
        """
        manager = self.parent
        assert isinstance(manager, ForkManager)
        await manager.cells.open(manager.run, kernel=Path(manager.connection_file))
        self._cells = manager.cells
        return self.connection_info
