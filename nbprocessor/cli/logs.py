"""``nbprocessor logs``: what a job wrote, also while it runs."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from nbprocessor import contract
from nbprocessor.cli.jobs import stores
from nbprocessor.cli.settings import results_folder
from nbprocessor.errors import ResultGone

if TYPE_CHECKING:
    from nbprocessor.store.results import ResultStore

PAUSE = 0.3
"""Seconds between two looks at a log that is followed."""


@click.command(
    short_help="Print what a job wrote.", epilog="Example: nbprocessor logs 4be5c6f2-6c1f-4b45-9c1e-0b6f3fb5a2d1"
)
@click.argument("job_id", type=click.UUID)
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the job has ended.")
@results_folder
@click.pass_context
def logs(context: click.Context, job_id: UUID, follow: bool, results: Path | None) -> None:
    """Print what a job wrote; of a running job, what it wrote so far."""
    store, files = stores(context, results)
    printed = 0
    while True:
        # Asked for first: what is written until the end is then in the log that is read.
        job = store.get(job_id)
        printed += _print_from(printed, job_id, files)
        if job.status.ended or not follow:
            break
        time.sleep(PAUSE)
    if not printed:
        click.echo(f"The job is {job.status} and has written nothing.", err=True)


def _print_from(place: int, job_id: UUID, files: "ResultStore") -> int:
    """Print the log from a byte on and return how many bytes that were."""
    try:
        with files.open(job_id, contract.FILE_LOG) as file:
            file.seek(place)
            news = file.read()
    except ResultGone:  # nothing is written before the run begins
        return 0
    sys.stdout.buffer.write(news)
    sys.stdout.buffer.flush()
    return len(news)
