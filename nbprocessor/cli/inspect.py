"""``nbprocessor check`` and ``nbprocessor describe``: what is wrong with a notebook, what clients will see of it."""

import json
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprocessor.errors import NotebookError, Problem, SettingsError
from nbprocessor.language import LANGUAGES, localise

if TYPE_CHECKING:
    from nbprocessor.notebook.finding import Finding


@click.command(
    short_help="Check notebooks, without running them.", epilog="Example: nbprocessor check notebooks/kommonitor --fix"
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="First mend what is safe to mend: readable cell ids, no outputs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead, for programs.")
@click.pass_context
def check(context: click.Context, paths: Sequence[Path], fix: bool, as_json: bool) -> None:
    """Check notebooks, without running them.

    PATHS are notebooks and folders of notebooks; without them it is the folder that is served. Each finding names file,
    cell, line and rule, says what is wrong and how to mend it. Errors keep a notebook from being offered or from
    running; warnings are advice.

    \b
    Exit codes: 0 no errors · 1 errors found · 3 there is no such file or folder, or no notebook in it
    """
    from nbprocessor.notebook import check as checks  # imports what it checks with; the other commands need not wait

    count, severities = 0, Counter[str]()
    secrets = _secrets(context)
    for path in _notebooks(paths or [_served(context)]):
        count += 1
        for done in checks.fix(path) if fix else ():
            click.echo(f"{path}: {done}", err=as_json)
        for finding in checks.findings(path, secrets):
            severities[finding.severity] += 1
            click.echo(_as_json(path, finding) if as_json else _as_text(path, finding))
    if not as_json:
        click.echo(_summary(count, severities))
    sys.exit(1 if severities["error"] else 0)


@click.command(
    short_help="Print what clients will see of a notebook.",
    epilog="Example: nbprocessor describe notebooks/kommonitor/hello_world.ipynb --lang de",
)
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--lang", type=click.Choice(LANGUAGES), help="In one language; without it every text in all of them.")
def describe(notebook: Path, lang: str | None) -> None:
    """Print the process description clients will see of NOTEBOOK, as JSON.

    The links, which depend on the server, are left out. Nothing of the notebook is run.
    """
    from nbprocessor.notebook.describe import description, read  # `--help` need not wait

    described = description(read(notebook))
    click.echo(json.dumps(localise(described, lang) if lang else described, ensure_ascii=False, indent=2))


def _served(context: click.Context) -> Path:
    """Return the folder the settings name."""
    from nbprocessor import config  # only when no path was named

    return config.load(context.obj).notebooks.folder


def _secrets(context: click.Context) -> Collection[str] | None:
    """Return the names of the secrets the server has; None where its settings cannot be read."""
    from nbprocessor import config  # as above

    try:
        return config.load(context.obj).data.secrets.keys()
    except SettingsError:  # notebooks can be checked all the same
        return None


def _notebooks(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the notebooks of files and folders.

    Raises:
        NotebookError: There is no such file or folder, or no notebook in it.
    """
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                mend = "`nbprocessor init` makes a folder of notebooks with examples."
                raise NotebookError(path, [Problem("", "There is no such notebook or folder.", mend)])
            yield path
            continue
        if not os.access(path, os.R_OK | os.X_OK):
            raise NotebookError(path, [Problem("", "The folder cannot be read.", "Look at its permissions.")])
        found = sorted(file for file in path.rglob("*.ipynb") if not _is_hidden(file.relative_to(path)))
        if not found:
            raise NotebookError(path, [Problem("", "There is no notebook in this folder.")])
        yield from found


def _is_hidden(path: Path) -> bool:
    """Tell whether a file is none of the author's: JupyterLab keeps copies in ``.ipynb_checkpoints``."""
    return any(part.startswith(".") for part in path.parts)


def _as_text(path: Path, finding: "Finding") -> str:
    place = [str(path)]
    if finding.cell:
        place.append(f'cell "{finding.cell}"')
    if finding.line:
        place.append(f"line {finding.line}")
    color = "red" if finding.severity == "error" else "yellow"
    kind = click.style(f"{finding.severity} {finding.rule}", fg=color)
    lines = [f"{', '.join(place)}: {kind}", f"    {finding.sentence}"]
    return "\n".join([*lines, f"    {finding.mend}"] if finding.mend else lines)


def _as_json(path: Path, finding: "Finding") -> str:
    return json.dumps({"path": str(path), **asdict(finding)}, ensure_ascii=False)


def _summary(count: int, severities: Counter[str]) -> str:
    """Return the last line: ``3 notebooks, no findings``."""
    found = [_counted(severities[kind], kind) for kind in ("error", "warning") if severities[kind]]
    return f"{_counted(count, 'notebook')}, {' and '.join(found) or 'no findings'}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
