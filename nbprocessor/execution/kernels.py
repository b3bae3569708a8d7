"""The managers of kernels that are started for a run."""

from pathlib import Path

from jupyter_client.manager import AsyncKernelManager

from nbprocessor.execution.sandbox import admission
from nbprocessor.execution.sandbox.view import View

MAX_SOCKET_PATH = 90
"""Bytes of path a unix socket may have (108), less what jupyter_client appends."""


def manager(kernel_name: str, folder: Path, view: View | None) -> AsyncKernelManager:
    """Return a manager whose kernel talks over unix sockets in ``folder``.

    On loopback TCP any user of the machine could listen, and two kernels started at once may pick one port.

    Args:
        kernel_name: Name of an installed kernel.
        folder: An empty one.
        view: What the kernel is to see; None: whatever this process does.
    """
    prefix = folder / "k"
    short = len(str(prefix).encode()) <= MAX_SOCKET_PATH
    how = {"transport": "ipc", "ip": str(prefix)} if short else {}
    if view is None:
        return AsyncKernelManager(kernel_name=kernel_name, **how)
    return _SealedManager(view, kernel_name=kernel_name, **how)


class _SealedManager(AsyncKernelManager):  # type: ignore[misc]  # jupyter_client is not typed as installed
    """A manager whose kernel enters a view first."""

    def __init__(self, view: View, **options: str) -> None:
        super().__init__(**options)
        self._view = view

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        return [*admission.command(self._view), *super().format_kernel_cmd(extra_arguments)]
