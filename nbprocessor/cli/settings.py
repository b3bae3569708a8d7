"""Options and settings that several commands share: where notebooks and results are, what is logged."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nbprocessor import config
from nbprocessor.cli.examples import examples
from nbprocessor.errors import SettingsError

Command = TypeVar("Command", bound=Callable[..., Any])


def folders(command: Command) -> Command:
    """Add ``--notebooks`` and ``--results`` to a command."""
    notebooks = click.option("--notebooks", type=click.Path(path_type=Path), help="Folder of processes [notebooks].")
    return notebooks(results_folder(command))


def results_folder(command: Command) -> Command:
    """Add ``--results`` to a command."""
    return click.option("--results", type=click.Path(path_type=Path), help="Folder of the job folders [results].")(
        command
    )


def load(
    context: click.Context,
    *,
    notebooks: Path | None = None,
    results: Path | None = None,
    serves: bool = False,
    **sections: dict[str, Any],
) -> config.Settings:
    """Load the settings of this command line and send logs to standard error.

    Args:
        context: Of the command.
        notebooks: As the command line has it.
        results: As the command line has it.
        serves: The command is the server. What it tells of its doings would only stand in the way of others, so these
            log warnings and errors, unless the setting is ``DEBUG``.
        sections: Settings of the command line, by section.

    Raises:
        SettingsError: A setting is wrong.
    """
    settings = config.load(context.obj, notebooks={"folder": notebooks}, results={"folder": results}, **sections)
    log_to_standard_error(settings, serves=serves)
    return settings


def with_examples(settings: config.Settings, named: Path | None) -> config.Settings:
    """Take the included examples where there is no notebooks folder, unless somebody named one."""
    default = config.Notebooks().folder.absolute()
    if named is not None or settings.notebooks.folder != default or default.exists():
        return settings
    click.echo(f"There is no folder {default}: the included examples are used. `nbprocessor init` makes one.", err=True)
    included = settings.notebooks.model_copy(update={"folder": examples()})
    return settings.model_copy(update={"notebooks": included})


def server_address(settings: config.Settings, port: int = 0) -> str:
    """Return what addresses of the server begin with; ``port`` is that of its socket, where it is open already."""
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    return settings.server.url.rstrip("/") or f"http://{host}:{port or settings.server.port}"


def existing_results(settings: config.Settings) -> Path:
    """Return the results folder; a command that only reads must not make one where a name was misspelt.

    Raises:
        SettingsError: There is no such folder.
    """
    folder = settings.results.folder
    if not folder.exists():
        raise SettingsError(
            f"{folder}: there is no such results folder, nothing ran here; name another with --results."
        )
    return folder


def log_to_standard_error(settings: config.Settings, *, serves: bool) -> None:
    """Send logs to standard error, once for each process."""
    level = "WARNING" if settings.logging.level == "INFO" and not serves else settings.logging.level
    line = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level, format=line, stream=sys.stderr, force=True)
    # They tell, and pygeoapi warns, of what is as it should be, at every request.
    for name in ("pygeoapi", "watchfiles", "papermill"):
        logging.getLogger(name).setLevel(logging.ERROR)
