"""Whether the database was changed meanwhile, by whichever process: asked often, because it costs next to nothing."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine

GLANCE = 0.1
"""Seconds between two questions: how late one process notices what another one did."""
PACE = 0.5
"""Seconds after which a database that cannot be asked counts as changed."""


@contextmanager
def watching(engine: Engine) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether anything may have been stored since it was called last, or given.

    SQLite counts the commits of others (``PRAGMA data_version``), which is read in some microseconds and waits for
    no lock. Of a PostgreSQL server it cannot be asked as cheaply: there something may have changed every
    :data:`PACE` seconds.
    """
    if engine.dialect.name != "sqlite":
        yield _news(lambda: int(time.monotonic() / PACE))
        return
    # Not one that makes the file: where it is gone the store says so.
    file = f"{Path(str(engine.url.database)).absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(file, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    except sqlite3.Error:
        yield lambda: True
        return
    with closing(connection):
        yield _news(lambda: _version(connection))


def _version(connection: sqlite3.Connection) -> int:
    try:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
    except sqlite3.Error:
        # Whoever looks into the store then learns what is wrong.
        return time.monotonic_ns()
    return int(version)


def _news(number: Callable[[], int]) -> Callable[[], bool]:
    last = number()

    def changed() -> bool:
        nonlocal last
        before, last = last, number()
        return last != before

    return changed
