"""Schedules: 10,000 of them start and wake as quickly as 100; 1,000 that are due at once are queued within 10 s."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert

from nbprocessor.execution import identity
from nbprocessor.schedule.leadership import Leadership
from nbprocessor.schedule.scheduler import Scheduler
from nbprocessor.store import schedules as rows
from nbprocessor.store.database import writing
from nbprocessor.store.leases import LeaseRegister
from nbprocessor.store.tables import schedules
from tests.benchmarks.measurement import Measurement
from tests.benchmarks.timing import medians
from tests.unit.schedule.timetable import HOUR, NOW, Timetable, timetable

FEW, MANY, DUE = 100, 10_000, 1_000
ROUNDS = 41


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as until_the_end:
        tables = {}
        for count in (FEW, MANY):
            folder = Path(name) / str(count)
            folder.mkdir()
            tables[count] = until_the_end.enter_context(timetable(folder))
            _fill(tables[count], count)
        begun = time.perf_counter()
        _scheduler(tables[MANY]).look()
        yield Measurement(f"first look of a scheduler, {MANY:,} schedules", time.perf_counter() - begun, "s", at_most=5)
        schedulers = {count: _scheduler(table) for count, table in tables.items()}
        times = medians({str(count): scheduler.look for count, scheduler in schedulers.items()}, ROUNDS)
        few, many = times[str(FEW)] * 1000, times[str(MANY)] * 1000
        yield Measurement(f"a wake-up, {MANY:,} schedules", many, "ms", f"{FEW} schedules", few, at_most=3)
        yield _due_at_once(tables[MANY])


def _scheduler(table: Timetable) -> Scheduler:
    leadership = Leadership(LeaseRegister(table.engine), identity.own())
    return Scheduler(
        schedules=table.store, firing=table.firing, leadership=leadership, clock=lambda: table.now, beat=600
    )


def _fill(table: Timetable, count: int, **changes) -> None:
    """Store copies of a schedule, none of them due."""
    one = table.made("0 * * * *", jitter=1800)
    copies = [replace(one, id=uuid4(), **changes) for _ in range(count - 1)]
    with writing(table.engine) as connection:
        connection.execute(insert(schedules), [rows._values(copy) for copy in copies])


def _due_at_once(table: Timetable) -> Measurement:
    """Put a thousand fires on one second and measure until all their jobs are queued."""
    soon = NOW + HOUR / 2
    one = table.made("0 10 * * *")
    copies = [replace(one, id=uuid4()) for _ in range(DUE - 1)]
    with writing(table.engine) as connection:
        connection.execute(insert(schedules), [rows._values(copy) for copy in copies])
    # Those of every hour wait for their jitter; only what is due at the second itself fires.
    table.now = soon + timedelta(microseconds=1)
    begun = time.perf_counter()
    table.round()
    taken = time.perf_counter() - begun
    assert len(table.waiting_jobs()) >= DUE
    return Measurement(f"{DUE:,} schedules due in one second, queued", taken, "s", at_most=10)
