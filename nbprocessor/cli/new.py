"""``nbprocessor init``: a place to work in, or a new notebook."""

import re
import shutil
from pathlib import Path

import click

from nbprocessor.cli.settings import INCLUDED
from nbprocessor.errors import SettingsError

TEMPLATE = "_template.ipynb"
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")


@click.command(epilog="Example: nbprocessor init my_process")
@click.argument("process_id", required=False)
@click.option("--notebooks", type=click.Path(path_type=Path), default=Path("notebooks"), show_default=True)
def init(process_id: str | None, notebooks: Path) -> None:
    """Make a notebooks folder with the examples, or in it a new notebook for PROCESS_ID from the template."""
    source = examples()
    if process_id is None:
        if notebooks.exists():
            raise SettingsError(f"{notebooks} is there already; `nbprocessor init PROCESS_ID` makes a notebook in it.")
        shutil.copytree(source, notebooks)
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


def examples() -> Path:
    """Return the folder of the notebooks that come with the package: in a wheel, or in a checkout beside it."""
    beside = Path(__file__).parents[2] / "notebooks"
    for folder in (INCLUDED, beside):
        if (folder / TEMPLATE).is_file():
            return folder
    raise SettingsError("This installation has no example notebooks; install the wheel again.")
