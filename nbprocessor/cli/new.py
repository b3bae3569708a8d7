"""``nbprocessor init``: a place to work in, or a new notebook."""

import re
import shutil
from pathlib import Path

import click

from nbprocessor.cli.examples import TEMPLATE, examples
from nbprocessor.errors import SettingsError

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")


@click.command(
    short_help="Make a notebooks folder, or a new notebook in it.", epilog="Example: nbprocessor init my_process"
)
@click.argument("process_id", required=False)
@click.option(
    "--notebooks",
    type=click.Path(path_type=Path),
    default=Path("notebooks"),
    show_default=True,
    help="Folder of processes; it is made when it is not there.",
)
def init(process_id: str | None, notebooks: Path) -> None:
    """Make a notebooks folder with the examples, or in it a new notebook for PROCESS_ID from the template.

    Nothing that is there is overwritten.
    """
    source = examples()
    if process_id is None:
        if notebooks.exists():
            raise SettingsError(f"{notebooks} is there already; `nbprocessor init PROCESS_ID` makes a notebook in it.")
        shutil.copytree(source, notebooks, ignore=shutil.ignore_patterns(".*"))
        click.echo(f"{notebooks} now has the examples. Next: nbprocessor serve")
        return
    if not _ID.fullmatch(process_id):
        raise SettingsError(
            f'"{process_id}" is no process id: begin with a letter; then letters, digits, "_", "." or "-".'
        )
    target = notebooks / f"{process_id}.ipynb"
    if target.exists():
        raise SettingsError(f"{target} is there already; choose another id.")
    notebooks.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / TEMPLATE, target)
    click.echo(f"{target} is a copy of the template. Next: open it in JupyterLab, then nbprocessor check {target}")
