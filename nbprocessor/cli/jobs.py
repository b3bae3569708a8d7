"""``nbprocessor jobs``, ``logs`` and ``results``: what ran here, read from the store and the job folders."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from nbprocessor import contract
from nbprocessor.cli.settings import folders, load
from nbprocessor.errors import NoSuchOutput, ResultNotReady
from nbprocessor.model import Job, JobFilter, JobStatus
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

SYMBOLS = {"accepted": "…", "running": "▶", "successful": "✓", "failed": "✗", "dismissed": "■"}


@click.command(epilog="Example: nbprocessor jobs --status failed --limit 5")
@click.option("--process", "processes", multiple=True, help="Only jobs of this process.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(list(JobStatus)), help="Only jobs of this status."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
@folders
@click.pass_context
def jobs(
    context: click.Context,
    /,
    processes: Sequence[str],
    statuses: Sequence[str],
    limit: int,
    as_json: bool,
    **where: Path | None,
) -> None:
    """List jobs, newest first."""
    store, _ = _stores(context, **where)
    wanted = JobFilter(process_ids=tuple(processes), statuses=tuple(JobStatus(status) for status in statuses))
    found = store.list(wanted, limit=limit)
    if as_json:
        for job in found:
            click.echo(json.dumps(_facts(job), ensure_ascii=False))
        return
    table = Table("job", "process", "status", "created", "message", box=None)
    for job in found:
        status, created = f"{SYMBOLS[job.status]} {job.status}", f"{job.created.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(str(job.id), job.process_id, status, created, job.message)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@click.command(epilog="Example: nbprocessor logs 4be5c6f2-6c1f-4b45-9c1e-0b6f3fb5a2d1")
@click.argument("job_id", type=click.UUID)
@folders
@click.pass_context
def logs(context: click.Context, /, job_id: UUID, **where: Path | None) -> None:
    """Print what a job wrote."""
    store, files = _stores(context, **where)
    store.get(job_id)
    sys.stdout.buffer.write(files.read(job_id, contract.FILE_LOG))


@click.command(epilog="Example: nbprocessor results 4be5c6f2-6c1f-4b45-9c1e-0b6f3fb5a2d1 jobSummary")
@click.argument("job_id", type=click.UUID)
@click.argument("output", required=False)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    help="Copy all outputs and the executed notebook into this folder.",
)
@folders
@click.pass_context
def results(
    context: click.Context, /, job_id: UUID, output: str | None, target: Path | None, **where: Path | None
) -> None:
    """List a job's outputs, print one of them, or copy all of them."""
    store, files = _stores(context, **where)
    job = store.get(job_id)
    if not job.status.ended:
        raise ResultNotReady(job_id, job.status)
    outputs = {item.id: item for item in files.manifest(job_id).outputs}
    if target is not None:
        target.mkdir(parents=True, exist_ok=True)
        for name in [contract.FILE_EXECUTED, *(item.file for item in outputs.values())]:
            with files.open(job_id, name) as source, (target / Path(name).name).open("wb") as copy:
                shutil.copyfileobj(source, copy)
            click.echo(target / Path(name).name)
    elif output is None:
        for item in outputs.values():
            click.echo(f"{item.id}\t{item.media_type}\t{item.bytes} bytes\t{files.folder(job_id) / item.file}")
    elif output in outputs:
        sys.stdout.buffer.write(files.read(job_id, outputs[output].file))
    else:
        raise NoSuchOutput(job_id, output)


def _stores(context: click.Context, *, notebooks: Path | None, results: Path | None) -> tuple[JobStore, ResultStore]:
    settings = load(context, notebooks=notebooks, results=results)
    return JobStore(open_database(settings.store_url)), ResultStore(settings.results.folder, settings.results.url)


def _facts(job: Job) -> dict[str, object]:
    times = {name: time.isoformat() for name in ("created", "started", "finished") if (time := getattr(job, name))}
    return {
        "jobID": str(job.id),
        "processID": job.process_id,
        "status": str(job.status),
        "message": job.message,
    } | times
