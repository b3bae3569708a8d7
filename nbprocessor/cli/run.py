"""``nbprocessor run``: one job through the same code path as the server's, without a server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console

from nbprocessor import contract
from nbprocessor.cli.bar import job_bar
from nbprocessor.cli.settings import folders, load
from nbprocessor.errors import InvalidRequest, Problem
from nbprocessor.model import Execution, Job, JobStatus, Json, Process


@click.command(epilog="Example: nbprocessor run km_indicator_divide -p target_spatial_units '[\"stadtteile\"]'")
@click.argument("process")
@click.option("-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE",
              help="An input; VALUE is JSON, or a text where the process wants a text.")  # fmt: skip
@click.option(
    "-f",
    "--file",
    "file",
    type=click.File("rb"),
    help="JSON file of inputs, or a whole execute request; - reads standard input.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
@folders
@click.pass_context
def run(
    context: click.Context,
    process: str,
    parameters: Sequence[tuple[str, str]],
    file: BinaryIO | None,
    quiet: bool,
    notebooks: Path | None,
    results: Path | None,
) -> None:
    """Run PROCESS (an id, or a notebook file) once and say where its job folder is."""
    from nbprocessor.app import build, submit_job  # the house takes a second to import; --help must not
    from nbprocessor.notebook import values
    from nbprocessor.notebook.describe import read

    settings = load(context, notebooks=notebooks, results=results)
    house = build(settings)
    found = read(Path(process)) if process.endswith(".ipynb") else house.catalogue.get(process)
    given = dict(_inputs_of(file.read())) if file else {}
    given |= {name: _value(found, name, text) for name, text in parameters}
    execution = Execution(found.id, values.complete(found, given), response="document")
    job = submit_job(house, found, execution, None, "sync", "cli")
    ended = asyncio.run(_follow(house.worker.run_once(job), house.events.subscribe(job.id), quiet=quiet))
    folder = house.results.folder(job.id)
    click.echo(f"{ended.status}: {ended.message}" if ended.message else str(ended.status), err=True)
    click.echo(folder / contract.FILE_EXECUTED)
    sys.exit(0 if ended.status is JobStatus.SUCCESSFUL else 1)


async def _follow(running: Coroutine[Any, Any, Job], states: AsyncIterator[Job], *, quiet: bool) -> Job:
    task = asyncio.ensure_future(running)
    with job_bar(Console(stderr=True), quiet=quiet) as show:
        async for state in states:
            show(state.progress, state.message or str(state.status))
    return await task


def _inputs_of(content: bytes) -> Mapping[str, Json]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InvalidRequest([Problem("", f"The inputs file is not JSON: {error}.")]) from None
    if not isinstance(document, dict):
        raise InvalidRequest([Problem("", "The inputs file is no JSON object of inputs.")])
    inputs = document.get("inputs", document)
    return inputs if isinstance(inputs, dict) else document


def _value(process: Process, name: str, text: str) -> Json:
    """Read a value from the command line: text where the process wants text, else JSON."""
    field = process.inputs.get(name)
    if field is not None and field.schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
