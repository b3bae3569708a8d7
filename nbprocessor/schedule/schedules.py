"""What is done with schedules: made, changed, paused, run by hand, run for days gone by, removed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any
from uuid import UUID, uuid4

from nbprocessor import config, timing
from nbprocessor.errors import InvalidRequest, NoSuchProcess, NoSuchSchedule, Problem, RightsLost, ScheduleDeclared
from nbprocessor.model import Json
from nbprocessor.model.job import Job
from nbprocessor.model.process import Process
from nbprocessor.model.schedule import Fire, FireOutcome, Schedule, ScheduleFilter
from nbprocessor.schedule import definition
from nbprocessor.schedule.definition import Definition
from nbprocessor.schedule.firing import BACKFILL
from nbprocessor.schedule.preparation import Preparation
from nbprocessor.schedule.recipients import Recipients
from nbprocessor.store.fires import FireStore, Step
from nbprocessor.store.results import ResultStore
from nbprocessor.store.schedules import ScheduleStore

MOST = 1000
"""Fires one backfill may have."""
BY_HAND = "run by hand"
_MOMENT = timedelta(microseconds=1)


class Schedules:
    """The schedules of a server, for its API and its command line.

    ``owner`` is who asks; None is somebody who may do everything with every schedule. Methods that name a schedule
    raise NoSuchSchedule when there is none of the id, or it is somebody else's; all raise StoreUnavailable when the
    database cannot do its work.
    """

    def __init__(
        self,
        *,
        store: ScheduleStore,
        fires: FireStore,
        results: ResultStore,
        preparation: Preparation,
        settings: config.Schedule,
        recipients: Recipients,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the parts.

        Args:
            store: The schedules.
            fires: What became of their fires.
            results: Where the folders of the jobs go.
            preparation: Makes jobs, by what is on offer.
            settings: The server's time zone, and how often may be fired.
            recipients: Who may be told of schedules.
            wake: Tells the worker that jobs wait.
            clock: The present.
        """
        self.store = store
        self.fires = fires
        self._results = results
        self._preparation = preparation
        self._settings = settings
        self._recipients = recipients
        self._wake = wake
        self._clock = clock

    def create(self, process_id: str, body: Json, *, owner: str | None, source: str = "api") -> Schedule:
        """Make a schedule.

        Args:
            process_id: What is to be run.
            body: An execute request with the member ``schedule``.
            owner: In whose name.
            source: Who makes it: ``api`` or ``cli``.

        Raises:
            NoSuchProcess: It is not on offer.
            InvalidRequest: Names every fault of the definition, or of the request.
            RightsLost: The owner may not run the process.
        """
        now = self._clock()
        wanted = self._read(process_id, body, now)
        made = Schedule(
            uuid4(), process_id, wanted.request, wanted.timing, created=now, updated=now, owner=owner, source=source
        )
        schedule = self._defined(made, wanted, now)
        self.store.add(schedule)
        return schedule

    def load(self, entries: Sequence[tuple[UUID | None, str, str | None, Json]], source: str = "cli") -> list[Schedule]:
        """Make many schedules, or none if one of them is wrong; those that there are already get the new definition.

        Args:
            entries: Id (None: a new one), process, owner and definition of each.
            source: Who makes them.

        Raises:
            InvalidRequest: Names every fault of every entry, and processes that are not on offer.
        """
        now, made, problems = self._clock(), [], []
        for number, (schedule_id, process_id, owner, body) in enumerate(entries):
            identity = schedule_id or uuid4()
            try:
                known = self._known(identity)
                wanted = self._read(process_id, body, now)
                fresh = Schedule(
                    identity, process_id, {}, wanted.timing, created=now, updated=now, owner=owner, source=source
                )
                made.append((known, self._defined(replace(known or fresh, owner=owner), wanted, now)))
            except InvalidRequest as error:
                problems += [replace(one, pointer=f"/schedules/{number}{one.pointer}") for one in error.problems]
            except (NoSuchProcess, ScheduleDeclared, RightsLost) as error:
                problems.append(Problem(f"/schedules/{number}", str(error)))
        if problems:
            raise InvalidRequest(problems)
        for known, schedule in made:
            if known is None:
                self.store.add(schedule)
            else:
                self.store.replace(schedule)
        return [schedule for _, schedule in made]

    def _known(self, schedule_id: UUID) -> Schedule | None:
        try:
            known = self.store.get(schedule_id)
        except NoSuchSchedule:
            return None
        _refuse_declared(known)
        return known

    def get(self, schedule_id: UUID, owner: str | None) -> Schedule:
        """Return a schedule."""
        return self.store.get(schedule_id, owner=owner)

    def list(self, wanted: ScheduleFilter, *, limit: int | None = None, offset: int = 0) -> Sequence[Schedule]:
        """Return schedules, newest first."""
        return self.store.list(wanted, limit=limit, offset=offset)

    def replace(self, schedule_id: UUID, body: Json, owner: str | None) -> Schedule:
        """Give a schedule another definition; errors as for :meth:`create`, and ScheduleDeclared."""
        return self._change(schedule_id, owner, lambda _: body)

    def patch(self, schedule_id: UUID, change: Json, owner: str | None) -> Schedule:
        """Change parts of a definition (RFC 7396, JSON Merge Patch); errors as for :meth:`replace`."""
        return self._change(schedule_id, owner, lambda known: _merged(definition.document(known), change))

    def pause(self, schedule_id: UUID, owner: str | None) -> Schedule:
        """Let a schedule fire no more, until it is resumed; what waited for an earlier run is skipped."""
        now = self._clock()

        def stopped(known: Schedule) -> Schedule:
            return replace(known, active=False, message="", next_fire=None, updated=now) if known.active else known

        paused = self._stored(schedule_id, owner, stopped)
        self.fires.give_up_waiting(schedule_id, "the schedule was paused", now)
        return paused

    def resume(self, schedule_id: UUID, owner: str | None) -> Schedule:
        """Let a schedule fire again, from its next fire on: what it did not run while it was paused is not missed.

        Raises:
            InvalidRequest: There is no fire to come, or the process does not take its inputs.
            RightsLost: The owner may not run the process.
        """
        now = self._clock()

        def resumed(known: Schedule) -> Schedule:
            if known.active:
                return known
            following = timing.next_time(known.timing, now)
            if following is None:
                raise InvalidRequest([Problem("/schedule/end", "There is no fire to come.", "Let it end later.")])
            self._preparation.execution(known, following)
            return replace(known, active=True, message="", refusals=0, next_fire=following, updated=now)

        return self._stored(schedule_id, owner, resumed)

    def delete(self, schedule_id: UUID, owner: str | None) -> Schedule:
        """Remove a schedule; its jobs stay.

        Raises:
            ScheduleDeclared: It would come back.
        """
        schedule = self.get(schedule_id, owner)
        if schedule.process_id in self._preparation.processes():
            _refuse_declared(schedule)
        self.store.delete(schedule_id)
        return schedule

    def run(self, schedule_id: UUID, owner: str | None) -> Job:
        """Run a schedule once, now, whatever its policies say.

        Raises:
            NoSuchProcess, InvalidRequest, RightsLost: It cannot be run.
        """
        schedule, now = self.get(schedule_id, owner), self._clock()
        self._results.check_reserve()
        prepared = self._preparation.job(schedule, now)
        job = prepared.job
        fire = Fire(schedule.id, now, outcome=FireOutcome.QUEUED, job_id=job.id, reason=BY_HAND, noted=now)
        with self._results.accepting(job.id, prepared.files):
            self.fires.store([Step(schedule, schedule, [fire], [job])], None)
        self._wake()
        return job

    def backfill(self, schedule_id: UUID, begin: datetime, end: datetime, owner: str | None) -> Sequence[datetime]:
        """Let a schedule run for every moment between two, both included, at which it did not.

        They run one after the other, or side by side where its runs may overlap.

        Returns:
            The moments.

        Raises:
            InvalidRequest: They are too many, or lie in the future.
        """
        schedule, now = self.get(schedule_id, owner), self._clock()
        if end > now:
            raise InvalidRequest([Problem("end", f"{end.isoformat()} has not come yet; name a time that has passed.")])
        span = replace(schedule.timing, start=begin, end=end)
        moments = list(islice(takewhile(lambda time: time <= end, timing.times(span, begin - _MOMENT)), MOST + 1))
        if len(moments) > MOST:
            sentence = f"More than {MOST:,} runs lie between these two."
            raise InvalidRequest([Problem("begin", sentence, "Do it in several parts.")])
        known = {fire.fire_time: fire for fire in self.fires.of(schedule_id) if fire.attempt == 0}
        skipped = [known[time] for time in moments if time in known and known[time].outcome is FireOutcome.SKIPPED]
        new = [Fire(schedule.id, time, due=now, reason=BACKFILL, noted=now) for time in moments if time not in known]
        again = Fire(schedule.id, now, due=now, reason=BACKFILL, noted=now)
        changed = [(fire, replace(again, fire_time=fire.fire_time)) for fire in skipped]
        self.fires.store([Step(schedule, schedule, new, changed=changed)], None)
        return sorted(fire.fire_time for fire in (*new, *skipped))

    def _change(self, schedule_id: UUID, owner: str | None, body: Callable[[Schedule], Json]) -> Schedule:
        now = self._clock()

        def changed(known: Schedule) -> Schedule:
            _refuse_declared(known)
            return self._defined(known, self._read(known.process_id, body(known), now), now)

        return self._stored(schedule_id, owner, changed)

    def _stored(self, schedule_id: UUID, owner: str | None, change: Callable[[Schedule], Schedule]) -> Schedule:
        """Change a schedule; whoever was faster is taken into account."""
        while True:
            known = self.get(schedule_id, owner)
            changed = change(known)
            if changed is known:
                return known
            stored = self.store.replace(changed)
            if stored is not None:
                return stored

    def _read(self, process_id: str, body: Json, now: datetime) -> Definition:
        """Read a definition, and the request in it; every fault of both is named."""
        process = self._process(process_id)
        try:
            return definition.read(process, body, self._settings, self._recipients, now)
        except InvalidRequest as error:
            problems = list(error.problems)
        if isinstance(body, Mapping) and not any(problem.pointer.startswith("/inputs") for problem in problems):
            try:
                self._preparation.read(process, definition.request(process, body))
            except InvalidRequest as error:
                problems += error.problems
        raise InvalidRequest(problems)

    def _process(self, process_id: str) -> Process:
        process = self._preparation.processes().get(process_id)
        if process is None:
            raise NoSuchProcess(process_id)
        return process

    def _defined(self, known: Schedule, wanted: Definition, now: datetime) -> Schedule:
        """Return a schedule with a definition, once its owner may run it and the process takes its inputs."""
        following = timing.next_time(wanted.timing, now) or now
        if known.active and known.next_fire is not None and known.timing == wanted.timing:
            following = known.next_fire  # it may be due just now
        schedule = with_definition(known, wanted, following, now)
        self._preparation.execution(schedule, following)
        return schedule


def with_definition(known: Schedule, wanted: Definition, following: datetime, now: datetime) -> Schedule:
    """Return a schedule that is as a definition says.

    Args:
        known: Whose id, owner and source stay.
        wanted: The definition.
        following: Its next fire.
        now: The present.
    """
    return replace(
        known,
        request=wanted.request,
        timing=wanted.timing,
        name=wanted.name,
        active=wanted.active,
        misfire=wanted.misfire,
        overlap=wanted.overlap,
        retries=wanted.retries,
        retry_delay=wanted.retry_delay,
        notify=wanted.notify,
        message="",
        refusals=0,
        next_fire=following if wanted.active else None,
        updated=now,
    )


def _refuse_declared(schedule: Schedule) -> None:
    if schedule.declared:
        raise ScheduleDeclared(schedule.id, schedule.process_id)


def _merged(document: Json, change: Json) -> Any:
    """Return a document with a change laid over it (RFC 7396): objects member by member, null takes away."""
    if not isinstance(change, Mapping):
        return change
    merged = dict(document) if isinstance(document, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
