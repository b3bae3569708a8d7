"""``nbprocessor serve``: the server."""

import errno
import socket
from pathlib import Path
from typing import Any

import click

from nbprocessor.cli.settings import folders, load, server_address, with_examples
from nbprocessor.config import Settings
from nbprocessor.errors import StoreUnavailable

BACKLOG = 512
UVICORN: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "timeout_graceful_shutdown": 10,
}


@click.command(
    short_help="Serve the notebooks as OGC API processes.",
    epilog="Example: nbprocessor serve --port 8100 --notebooks my_notebooks",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one [8099].")
@click.option("--host", help="Address; only this machine's own while sign-in is off [127.0.0.1].")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that share port and jobs [1].")
@folders
@click.pass_context
def serve(
    context: click.Context,
    port: int | None,
    host: str | None,
    workers: int | None,
    notebooks: Path | None,
    results: Path | None,
) -> None:
    """Serve the notebooks as OGC API processes, until Ctrl-C or SIGTERM.

    Without a notebooks folder the examples that come with nbprocessor are served. Running jobs are ended when the
    server stops; jobs that wait go on when it starts again.
    """
    server = {"port": port, "host": host, "workers": workers}
    settings = load(context, notebooks=notebooks, results=results, server=server, serves=True)
    with listen(settings.server.host, settings.server.port) as listener:
        settings = with_examples(settings, notebooks)
        address = server_address(settings, listener.getsockname()[1])
        if settings.server.workers > 1:
            from nbprocessor.cli.supervisor import supervise

            offered = _checked(settings)
            _announce(offered, address, settings)
            started = supervise(settings, address, listener, UVICORN)
        else:
            started = _serve(context, settings, address, listener)
    if not started:  # uvicorn has logged why, and would end as if all were well
        raise StoreUnavailable("The server did not start.")


def _serve(context: click.Context, settings: Settings, base_url: str, listener: socket.socket) -> bool:
    """Serve from this process, until a signal; return whether the server started."""
    import uvicorn

    from nbprocessor.app import build, create_app
    from nbprocessor.cli.stopping import stopping_at_signals

    house = build(settings)
    context.call_on_close(house.store.engine.dispose)
    context.with_resource(house.results.in_use())
    house.catalogue.refresh()
    app = stopping_at_signals(house, create_app(house, base_url))
    _announce(len(house.catalogue.processes), base_url, settings)
    server = uvicorn.Server(uvicorn.Config(app, **UVICORN))
    server.run(sockets=[listener])
    return server.started


def _checked(settings: Settings) -> int:
    """Make sure that the processes will be able to start; return how many notebooks they will offer.

    Raises:
        SettingsError: A setting is wrong.
        StoreUnavailable: The database or the results folder cannot be used.
    """
    from nbprocessor.catalogue import Catalogue
    from nbprocessor.store.database import open_database
    from nbprocessor.store.results import ResultStore

    results = ResultStore(settings.results.folder, settings.results.url, settings.results.reserve)
    with results.in_use():
        pass
    open_database(settings.store_url).dispose()
    catalogue = Catalogue(settings.notebooks.folder)
    catalogue.refresh()
    return len(catalogue.processes)


def _announce(offered: int, base_url: str, settings: Settings) -> None:
    click.echo(f"{offered} processes on {base_url} (results in {settings.results.folder})", err=True)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket, before anything else is started.

    Raises:
        StoreUnavailable: The port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only on sockets that say they are TCP: else the second part of an answer waits
    # up to 40 ms until the other side has acknowledged the first.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = {errno.EADDRINUSE: "is taken", errno.EACCES: "may not be used by this user"}.get(
            error.errno or 0, f"cannot be used ({error.strerror})"
        )
        raise StoreUnavailable(f"Port {port} on {host} {why}; choose another with --port.") from None
    return listener
