"""The progress bar tells the time left as the job tells it."""

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from nbprocessor.cli.bar import job_bar


def drawn(until, percent=40):
    out = io.StringIO()
    with job_bar(Console(file=out, force_terminal=True, width=120)) as show:
        show(percent, "2 compute", until)
    return out.getvalue()


def test_the_bar_tells_the_time_left_where_the_job_tells_its_end():
    assert "about 0:0" in drawn(datetime.now(UTC) + timedelta(minutes=5))


def test_the_bar_tells_no_time_left_where_nobody_knows_it_or_the_job_is_done():
    assert "left" not in drawn(None)
    assert "left" not in drawn(datetime.now(UTC) + timedelta(minutes=5), percent=100)
