"""One request's facts, carried past pygeoapi's functions, which know nothing of users, filters or validated bodies."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from nbprocessor.api.prefer import Preference
from nbprocessor.model import Json
from nbprocessor.model.job import Execution, Job, JobFilter
from nbprocessor.model.process import Process


@dataclass(slots=True)
class Call:
    """What the adapter knows of the request and the manager needs, and what the manager found out."""

    processes: Mapping[str, Process]
    """The processes on offer when the request came in: one snapshot for the whole request."""
    owner: str | None = None
    """Whose jobs can be reached; None: everybody's (sign-in off, or an administrator)."""
    submitter: str | None = None
    """Whose a new job will be; None while sign-in is off."""
    token: str = field(default="", repr=False)
    """The access token the request came with, or that of its session; empty: none."""
    openapi: Mapping[str, Json] = field(default_factory=dict)
    """The document for this request."""
    offset: int = 0
    """Of the process list, which pygeoapi pages by ``limit`` only."""
    filter: JobFilter = JobFilter()
    execution: Execution | None = None
    preference: Preference = Preference()
    more: bool = False
    """Whether there are jobs after the page the manager found."""
    jobs: dict[str, Job] = field(default_factory=dict)
    """Jobs the manager met on the way, by id: the answer is written from these."""

    @property
    def job(self) -> Job:
        """The one job the request was about."""
        (job,) = self.jobs.values()
        return job


CALL: ContextVar[Call] = ContextVar("nbprocessor_call")
