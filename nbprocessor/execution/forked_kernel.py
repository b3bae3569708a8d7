"""ipykernel's kernel in a fork of the fork server, where the Jupyter protocol is wanted."""

import asyncio
import builtins
import sys
from collections.abc import Callable
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support


def serve(connection_file: str, own_input: Callable[..., Any]) -> None:
    """Be a kernel until it is told to end; called in a fork that is settled in its job.

    Args:
        connection_file: Says where it is to be spoken to.
        own_input: Python's ``input``, which the fork had replaced.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    builtins.input = own_input
    InteractiveShell.clear_instance()
    app = IPKernelApp.instance(connection_file=connection_file, quiet=True)
    app.initialize(["--HistoryManager.enabled=False", "--log-level=CRITICAL"])
    if "matplotlib.pyplot" in sys.modules:
        # What it does once, when it is imported, it has done for the shell there was; a change of backend is done anew.
        for backend in ("agg", "inline"):
            configure_inline_support(app.shell, backend)  # type: ignore[no-untyped-call]  # it has no annotations
    app.start()
    app.close()
