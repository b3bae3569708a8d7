"""Several server processes behind one port: started, watched and started anew by uvicorn's supervisor."""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from socket import socket
from typing import Any

import click
from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from nbprocessor.cli.settings import log_to_standard_error
from nbprocessor.config import Settings
from nbprocessor.errors import NbprocessorError

HANGS = 30
"""Seconds after which a process that says nothing is killed, or one that was killed while it was asked is missed.

On a busy machine a process takes some of them to start.
"""


def supervise(settings: Settings, base_url: str, listener: socket, options: Mapping[str, Any]) -> bool:
    """Serve from ``settings.server.workers`` processes until a signal; a process that dies is started anew.

    Args:
        settings: All settings; each process builds its own services from them.
        base_url: What links in answers begin with.
        listener: The listening socket, which all of them accept from.
        options: Of uvicorn.

    Returns:
        Whether every process could start; one that cannot ends all of them.
    """
    app = partial(served, settings, base_url)
    workers = settings.server.workers
    config = Config(app, factory=True, workers=workers, timeout_worker_healthcheck=HANGS, **options)
    supervisor = Multiprocess(config, sockets=[listener])
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


def served(settings: Settings, base_url: str) -> Starlette:
    """Build the application in one of the processes; what keeps it from starting is a sentence and ends them all."""
    from nbprocessor.app import build, create_app
    from nbprocessor.cli.stopping import stopping_at_signals

    threading.Thread(target=_end_with_supervisor, name="supervisor", daemon=True).start()
    log_to_standard_error(settings, serves=True)
    held = ExitStack()
    # Until this process is gone, however it ends.
    atexit.register(held.close)
    try:
        house = build(settings)
        held.enter_context(house.results.in_use())
        house.catalogue.refresh()
    except NbprocessorError as error:
        click.echo(f"nbprocessor: {error}", err=True)
        sys.exit(STARTUP_FAILURE)
    return stopping_at_signals(house, create_app(house, base_url))


def _end_with_supervisor() -> None:
    """End this process in order when the supervisor was killed: nobody would stop it any more."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)
