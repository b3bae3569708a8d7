"""Firing: what is due becomes jobs, what has ended is noted, what failed is tried again; each in one transaction.

A job's folder is made before the transaction that has its row, its fire and the schedule's next fire. Whatever is
killed in between leaves a folder that the next start sweeps up, and the fire still to come.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from nbprocessor import faultpoints
from nbprocessor.model.job import JobStatus
from nbprocessor.model.schedule import Fire, FireOutcome, OverlapPolicy, Schedule
from nbprocessor.schedule.announcing import announced
from nbprocessor.schedule.misfires import passed
from nbprocessor.schedule.preparation import Held, Preparation, Prepared, Refused
from nbprocessor.schedule.recipients import Recipients
from nbprocessor.store.fires import FireStore, Settled, Step
from nbprocessor.store.results import ResultStore
from nbprocessor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

BATCH = 100
"""Schedules whose fires are stored in one transaction."""
WRITERS = 8
"""Job folders made at once: each waits for the disk several times."""
BACKFILL = "backfill"
"""Reason of a fire that somebody asked for afterwards."""
HOLD = timedelta(minutes=1)
"""After this time a fire is tried again whose owner could not be asked about."""
REFUSALS = 3
"""Fires in a row that could not become jobs, after which a schedule is paused."""


class Firing:
    """Fires what is due; of all that share a database only the holder of the lease has any effect."""

    def __init__(
        self,
        *,
        schedules: ScheduleStore,
        fires: FireStore,
        results: ResultStore,
        preparation: Preparation,
        grace: int,
        recipients: Recipients,
        language: str,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the parts.

        Args:
            schedules: What is to be run when.
            fires: What became of it.
            results: Where the folders of the jobs go.
            preparation: Makes jobs of fires.
            grace: Seconds a missed fire may be late.
            recipients: Who is told of schedules.
            language: Of those who have none of their own.
            wake: Tells the worker that jobs wait.
        """
        self._schedules = schedules
        self._fires = fires
        self._results = results
        self._preparation = preparation
        self._grace = timedelta(seconds=grace)
        self._recipients = recipients
        self._language = language
        self._wake = wake

    def round(self, now: datetime, holder: str | None) -> None:
        """Do everything that is to be done at a moment.

        Args:
            now: The present.
            holder: Who holds the lease.

        Raises:
            StoreUnavailable: The database or the results folder cannot be used; what was not stored is still to come.
        """
        self.note_ended(now, holder)
        self.start_waiting(now, holder)
        self.fire_due(now, holder)

    def fire_due(self, now: datetime, holder: str | None) -> None:
        """Make the jobs of all schedules that are due."""
        while due := self._schedules.due(now, BATCH):
            self._results.check_reserve()
            busy = self._fires.busy([schedule.id for schedule in due])
            stepped = [self._step(schedule, now, busy.get(schedule.id)) for schedule in due]
            if not self._store(stepped, holder):
                return  # somebody else holds the lease

    def start_waiting(self, now: datetime, holder: str | None) -> None:
        """Make the jobs of fires that waited for an earlier run or for their time."""
        waiting = self._fires.waiting(now, BATCH)
        occupied = set(self._fires.running({schedule.id for _, schedule in waiting})) if waiting else set()
        stepped: list[tuple[Step, Sequence[Prepared]]] = []
        for fire, schedule in waiting:
            if schedule.id in occupied:
                continue
            if schedule.overlap is not OverlapPolicy.ALLOW or any(step.before.id == schedule.id for step, _ in stepped):
                occupied.add(schedule.id)
            stepped.append(self._start(fire, schedule, now))
        self._store(stepped, holder)

    def note_ended(self, now: datetime, holder: str | None) -> None:
        """Note how jobs ended, and let what failed be tried again."""
        settled = self._fires.ended(BATCH)
        stepped, latest = [], dict[UUID, Schedule]()
        for one in settled:
            # What one run changes of its schedule is what the next one finds.
            schedule = latest.get(one.schedule.id, one.schedule)
            step = self._announced(_noted(replace(one, schedule=schedule), now))
            latest[schedule.id] = step.after
            stepped.append((step, ()))
        self._store(stepped, holder)

    def _step(self, schedule: Schedule, now: datetime, busy: Fire | None) -> tuple[Step, Sequence[Prepared]]:
        """Decide what becomes of everything of one schedule that is due."""
        share = passed(schedule, now, self._grace)
        after = replace(schedule, next_fire=share.next_fire)
        new, made = list(share.skipped), []
        for time in share.run:
            fire = Fire(schedule.id, time, due=now, noted=now)
            if not after.active:
                new.append(replace(fire, outcome=FireOutcome.SKIPPED, reason=f"paused: {after.message}", due=None))
            elif busy and schedule.overlap is OverlapPolicy.FORBID:
                reason = f"the run of {busy.fire_time.isoformat()} has not ended"
                new.append(replace(fire, outcome=FireOutcome.SKIPPED, reason=reason, due=None))
            elif busy and schedule.overlap is OverlapPolicy.QUEUE:
                new.append(replace(fire, reason=f"waits for the run of {busy.fire_time.isoformat()}"))
            else:
                fire, after, prepared = self._made(fire, after)
                new.append(fire)
                made += prepared
                busy = fire if prepared else busy
        return self._announced(Step(schedule, after, new, [one.job for one in made])), made

    def _start(self, fire: Fire, schedule: Schedule, now: datetime) -> tuple[Step, Sequence[Prepared]]:
        begun, after, made = self._made(replace(fire, noted=now), schedule)
        step = Step(schedule, schedule if after == schedule else after, (), [one.job for one in made], [(fire, begun)])
        return self._announced(step), made

    def _announced(self, step: Step) -> Step:
        return announced(step, self._recipients.of(step.after.notify), self._language)

    def _made(self, fire: Fire, schedule: Schedule) -> tuple[Fire, Schedule, list[Prepared]]:
        """Make the job of a fire; or say why not, and pause the schedule when that is not going to change."""
        result = self._preparation.try_job(schedule, fire.fire_time)
        if isinstance(result, Held):
            noted = fire.noted or datetime.now(UTC)
            return replace(fire, due=noted + HOLD, reason=result.reason), schedule, []
        if isinstance(result, Prepared):
            # What a retry or a backfill says of itself stays; what it waited for is over.
            reason = fire.reason if fire.attempt or fire.reason == BACKFILL else ""
            queued = replace(fire, outcome=FireOutcome.QUEUED, job_id=result.job.id, due=None, reason=reason)
            return queued, replace(schedule, refusals=0), [result]
        failed = replace(fire, outcome=FireOutcome.FAILED, due=None, reason=result.reason)
        return failed, _refused(schedule, result), []

    def _store(self, stepped: Sequence[tuple[Step, Sequence[Prepared]]], holder: str | None) -> bool:
        """Make the folders, then store; what was not stored is taken away again. Tell whether anything was."""
        if not stepped:
            return False
        prepared = [one for _, made in stepped for one in made]
        with ExitStack() as accepted:
            with ThreadPoolExecutor(min(WRITERS, len(prepared) or 1)) as writers:
                accepting = (self._results.accepting(one.job.id, one.files) for one in prepared)
                list(writers.map(accepted.enter_context, accepting))
            faultpoints.passed("fires-prepared")
            stored = self._fires.store([step for step, _ in stepped], holder)
            faultpoints.passed("fires-stored")
            for one in prepared:
                if one.job.id not in stored.jobs:
                    self._results.delete(one.job.id)
        for step in stored.steps:
            _tell(step)
        if stored.jobs:
            self._wake()
        return bool(stored.steps)


def _tell(step: Step) -> None:
    for fire in (*step.new, *(after for _, after in step.changed)):
        facts = (fire.schedule_id, fire.fire_time.isoformat(), fire.outcome, fire.job_id, fire.reason)
        log.info("schedule fired schedule=%s time=%s outcome=%s job=%s reason=%r", *facts)
    if step.before.active and not step.after.active:
        log.warning("schedule paused schedule=%s reason=%s", step.after.id, step.after.message)


def _refused(schedule: Schedule, refused: Refused) -> Schedule:
    refusals = schedule.refusals + 1
    if not refused.pause and refusals < REFUSALS:
        return replace(schedule, refusals=refusals)
    often = "" if refused.pause else f"{refusals} times in a row: "
    return replace(schedule, refusals=refusals, active=False, next_fire=None, message=f"{often}{refused.reason}")


def _noted(settled: Settled, now: datetime) -> Step:
    """Return what is stored of a fire whose job has ended: its outcome, and the retry if there is to be one."""
    fire, schedule, job = settled.fire, settled.schedule, settled.job
    if job is None:
        done = replace(fire, outcome=FireOutcome.FAILED, reason="the record of its job was removed", noted=now)
        return Step(schedule, schedule, changed=[(fire, done)])
    done = replace(fire, outcome=FireOutcome(job.status), reason=job.message, noted=now)
    if job.status is not JobStatus.FAILED or fire.attempt >= schedule.retries:
        return Step(schedule, schedule, changed=[(fire, done)])
    due = now + timedelta(seconds=schedule.retry_delay * 2**fire.attempt)
    reason = f"retry {fire.attempt + 1} of {schedule.retries}, after job {job.id} failed"
    retry = Fire(schedule.id, fire.fire_time, fire.attempt + 1, reason=reason, due=due, noted=now)
    return Step(schedule, schedule, [retry], changed=[(fire, done)])
