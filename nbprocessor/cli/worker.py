"""``nbprocessor worker``: runs jobs for servers of the same database."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprocessor.cli.settings import load, results_folder

if TYPE_CHECKING:
    from nbprocessor.app import House


@click.command(
    short_help="Run jobs that servers of the same database accepted.",
    epilog="Example: nbprocessor worker --slots 4",
)
@click.option("--slots", type=click.IntRange(0), help="Jobs running at once; 0: as many as there are cores [0].")
@results_folder
@click.pass_context
def worker(context: click.Context, slots: int | None, results: Path | None) -> None:
    """Run jobs without serving anything, until Ctrl-C or SIGTERM.

    Database and results folder are those of a server (`nbprocessor serve`), which accepts the jobs and answers for
    them. Running jobs are ended when the worker stops.
    """
    settings = load(context, results=results, execution={"slots": slots}, serves=True)

    from nbprocessor.app import build

    house = build(settings)
    context.call_on_close(house.store.engine.dispose)
    context.with_resource(house.results.in_use())
    click.echo(f"{settings.slots} jobs at a time (results in {settings.results.folder})", err=True)
    asyncio.run(_work(house))


async def _work(house: "House") -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, house.stop)
    await house.worker.recover()
    await house.worker.run(house.stopping)
