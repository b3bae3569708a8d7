"""The progress bar of a job, the same whether it runs here or on a server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

Show = Callable[[int, str, datetime | None], None]
"""Shows how far the job is: percent, one line for people, and when it is thought to end, where that is known."""


class TimeLeftColumn(ProgressColumn):
    """Shows the time to the end as the job tells it; rich's own column guesses it from the pace of the percentage."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """Write the time left; nothing where nobody knows it."""
        until: datetime | None = task.fields["until"]
        if until is None or task.finished:
            return Text()
        seconds = max(0, round((until - datetime.now(UTC)).total_seconds()))
        return Text(f"about {timedelta(seconds=seconds)} left", style="progress.remaining")


@contextmanager
def job_bar(console: Console, *, quiet: bool = False) -> Iterator[Show]:
    """Draw a bar for the time of the block; a quiet one draws nothing."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeLeftColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = progress.add_task("accepted", total=100, until=None)
        yield lambda percent, line, until: progress.update(bar, completed=percent, description=line, until=until)
