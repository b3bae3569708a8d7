"""``nbprocessor jobs``: what ran here, read from the store."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprocessor.cli.settings import existing_results, load, results_folder
from nbprocessor.model.job import Job, JobFilter, JobStatus

if TYPE_CHECKING:
    from nbprocessor.store.jobs import JobStore
    from nbprocessor.store.results import ResultStore

SYMBOLS = {"accepted": "…", "running": "▶", "successful": "✓", "failed": "✗", "dismissed": "■"}
STATUSES = [str(status) for status in JobStatus]


@click.command(short_help="List jobs, newest first.", epilog="Example: nbprocessor jobs --status failed --limit 5")
@click.option("--process", "processes", multiple=True, metavar="ID", help="Only jobs of this process; may be repeated.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    help="Only jobs of this status; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Jobs listed at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead, for programs.")
@results_folder
@click.pass_context
def jobs(
    context: click.Context,
    processes: Sequence[str],
    statuses: Sequence[str],
    limit: int,
    as_json: bool,
    results: Path | None,
) -> None:
    """List jobs, newest first."""
    store, _ = stores(context, results)
    wanted = JobFilter(process_ids=tuple(processes), statuses=tuple(JobStatus(status) for status in statuses))
    found = store.list(wanted, limit=limit)
    if as_json:
        for job in found:
            click.echo(json.dumps(_facts(job), ensure_ascii=False))
    elif found:
        click.echo("\n".join(_table(found)))
    else:
        click.echo("There is no such job.", err=True)


def stores(context: click.Context, results: Path | None) -> "tuple[JobStore, ResultStore]":
    """Open the stores of this command line for reading what ran.

    Raises:
        SettingsError: A setting is wrong, or there is no results folder.
        StoreUnavailable: The database or the folder cannot be used.
    """
    from nbprocessor.store.database import open_database
    from nbprocessor.store.jobs import JobStore
    from nbprocessor.store.results import ResultStore

    settings = load(context, results=results)
    folder = existing_results(settings)
    store = JobStore(open_database(settings.store_url))
    context.call_on_close(store.engine.dispose)
    return store, ResultStore(folder, settings.results.url)


def _table(found: Sequence[Job]) -> Iterator[str]:
    """Yield a heading, then a line for each job; what has no fixed width comes last, so that narrow terminals do."""
    widest = max(len(job.process_id) for job in found)
    yield f"{'job':36}  {'status':12}  {'created':19}  {'process':{widest}}  message"
    for job in found:
        status, created = f"{SYMBOLS[job.status]} {job.status}", f"{job.created.astimezone():%Y-%m-%d %H:%M:%S}"
        yield f"{job.id}  {status:12}  {created}  {job.process_id:{widest}}  {_line(job.message)}".rstrip()


def _line(message: str) -> str:
    """Return a message as one line that does nothing to the terminal: a notebook may have put anything into it."""
    return "".join(character if character.isprintable() else " " for character in message)


def _facts(job: Job) -> dict[str, object]:
    times = {name: time.isoformat() for name in ("created", "started", "finished") if (time := getattr(job, name))}
    if job.estimated_completion is not None:
        times["estimatedCompletion"] = job.estimated_completion.isoformat()
    facts = {"jobID": str(job.id), "processID": job.process_id, "status": str(job.status), "progress": job.progress}
    return facts | {"message": job.message} | times
