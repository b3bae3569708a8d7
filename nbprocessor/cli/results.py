"""``nbprocessor results``: what a job handed over, listed, printed or copied."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from nbprocessor import contract
from nbprocessor.cli.jobs import stores
from nbprocessor.cli.settings import results_folder
from nbprocessor.errors import NoSuchOutput, ResultNotReady
from nbprocessor.model.manifest import OutputFile

if TYPE_CHECKING:
    from nbprocessor.store.results import ResultStore


@click.command(
    short_help="List, print or copy a job's outputs.",
    epilog="""\b
    Example: nbprocessor results 4be5c6f2-6c1f-4b45-9c1e-0b6f3fb5a2d1 --to copy
    """,
)
@click.argument("job_id", type=click.UUID)
@click.argument("output", required=False)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy the outputs (or OUTPUT alone) and the executed notebook into this folder; it is made when needed.",
)
@results_folder
@click.pass_context
def results(
    context: click.Context, job_id: UUID, output: str | None, target: Path | None, results: Path | None
) -> None:
    """List a job's outputs (id, media type, size, file), print one of them (OUTPUT is its id), or copy them."""
    store, files = stores(context, results)
    job = store.get(job_id)
    if not job.status.ended:
        raise ResultNotReady(job_id, job.status)
    outputs = {item.id: item for item in files.manifest(job_id).outputs}
    if output is not None and output not in outputs:
        raise NoSuchOutput(job_id, output)
    if target is not None:
        _copy(job_id, {output: outputs[output]} if output else outputs, target, files)
    elif output is not None:
        with files.open(job_id, outputs[output].file) as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
    else:
        for item in outputs.values():
            click.echo(f"{item.id}\t{item.media_type}\t{item.bytes} bytes\t{files.folder(job_id) / item.file}")
    if not outputs:
        click.echo(f"The job is {job.status} and has no outputs{': ' if job.message else '.'}{job.message}", err=True)


def _copy(job_id: UUID, outputs: Mapping[str, OutputFile], target: Path, files: "ResultStore") -> None:
    target.mkdir(parents=True, exist_ok=True)
    names = [item.file for item in outputs.values()]
    if files.exists(job_id, contract.FILE_EXECUTED):  # not if it was dismissed before it began
        names.append(contract.FILE_EXECUTED)
    for name in names:
        copy = target / Path(name).name
        with files.open(job_id, name) as source, copy.open("wb") as file:
            shutil.copyfileobj(source, file)
        click.echo(copy)
