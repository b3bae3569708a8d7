"""Options that several commands share: where the notebooks and the results are."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nbprocessor import config

Command = TypeVar("Command", bound=Callable[..., Any])
INCLUDED = Path(__file__).parents[1] / "notebooks_included"
"""The example notebooks a wheel carries."""


def folders(command: Command) -> Command:
    """Add ``--notebooks`` and ``--results`` to a command."""
    results_option = click.option(
        "--results", type=click.Path(path_type=Path), help="Folder of the job folders [results]."
    )
    notebooks_option = click.option(
        "--notebooks", type=click.Path(path_type=Path), help="Folder of the processes [notebooks]."
    )
    return notebooks_option(results_option(command))


def load(
    context: click.Context, *, notebooks: Path | None = None, results: Path | None = None, **sections: dict[str, Any]
) -> config.Settings:
    """Load the settings of this command line and send logs to standard error.

    Where nobody named a notebooks folder and there is none here, the examples that come with the package are served.
    """
    settings = config.load(context.obj, notebooks={"folder": notebooks}, results={"folder": results}, **sections)
    folder = settings.notebooks.folder
    if notebooks is None and not folder.exists() and folder.name == "notebooks" and INCLUDED.is_dir():
        click.echo(
            f"There is no folder {folder}: the included examples are used. `nbprocessor init` makes one.", err=True
        )
        settings = settings.model_copy(update={"notebooks": settings.notebooks.model_copy(update={"folder": INCLUDED})})
    logging.basicConfig(
        level=settings.logging.level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    # They tell, and pygeoapi warns, of what is as it should be, at every request.
    for name in ("pygeoapi", "watchfiles", "papermill"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return settings
