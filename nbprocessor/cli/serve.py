"""``nbprocessor serve``: the server."""

import errno
import socket
from pathlib import Path

import click

from nbprocessor.cli.settings import folders, load, with_examples
from nbprocessor.errors import StoreUnavailable

BACKLOG = 512


@click.command(
    short_help="Serve the notebooks as OGC API processes.",
    epilog="Example: nbprocessor serve --port 8100 --notebooks my_notebooks",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one [8099].")
@click.option("--host", help="Address; only this machine's own while sign-in is off [127.0.0.1].")
@folders
@click.pass_context
def serve(
    context: click.Context, port: int | None, host: str | None, notebooks: Path | None, results: Path | None
) -> None:
    """Serve the notebooks as OGC API processes, until Ctrl-C or SIGTERM.

    Without a notebooks folder the examples that come with nbprocessor are served. Running jobs are ended when the
    server stops; jobs that wait go on when it starts again.
    """
    settings = load(context, notebooks=notebooks, results=results, server={"port": port, "host": host}, serves=True)
    listener = listen(settings.server.host, settings.server.port)
    with listener:
        import uvicorn

        from nbprocessor.app import build, create_app

        settings = with_examples(settings, notebooks)
        number = listener.getsockname()[1]
        name = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
        base_url = settings.server.url.rstrip("/") or f"http://{name}:{number}"
        house = build(settings)
        context.call_on_close(house.store.engine.dispose)
        context.with_resource(house.results.in_use())
        house.catalogue.refresh()
        app = create_app(house, base_url)
        click.echo(
            f"{len(house.catalogue.processes)} processes on {base_url} (results in {settings.results.folder})", err=True
        )

        class _Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                # At once, not after the requests under way are answered: those that wait for a job hear of its end.
                house.stop()
                await super().shutdown(sockets)

        server = _Server(
            uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=10)
        )
        server.run(sockets=[listener])
        if not server.started:  # uvicorn has logged why, and would end as if all were well
            raise StoreUnavailable("The server did not start.")


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket, before anything else is started.

    Raises:
        StoreUnavailable: The port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
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
