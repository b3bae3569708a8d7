"""``nbprocessor run``: one job through the same code path as the server's, without a server."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from nbprocessor import contract
from nbprocessor.cli.settings import folders, load, with_examples
from nbprocessor.errors import InvalidRequest, NoSuchProcess, Problem
from nbprocessor.model import Json
from nbprocessor.model.job import Execution, Job, JobStatus
from nbprocessor.model.process import Process

if TYPE_CHECKING:
    from nbprocessor.app import House
    from nbprocessor.config import Settings


@click.command(
    short_help="Run one job, without a server.",
    epilog="""\b
    Examples:
      nbprocessor run hello_world -p name Ada
      nbprocessor run km_indicator_divide --example
      nbprocessor run notebooks/kommonitor/hello_world.ipynb -f inputs.json
    """,
)
@click.argument("process")
@click.option("-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE",
              help="An input; VALUE is JSON, or a text where the process wants a text. May be repeated.")  # fmt: skip
@click.option(
    "-f",
    "--file",
    "file",
    type=click.File("rb"),
    help="JSON file of inputs, or a whole execute request; - reads standard input. Inputs of -p count before it.",
)
@click.option("--example", is_flag=True, help="What is not given takes the author's example value.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@folders
@click.pass_context
def run(
    context: click.Context,
    process: str,
    parameters: Sequence[tuple[str, str]],
    file: BinaryIO | None,
    example: bool,
    quiet: bool,
    notebooks: Path | None,
    results: Path | None,
) -> None:
    """Run PROCESS (an id, or a notebook file) once and print where its executed notebook is.

    The job is recorded in the results folder as a server would; Ctrl-C dismisses it.

    \b
    Exit codes: 0 successful · 1 failed or dismissed elsewhere · 130 dismissed by Ctrl-C
    """
    from nbprocessor.app import submit_job
    from nbprocessor.notebook import values
    from nbprocessor.notebook.describe import read

    given = dict(_inputs_of(file.read())) if file else {}
    settings = load(context, notebooks=notebooks, results=results)
    if process.endswith(".ipynb"):
        found, house = read(Path(process)), _house(context, settings)
    else:
        house = _house(context, with_examples(settings, notebooks))
        house.catalogue.refresh()
        found = _process(house, process)
    if example:
        given = {**found.example.get("inputs", {}), **given}
    given |= {name: _value(found, name, text) for name, text in parameters}
    execution = Execution(found.id, values.complete(found, given), response="document")
    job = submit_job(house, found, execution, None, "sync", trigger="cli")
    ended, interrupted = asyncio.run(_followed(house, job, quiet=quiet))
    told = ended.message.startswith(ended.status) or not ended.message
    click.echo((ended.message or ended.status) if told else f"{ended.status}: {ended.message}", err=True)
    if house.results.exists(job.id, contract.FILE_EXECUTED):
        click.echo(house.results.folder(job.id) / contract.FILE_EXECUTED)
    if interrupted:
        raise click.Abort
    sys.exit(0 if ended.status is JobStatus.SUCCESSFUL else 1)


def _house(context: click.Context, settings: "Settings") -> "House":
    from nbprocessor.app import build

    house = build(settings)
    context.call_on_close(house.store.engine.dispose)
    context.with_resource(house.results.in_use())
    return house


async def _followed(house: "House", job: Job, *, quiet: bool) -> tuple[Job, bool]:
    """Run the job under a progress bar; return it as it ended, and whether somebody interrupted it."""
    from rich.console import Console

    from nbprocessor.cli.bar import job_bar

    running = asyncio.ensure_future(house.worker.run_once(job))
    with _dismissed_by_signals(house, job) as interrupted, job_bar(Console(stderr=True), quiet=quiet) as show:
        async for state in house.events.subscribe(job.id):
            show(state.progress, state.message or str(state.status), state.estimated_completion)
        return await running, interrupted.is_set()


@contextmanager
def _dismissed_by_signals(house: "House", job: Job) -> Iterator[asyncio.Event]:
    """Dismiss the job at the first Ctrl-C or SIGTERM, so that its record is complete; the second ends at once."""
    from nbprocessor.app import dismiss_job

    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def dismiss() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
        interrupted.set()
        dismiss_job(house, job.id, None)
        house.worker.dismiss(job.id)

    for number in signals:
        loop.add_signal_handler(number, dismiss)
    try:
        yield interrupted
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _process(house: "House", process_id: str) -> Process:
    """Return a process on offer.

    Raises:
        NotebookError: Its notebook is broken.
        InvalidRequest: There is none, but one that may be meant.
        NoSuchProcess: There is none.
    """
    known = house.catalogue.processes
    if process_id in known:
        return known[process_id]
    for name, fault in house.catalogue.faults.items():
        if process_id in {name, Path(name).stem}:
            raise fault
    if close := get_close_matches(process_id, known, n=1):
        problem = Problem("", str(NoSuchProcess(process_id)), f'Did you mean "{close[0]}"?')
        raise InvalidRequest([problem])
    raise NoSuchProcess(process_id)


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
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value
