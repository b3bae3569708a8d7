"""``nbprocessor check`` and ``nbprocessor describe``: what is wrong with a notebook, and what clients will see of it."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from nbprocessor.language import LANGUAGES, localise
from nbprocessor.notebook.describe import description, read


@click.command(epilog="Example: nbprocessor check notebooks/kommonitor --fix")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--fix", is_flag=True, help="Mend what can be mended: readable cell ids, no outputs.")
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON lines.")
def check(paths: Sequence[Path], fix: bool, as_json: bool) -> None:
    """Check notebooks: each finding with rule, cell, sentence and mend. Without PATHS: the folder notebooks."""
    from nbprocessor.notebook import check as checks  # imports what it checks with; the other commands need not wait

    errors = 0
    for path in _notebooks(paths or [Path("notebooks")]):
        for done in checks.fix(path) if fix else ():
            click.echo(f"{path}: {done}")
        for finding in checks.findings(path):
            errors += finding.severity == "error"
            if as_json:
                click.echo(json.dumps({"path": str(path), "rule": finding.rule, "severity": finding.severity, "cell": finding.cell,
                                       "line": finding.line, "sentence": finding.sentence, "mend": finding.mend}, ensure_ascii=False))  # fmt: skip
            else:
                place = f' cell "{finding.cell}"' if finding.cell else ""
                place += f" line {finding.line}" if finding.line else ""
                click.echo(
                    f"{path}:{place} {finding.rule} {finding.severity}: {finding.sentence} {finding.mend}".rstrip()
                )
    sys.exit(1 if errors else 0)


@click.command(epilog="Example: nbprocessor describe notebooks/examples/hello_world.ipynb --lang de")
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lang", type=click.Choice(LANGUAGES), help="One language only; without it every text in all of them.")
def describe(notebook: Path, lang: str | None) -> None:
    """Print the process description clients will see."""
    described = description(read(notebook))
    click.echo(json.dumps(localise(described, lang) if lang else described, ensure_ascii=False, indent=2))


def _notebooks(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
        else:
            yield path
