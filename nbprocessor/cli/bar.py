"""The progress bar of a job, the same whether it runs here or on a server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Show = Callable[[int, str], None]
"""Shows how far the job is: percent, and one line for people."""


@contextmanager
def job_bar(console: Console, *, quiet: bool = False) -> Iterator[Show]:
    """Draw a bar for the time of the block; a quiet one draws nothing."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = progress.add_task("accepted", total=100)
        yield lambda percent, line: progress.update(bar, completed=percent, description=line)
