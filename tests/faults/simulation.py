"""A day of schedules, minute by minute: processes that fire and work by their own clock, and may be killed any time."""

import json
import os
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from nbprocessor.errors import StoreUnavailable
from nbprocessor.execution import identity
from nbprocessor.model.job import JobFilter, JobStatus
from nbprocessor.model.schedule import FireOutcome, Schedule, ScheduleFilter
from nbprocessor.schedule.leadership import Leadership
from nbprocessor.store.leases import LeaseRegister
from nbprocessor.timing import delay, times
from tests.unit.schedule.timetable import Timetable

MINUTE = timedelta(minutes=1)
SCHEDULES = (
    {"cron": "0 * * * *"},
    {"cron": "*/5 * * * *", "overlapPolicy": "queue", "misfirePolicy": "all"},
    {"cron": "*/15 * * * *", "overlapPolicy": "allow", "misfirePolicy": "skip", "retries": 2, "retryDelay": 120},
    {"cron": "30 2 * * *", "misfirePolicy": "all"},
    {"cron": "0 2,3 * * *", "overlapPolicy": "allow"},
    {"cron": "7 */2 * * *", "jitter": 300, "retries": 1},
)
"""In the time zone in which the clock is changed."""


def opened(folder: Path) -> Timetable:
    """Open the stores of the simulated day in this process."""
    return Timetable(folder, timezone="Europe/Berlin", hold=False)


def prepare(folder: Path, begin: datetime) -> None:
    """Make the schedules; they fire from ``begin`` on."""
    table = opened(folder)
    table.now = begin
    for timing in SCHEDULES:
        table.schedules.create("trial", {"schedule": dict(timing)}, owner=None)
    table.engine.dispose()


def live(folder: Path, begin: datetime, end: datetime, jumps: Sequence[tuple[datetime, timedelta]], seed: int) -> None:
    """Fire and work from one moment to another, minute by minute; each minute is noted in a file when it is over.

    Args:
        folder: With the stores.
        begin: What the clock shows at first.
        end: When it stops.
        jumps: Moments at which somebody sets the clock, and by how much.
        seed: Of what is drawn: whether a job fails, and how many end in a minute.
    """
    table, drawn, jumped = opened(folder), random.Random(seed), set()
    leadership = Leadership(LeaseRegister(table.engine), identity.own(), patience=0.5)
    with minutes_of(folder, os.getpid()).open("a", buffering=1) as minutes:
        now, held, lived = begin, False, 0
        while now <= end:
            with suppress(StoreUnavailable):
                held, lived = leadership.hold() if lived % 3 == 0 else held, lived + 1
                if held:
                    table.firing.round(now, leadership.holder)
                _work(table, drawn)
            minutes.write(json.dumps(now.isoformat()) + "\n")
            now += MINUTE
            for moment, by in jumps:
                if moment <= now and moment not in jumped:
                    jumped.add(moment)
                    now += by
    with suppress(StoreUnavailable):
        leadership.give_up()
    table.engine.dispose()


def _work(table: Timetable, drawn: random.Random) -> None:
    """Settle the jobs of killed workers, then run some: most end well."""
    for job in table.jobs.lost(lambda worker: identity.is_alive(worker) is not False):
        if adopted := table.jobs.adopt(job, identity.own()):
            table.jobs.finish(adopted, JobStatus.FAILED, "the worker running this job was lost")
    for _ in range(drawn.randrange(4)):
        if job := table.jobs.claim(identity.own()):
            status = JobStatus.FAILED if drawn.random() < 0.2 else JobStatus.SUCCESSFUL
            table.jobs.finish(job, status, "drawn")


def minutes_of(folder: Path, pid: int) -> Path:
    """Return the file in which a process notes the minutes it has lived; it is there once everything is open."""
    return folder / f"minutes-{pid}"


def last_minute(folder: Path, before: datetime) -> datetime:
    """Return the last minute that any process noted."""
    found = [before]
    for file in folder.glob("minutes-*"):
        for line in file.read_text().splitlines():
            with suppress(ValueError):
                found.append(datetime.fromisoformat(json.loads(line)))
    return max(found)


def drained(folder: Path, now: datetime) -> Timetable:
    """Let everything that waits run to its end, after the day."""
    table = opened(folder)
    leadership = Leadership(LeaseRegister(table.engine), identity.own(), patience=0)
    for _ in range(3):
        leadership.hold()
    for _ in range(5000):
        now += MINUTE
        table.firing.note_ended(now, leadership.holder)
        table.firing.start_waiting(now, leadership.holder)
        _work(table, random.Random(1))
        while job := table.jobs.claim(identity.own()):
            table.jobs.finish(job, JobStatus.SUCCESSFUL, "")
        if (
            not table.waiting_jobs()
            and not table.fires.waiting(now + timedelta(days=9), 1)
            and not table.fires.ended(1)
        ):
            return table
    raise AssertionError("something waits for ever")


def assert_accounted(table: Timetable, begin: datetime, end: datetime) -> dict[str, int]:
    """Check that each moment of the day became one thing, and each job is of one fire; return how many became what."""
    counted: dict[str, int] = {}
    jobs = {job.id: job for job in table.jobs.list(JobFilter(), limit=100_000)}
    named: list = []
    for schedule in table.store.list(ScheduleFilter()):
        assert schedule.active, schedule.message
        fires = table.fires.of(schedule.id)
        assert len({(fire.fire_time, fire.attempt) for fire in fires}) == len(fires)
        expected = _expected(schedule, begin, end)
        became = {fire.fire_time: fire for fire in fires if fire.attempt == 0}
        ranges = [(fire.fire_time, fire.through) for fire in fires if fire.attempt == -1]
        for moment in expected:
            told = (moment in became) + sum(first <= moment <= last for first, last in ranges)
            assert told == 1, f"{schedule.timing.cron} {moment} was told {told} times"
        assert became.keys() <= set(expected)
        for fire in fires:
            counted[fire.outcome] = counted.get(fire.outcome, 0) + 1
            assert fire.outcome not in {FireOutcome.WAITING, FireOutcome.QUEUED}
            assert fire.job_id is not None or fire.reason
            if fire.job_id is not None:
                named.append(fire.job_id)
                assert (jobs[fire.job_id].schedule_id, jobs[fire.job_id].fire_time) == (schedule.id, fire.fire_time)
                assert jobs[fire.job_id].status == fire.outcome
                assert table.results.exists(fire.job_id, "inputs.json")
    assert sorted(named) == sorted(jobs)
    return counted


def _expected(schedule: Schedule, begin: datetime, end: datetime) -> list[datetime]:
    """Return the moments until the schedule's next fire: those of the day."""
    found = []
    for moment in times(schedule.timing, begin):
        if schedule.next_fire is not None and moment >= schedule.next_fire:
            break
        found.append(moment)
    assert schedule.next_fire is not None
    assert schedule.next_fire + delay(schedule.id, schedule.next_fire, schedule.timing.jitter) > end
    return found
