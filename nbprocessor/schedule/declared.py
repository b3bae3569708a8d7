"""Schedules that notebooks declare: kept as their front matter says, whenever what is on offer changes."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from nbprocessor import config, timing
from nbprocessor.errors import InvalidRequest
from nbprocessor.model import Json
from nbprocessor.model.process import Process
from nbprocessor.model.schedule import Schedule, ScheduleFilter
from nbprocessor.notebook.declaration import listed_schedules
from nbprocessor.schedule import definition
from nbprocessor.schedule.definition import Definition
from nbprocessor.schedule.recipients import Recipients
from nbprocessor.schedule.schedules import with_definition
from nbprocessor.store.schedules import ScheduleStore

log = logging.getLogger(__name__)

_SPACE = UUID("6a0f7c1e-9d0b-5c4e-8a53-0d3c8f5b2e77")
"""Ids of declared schedules follow from process and name, so that each stays itself through every restart."""


class DeclaredSchedules:
    """Follows the processes on offer; whoever fires calls :meth:`follow` before he looks for what is due."""

    def __init__(
        self,
        store: ScheduleStore,
        processes: Callable[[], Mapping[str, Process]],
        settings: config.Schedule,
        recipients: Recipients,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the parts.

        Args:
            store: Where schedules are kept.
            processes: What is on offer; another object whenever it changes.
            settings: The server's time zone, and how often may be fired.
            recipients: Who may be told of schedules.
            clock: The present.
        """
        self._store = store
        self._processes = processes
        self._settings = settings
        self._recipients = recipients
        self._clock = clock
        self._followed: Mapping[str, Process] | None = None

    def follow(self) -> None:
        """Make the schedules that are new, change those that are not as declared, remove those no longer declared.

        Schedules of a process that is not on offer stay: its notebook may come back.

        Raises:
            StoreUnavailable: The database cannot be used; it is done the next time.
        """
        processes = self._processes()
        if processes is self._followed:
            return
        known = {schedule.id: schedule for schedule in self._store.list(ScheduleFilter(sources=("notebook",)))}
        wanted: set[UUID] = set()
        for process in processes.values():
            for schedule_id, declared in _declared(process):
                wanted.add(schedule_id)
                self._keep(schedule_id, process, declared, known.get(schedule_id))
        for schedule in known.values():
            if schedule.id not in wanted and schedule.process_id in processes:
                log.info("schedule no longer declared schedule=%s process=%s", schedule.id, schedule.process_id)
                self._store.delete(schedule.id)
        self._followed = processes

    def _keep(self, schedule_id: UUID, process: Process, declared: Mapping[str, Json], known: Schedule | None) -> None:
        now = self._clock()
        when = {name: value for name, value in declared.items() if name != "inputs"}
        try:
            body = {"inputs": declared.get("inputs", {}), "schedule": when}
            wanted = definition.read(process, body, self._settings, self._recipients, now)
        except InvalidRequest as error:
            log.warning("declared schedule has faults process=%s faults=%s", process.id, error)
            return
        if known is not None and _same(known, wanted):
            return
        fresh = Schedule(schedule_id, process.id, {}, wanted.timing, created=now, updated=now, source="notebook")
        following = timing.next_time(wanted.timing, now) or now
        schedule = with_definition(known or fresh, wanted, following, now)
        if known is None:
            self._store.add(schedule)
        else:
            self._store.replace(schedule)
        log.info("schedule declared schedule=%s process=%s cron=%r", schedule_id, process.id, wanted.timing.cron)


def _declared(process: Process) -> Iterator[tuple[UUID, Mapping[str, Json]]]:
    """Yield id and members of each schedule a process declares."""
    for declared in listed_schedules(process.reserved.get("schedule")):
        yield uuid5(_SPACE, f"{process.id}/{declared.get('name', '')}"), declared


def _same(known: Schedule, wanted: Definition) -> bool:
    """Tell whether a schedule is as declared; whether it is paused is somebody's wish, and stays."""
    as_wanted = replace(wanted, active=known.active)
    return definition.document(known) == definition.document(as_wanted)
