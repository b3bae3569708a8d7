"""``nbprocessor recover``: the database made anew from the job folders."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprocessor.cli.settings import existing_results, load, results_folder
from nbprocessor.errors import StoreUnavailable

if TYPE_CHECKING:
    from nbprocessor.store.rebuilding import Rebuilt


@click.command(
    short_help="Make the database anew from the job folders.",
    epilog="Example: nbprocessor recover --from-results --dry-run",
)
@click.option(
    "--from-results",
    "source",
    flag_value="results",
    required=True,
    expose_value=False,
    help="From the job folders; there is no other source.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--verify", is_flag=True, help="Leave out jobs whose files are not as they were recorded.")
@click.option("--replace", is_flag=True, help="Jobs the database knows take what the manifest of their folder tells.")
@results_folder
@click.pass_context
def recover(context: click.Context, dry_run: bool, verify: bool, replace: bool, results: Path | None) -> None:
    """Enter jobs whose folders are there and whose rows are not, for a database that was lost or is an old backup.

    Jobs that ended are there again as they ended; others are closed as lost. Jobs the database knows stay as they are.
    No server may use the database or the folder. All is stored in one transaction: cut off, it is begun again.

    \b
    Exit codes: 0 done · 1 done, but folders were left out · 4 a server is at work, or something cannot be used
    """
    from nbprocessor.execution.presence import working
    from nbprocessor.store.database import open_database
    from nbprocessor.store.jobs import JobStore
    from nbprocessor.store.rebuilding import rebuild
    from nbprocessor.store.results import ResultStore

    settings = load(context, results=results)
    folders = ResultStore(existing_results(settings), settings.results.url)
    with folders.alone():
        store = JobStore(open_database(settings.store_url))
        context.call_on_close(store.engine.dispose)
        if others := working(store):
            raise StoreUnavailable(f"{len(others)} workers use the database; stop their servers first.")
        done = rebuild(store, folders, replacing=replace, verified=verify, dry_run=dry_run)
    for job_id, fault in done.faults.items():
        click.echo(f"nbprocessor: job {job_id} is left out: {fault}", err=True)
    click.echo(f"{'This would be done: ' if dry_run else ''}{_summary(done)}")
    sys.exit(1 if done.faults else 0)


def _summary(done: "Rebuilt") -> str:
    """Return the last line: ``3 jobs entered, 1 closed as lost, 2 known before.``"""
    parts = [f"{done.entered} {'job' if done.entered == 1 else 'jobs'} entered"]
    more = {
        "closed as lost": done.closed,
        "replaced": done.replaced,
        "known before": done.untouched,
        "left out": len(done.faults),
    }
    parts += [f"{number} {words}" for words, number in more.items() if number]
    return ", ".join(parts) + "."
