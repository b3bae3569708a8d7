"""What the routes need of the house: handed in by ``app``, looked up nowhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request

from nbprocessor.api.call import Call
from nbprocessor.api.endpoint import Render
from nbprocessor.api.manager import Submit, job_uuid
from nbprocessor.api.service import NotebookAPI
from nbprocessor.api.viewer import Viewer
from nbprocessor.auth.signin import SignIn
from nbprocessor.catalogue import Catalogue
from nbprocessor.config import Settings
from nbprocessor.errors import NoSuchProcess
from nbprocessor.execution.events import JobEvents
from nbprocessor.model import Json
from nbprocessor.model.job import Job
from nbprocessor.model.process import Process
from nbprocessor.schedule.schedules import Schedules
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes need of the house, built by ``app``."""

    settings: Settings
    base_url: str
    api: NotebookAPI
    catalogue: Catalogue
    store: JobStore
    results: ResultStore
    events: JobEvents
    submit: Submit
    check_url: Callable[[str], None]
    """Raises OutboundRefused for an address that must not be called."""
    dismiss: Callable[[UUID], None]
    """Tells a worker of this server at once that a job is dismissed."""
    render: Render
    render_report: Callable[..., str]
    report_headers: Mapping[str, str]
    steps: Callable[[bytes], list[dict[str, Json]]]
    """The cells of an executed notebook, for the page of a job."""
    health: Callable[[], dict[str, Any]]
    schedules: Schedules
    sign_in: SignIn | None = None
    """None: sign-in is off, and everybody sees everything."""

    def viewer(self, request: Request) -> Viewer:
        """Return what the request may see: the one place where owners and visibility are decided."""
        return Viewer.of(request, self.sign_in)

    def owner(self, request: Request) -> str | None:
        """Return whose jobs and schedules can be reached by their id; None: everybody's."""
        return self.viewer(request).owner

    def call(self, request: Request) -> Call:
        """Return the facts of this request for our process manager."""
        viewer = self.viewer(request)
        return Call(
            processes=viewer.visible(self.catalogue.processes),
            owner=viewer.owner,
            submitter=viewer.submitter,
            token=getattr(request.state, "access_token", ""),
        )

    def job(self, request: Request) -> Job:
        """Return the job the path names, if the one who asks may see it (runs in a thread).

        Raises:
            NoSuchJob: Unknown, or another owner's.
        """
        job_id = job_uuid(request.path_params["job_id"])
        viewer = self.viewer(request)
        return self.store.get(job_id, owner=None if viewer.shared_job == str(job_id) else viewer.owner)

    def process(self, request: Request) -> Process:
        """Return the process the path names.

        Raises:
            NoSuchProcess: None of this id is on offer, or not to the one who asks.
        """
        process = self.catalogue.get(request.path_params["process_id"])
        if not self.viewer(request).sees(process):
            raise NoSuchProcess(process.id)
        return process
