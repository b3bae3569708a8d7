"""What one fire becomes: a job with concrete values, or the reason why there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from nbprocessor.errors import InvalidRequest, NoSuchProcess, RightsLost, SignInUnavailable
from nbprocessor.execution.submission import prepared
from nbprocessor.model import Json
from nbprocessor.model.job import Execution, Job
from nbprocessor.model.process import Process
from nbprocessor.model.schedule import Schedule
from nbprocessor.schedule import definition

Read = Callable[[Process, Json], Execution]
"""Reads an execute request as the API does; raises InvalidRequest."""
Authorize = Callable[[Schedule, Process], None]
"""Raises RightsLost when the owner of a schedule may no longer run its process, SignInUnavailable if none can tell."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that is nowhere yet, and the files its folder begins with."""

    job: Job
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a fire cannot become a job."""

    reason: str
    pause: bool = False
    """It would be the same the next time: the process has changed."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why a fire cannot become a job for now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Preparation:
    """Makes jobs of fires, by what is on offer at the time."""

    processes: Callable[[], Mapping[str, Process]]
    read: Read
    authorize: Authorize
    per_process: int = 0

    def execution(self, schedule: Schedule, fire_time: datetime) -> tuple[Process, Execution]:
        """Return process and request of one fire.

        Raises:
            NoSuchProcess: It is not on offer.
            InvalidRequest: It does not take these inputs, or no longer.
            RightsLost: The owner may not run it.
            SignInUnavailable: Whether he may cannot be told now.
        """
        process = self.processes().get(schedule.process_id)
        if process is None:
            raise NoSuchProcess(schedule.process_id)
        self.authorize(schedule, process)
        return process, self.read(process, definition.resolved(schedule.request, fire_time, schedule.timing.timezone))

    def job(self, schedule: Schedule, fire_time: datetime) -> Prepared:
        """Return the job of one fire; errors as :meth:`execution`."""
        process, execution = self.execution(schedule, fire_time)
        job, files = prepared(
            process,
            execution,
            owner=schedule.owner,
            trigger="schedule",
            per_process=self.per_process,
            schedule_id=schedule.id,
            fire_time=fire_time,
        )
        return Prepared(job, files)

    def try_job(self, schedule: Schedule, fire_time: datetime) -> Prepared | Refused | Held:
        """Return the job of one fire, or why there is none, or none yet."""
        try:
            return self.job(schedule, fire_time)
        except NoSuchProcess as error:
            return Refused(f"{error} Is its notebook still there, and without faults?")
        except InvalidRequest as error:
            return Refused(f"The process has changed and does not take the inputs any more: {error}", pause=True)
        except RightsLost as error:
            return Refused(f"The owner of the schedule may not run it any more: {error.reason}")
        except SignInUnavailable as error:
            return Held(f"waits until it can be told whether the owner may run it: {error}")
