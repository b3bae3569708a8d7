"""Schedules under faults: of a simulated day no fire is lost, none is doubled, and each is accounted for.

Days begin in the night in which the clock is changed. In the long form they have 24 hours, and more of them are lived.
"""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults import simulation
from tests.servers.nbprocessor import start

KILLS = int(os.environ.get("KILLS", "12"))
"""``KILLS=200 make faults``; so many in days of spring, and in days of autumn."""
DAY = timedelta(hours=int(os.environ.get("HOURS", "3")))
"""``HOURS=24 make faults``; not fewer than three, after which the clock has been changed."""
SPRING = datetime(2026, 3, 28, 23, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 23, tzinfo=UTC)
"""Before the hour that is left out, and the one that comes twice."""
BACK, FORTH = timedelta(hours=-2), timedelta(hours=2)


@pytest.fixture(scope="module")
def processes():
    """Processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.simulation"])
    return context


def accounted(folder, begin, end) -> dict[str, int]:
    table = simulation.drained(folder, end)
    try:
        return simulation.assert_accounted(table, begin, end)
    finally:
        table.engine.dispose()


def run_through(processes, folder, begin, end, jumps=(), schedulers=1) -> None:
    """Let processes live through the rest of the day side by side."""
    living = [processes.Process(target=simulation.live, args=(folder, begin, end, jumps, n)) for n in range(schedulers)]
    for process in living:
        process.start()
    for process in living:
        process.join(240)
        assert process.exitcode == 0


@pytest.mark.parametrize("begin", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_whatever_is_killed_each_fire_of_the_day_is_accounted_for(tmp_path, processes, begin):
    drawn, killed, days = random.Random(begin.month), 0, 0
    while killed < KILLS:
        days += 1
        folder = tmp_path / f"day-{days}"
        folder.mkdir()
        simulation.prepare(folder, begin)
        now = begin
        while now < begin + DAY and killed < KILLS:
            killed += killed_while_firing(processes, folder, now, begin + DAY, drawn)
            # Mostly short: the day is there to be lived in.
            down = timedelta(minutes=drawn.choice([0, 0, 0, 0, 1, 1, 2, 3, 20, 90]))
            now = max(now, simulation.last_minute(folder, now) + down)
        end = max(now, begin + DAY)
        run_through(processes, folder, now, end)
        assert accounted(folder, begin, end)["successful"] > 5


def killed_while_firing(processes, folder, now, end, drawn) -> int:
    """Let two processes live side by side, kill them, and return how many had not come to the end of the day."""
    victims = [
        processes.Process(target=simulation.live, args=(folder, now, end, (), drawn.randrange(1000))) for _ in range(2)
    ]
    for victim in victims:
        victim.start()
    # Who is killed before it has opened anything proves nothing.
    while any(victim.is_alive() and not simulation.minutes_of(folder, victim.pid).exists() for victim in victims):
        time.sleep(0.01)
    # The moment of the kill is what is drawn; it is no event that could be waited for.
    time.sleep(drawn.uniform(0.0, 1.0))
    for victim in victims:
        victim.kill()
        victim.join()
    return sum(victim.exitcode == -signal.SIGKILL for victim in victims)


@pytest.mark.parametrize("jump", [BACK, FORTH], ids=["back", "forth"])
def test_a_clock_that_is_set_loses_no_fire_and_doubles_none(tmp_path, processes, jump):
    begin, end = AUTUMN, AUTUMN + DAY + timedelta(hours=1)  # the clock that is put forth stops later than it jumps
    simulation.prepare(tmp_path, begin)
    run_through(processes, tmp_path, begin, end, [(begin + timedelta(hours=1, minutes=2), jump)])
    assert accounted(tmp_path, begin, end)["successful"] > 5


def test_two_schedulers_with_different_clocks_fire_each_moment_once(tmp_path, processes):
    begin, end = SPRING, SPRING + DAY / 2
    simulation.prepare(tmp_path, begin)
    run_through(processes, tmp_path, begin, end, schedulers=3)
    assert accounted(tmp_path, begin, end)["successful"] > 5


def test_while_the_database_is_locked_fires_wait(tmp_path, processes):
    begin, end = SPRING, SPRING + timedelta(hours=2)
    simulation.prepare(tmp_path, begin)
    living = processes.Process(target=simulation.live, args=(tmp_path, begin, end, (), 1))
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None, timeout=30)) as other:
        living.start()
        while simulation.last_minute(tmp_path, begin) == begin:
            time.sleep(0.05)
        other.execute("BEGIN EXCLUSIVE")
        # A transaction waits for five seconds; the lock is to last longer.
        living.join(6)
        other.execute("ROLLBACK")
    living.join(240)
    assert living.exitcode == 0
    assert accounted(tmp_path, begin, end)["successful"] > 5


@pytest.mark.parametrize("point", ["folder-made", "fires-prepared", "fires-stored"])
def test_a_process_that_ends_in_the_middle_of_firing_leaves_the_fire_to_come_or_made(tmp_path, processes, point):
    begin, end = SPRING, SPRING + timedelta(minutes=45)
    simulation.prepare(tmp_path, begin)
    for turn in range(2):
        victim = processes.Process(target=_live_until, args=(point, tmp_path, begin, end, turn))
        victim.start()
        victim.join(60)
        assert victim.exitcode == 137
    run_through(processes, tmp_path, simulation.last_minute(tmp_path, begin), end)
    accounted(tmp_path, begin, end)


def _live_until(point, folder, begin, end, turn) -> None:
    from nbprocessor import faultpoints

    faultpoints.arm(point)
    simulation.live(folder, simulation.last_minute(folder, begin), end, (), turn)


@pytest.mark.kernel
def test_of_two_servers_the_other_fires_soon_after_the_ones_death(tmp_path, notebooks):
    results = tmp_path / "results"
    with start(notebooks, results) as first:
        _wait_until(lambda: first.get("/health").json()["schedules"]["firesHere"])
        with start(notebooks, results) as second:
            assert not second.get("/health").json()["schedules"]["firesHere"]
            first.process.kill()
            first.process.wait()
            _wait_until(lambda: second.get("/health").json()["schedules"]["firesHere"], patience=30)


def _wait_until(reached, patience=60.0) -> None:
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)
