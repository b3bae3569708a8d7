"""One fires: the lease goes to another when its holder ends, and when it no longer beats."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from nbprocessor.execution import identity
from nbprocessor.schedule.leadership import BEAT, PATIENCE, Leadership
from nbprocessor.schedule.scheduler import Scheduler
from nbprocessor.store.fires import LEASE
from nbprocessor.store.leases import LeaseRegister
from tests.unit.schedule.timetable import HOURLY, timetable

ELSEWHERE = "other-boot/1/2/3"
TELL = "from nbprocessor.execution import identity\nprint(identity.own())"


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def register(tmp_path):
    with timetable(tmp_path) as table:
        register = LeaseRegister(table.engine)
        register.give_up(LEASE, table.holder)
        yield register


async def led_until_fired(scheduler, table, schedule):
    """Run a scheduler until a schedule has fired; tell whether it led then."""
    stop = asyncio.Event()
    running = asyncio.create_task(scheduler.run(stop))
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(table.fires.of, schedule.id):
            await asyncio.sleep(0.02)
    led = scheduler.leads
    stop.set()
    await running
    return led


def test_one_holds_and_the_other_waits(register):
    clock = Clock()
    first, second = Leadership(register, ELSEWHERE), Leadership(register, identity.own(), clock=clock)
    for _ in range(20):
        assert first.hold()
        assert not second.hold()
        clock.seconds += BEAT


def test_one_that_no_longer_beats_is_replaced_within_fifteen_seconds(register):
    clock = Clock()
    first, second = Leadership(register, ELSEWHERE), Leadership(register, identity.own(), clock=clock)
    assert first.hold()
    waited = 0.0
    while not second.hold():
        clock.seconds += BEAT
        waited += BEAT
    assert PATIENCE <= waited <= 15 - BEAT
    assert not first.hold()
    assert second.hold()


def test_one_that_was_killed_on_this_machine_is_replaced_at_once(register):
    done = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True)
    assert Leadership(register, done.stdout.strip()).hold()
    assert Leadership(register, identity.own()).hold()


def test_one_that_leaves_lets_the_next_one_take_over_at_once(register):
    first, second = Leadership(register, ELSEWHERE), Leadership(register, identity.own())
    assert first.hold()
    first.give_up()
    assert second.hold()
    first.give_up()
    assert second.hold()


def test_of_two_that_want_it_one_gets_it(register):
    seen = register.get(LEASE)
    assert [register.take(LEASE, name, seen) for name in ("a", "b")] == [True, False]


def test_the_scheduler_fires_at_the_second_and_gives_up_its_lease(tmp_path):
    """The clock runs a thousand days a second: the alarm has no part in it, and the beat finds what is due."""
    with timetable(tmp_path) as table:
        schedule = table.made(HOURLY)
        begun = datetime.now(UTC)

        def clock():
            return table.now + (datetime.now(UTC) - begun) * 3600

        leadership = Leadership(LeaseRegister(table.engine), table.holder)
        scheduler = Scheduler(schedules=table.store, firing=table.firing, leadership=leadership, clock=clock, beat=0.02)
        assert asyncio.run(led_until_fired(scheduler, table, schedule))
        assert table.fired(schedule)[-1].fire_time.minute == 0
        assert LeaseRegister(table.engine).get(LEASE) is None


def test_the_alarm_wakes_the_scheduler_before_its_next_beat(tmp_path):
    with timetable(tmp_path) as table:
        schedule = table.made(HOURLY)
        begun = datetime.now(UTC)
        # The schedule's next fire is put to two seconds from now: no cron text says so.
        from dataclasses import replace

        soon = begun + timedelta(seconds=2)
        table.store.replace(replace(schedule, next_fire=soon))
        scheduler = Scheduler(
            schedules=table.store,
            firing=table.firing,
            leadership=Leadership(LeaseRegister(table.engine), table.holder),
            beat=600,
        )
        asyncio.run(led_until_fired(scheduler, table, schedule))
        assert table.fired(schedule)[0].fire_time == soon
