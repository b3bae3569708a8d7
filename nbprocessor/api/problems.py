"""Errors as problem documents (RFC 7807) with the OGC's exception types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from nbprocessor.errors import (
    Forbidden,
    InvalidRequest,
    NbprocessorError,
    NoSuchJob,
    NoSuchProcess,
    NoSuchSchedule,
    NotFound,
    QueueFull,
    ResultGone,
    ResultNotReady,
    RightsLost,
    ScheduleDeclared,
    SignInUnavailable,
    StoreUnavailable,
    Unauthenticated,
    UserQueueFull,
)
from nbprocessor.model import Json
from nbprocessor.model.job import Job, JobStatus

OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
BLANK = "about:blank"
"""RFC 7807: the status says it all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused or failed request, ready to be sent."""

    status: HTTPStatus
    detail: str
    type: str = BLANK
    title: str = ""
    errors: tuple[Mapping[str, str], ...] = ()
    """Each fault of the request: ``pointer`` (RFC 6901), ``detail`` and, where it is not obvious, ``mend``."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Json]:
        """Return the members of the problem document."""
        document: dict[str, Any] = {
            "type": self.type,
            "title": self.title or self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [dict(error) for error in self.errors]
        return document


class RequestRefused(NbprocessorError):
    """The request as a whole cannot be read: too large, no JSON, wrong media type, no such method."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}


class JobFailed(NbprocessorError):
    """The answer was to be a result, and the job has none."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} {job.status}: {job.message}")
        self.job = job


class JobEnded(NbprocessorError):
    """The job was to be dismissed, and has ended by itself."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {job.id} has ended ({job.status}); what it left is kept, and cannot be dismissed.")
        self.job = job


def problem(error: NbprocessorError) -> Problem:
    """Turn an error of ours into what the client is told."""
    match error:
        case InvalidRequest():
            return _invalid(error)
        case RequestRefused():
            return Problem(error.status, str(error), headers=error.headers)
        case NoSuchProcess():
            return Problem(HTTPStatus.NOT_FOUND, str(error), f"{OGC}no-such-process", "NoSuchProcess")
        case NoSuchJob():
            return Problem(HTTPStatus.NOT_FOUND, str(error), f"{OGC}no-such-job", "NoSuchJob")
        case NotFound():
            title = "NoSuchSchedule" if isinstance(error, NoSuchSchedule) else ""
            return Problem(HTTPStatus.NOT_FOUND, str(error), title=title)
        case ResultNotReady():
            return Problem(HTTPStatus.NOT_FOUND, str(error), f"{OGC}result-not-ready", "ResultNotReady")
        case ResultGone() | RightsLost():
            status = HTTPStatus.GONE if isinstance(error, ResultGone) else HTTPStatus.FORBIDDEN
            return Problem(status, str(error))
        case JobEnded() | ScheduleDeclared():
            return Problem(HTTPStatus.CONFLICT, str(error), title=type(error).__name__)
        case JobFailed():
            return _failed(error.job)
        case Unauthenticated() | Forbidden():
            return _not_allowed(error)
        case QueueFull() | StoreUnavailable() | SignInUnavailable():
            own = isinstance(error, UserQueueFull)
            status = HTTPStatus.TOO_MANY_REQUESTS if own else HTTPStatus.SERVICE_UNAVAILABLE
            return Problem(status, str(error), headers={"Retry-After": str(error.retry_after)})
        case _:
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The server met an error of its own; its log says which.")


def _not_allowed(error: Unauthenticated | Forbidden) -> Problem:
    """Say how to sign in, and what was wrong with the token or the person's roles (RFC 6750, section 3)."""
    known = isinstance(error, Forbidden)
    status = HTTPStatus.FORBIDDEN if known else HTTPStatus.UNAUTHORIZED
    challenge = "Bearer"
    if error.reason:
        # Quotes and what is not ASCII have no place in this header.
        told = "".join(sign if " " <= sign <= "~" and sign not in '"\\' else "'" for sign in error.reason)
        code = "insufficient_scope" if known else "invalid_token"
        challenge = f'Bearer error="{code}", error_description="{told}"'
    return Problem(status, str(error), headers={"WWW-Authenticate": challenge})


def _invalid(error: InvalidRequest) -> Problem:
    count = len(error.problems)
    first = str(error.problems[0]) if error.problems else "The request is not valid."
    detail = first if count == 1 else f"{count} faults, the first: {first}"
    errors = tuple(
        {"pointer": fault.pointer, "detail": fault.detail} | ({"mend": fault.mend} if fault.mend else {})
        for fault in error.problems
    )
    return Problem(HTTPStatus.BAD_REQUEST, detail, f"{OGC}invalid-parameter-value", "InvalidParameterValue", errors)


def _failed(job: Job) -> Problem:
    """Map a job without results: what the notebook or its inputs did is 4xx, what the server did 5xx."""
    if job.status is JobStatus.DISMISSED:
        return Problem(HTTPStatus.GONE, f"Job {job.id} was dismissed; it has no results.", title="JobDismissed")
    by_server = job.message.startswith(("the worker", "the server"))
    status = HTTPStatus.INTERNAL_SERVER_ERROR if by_server else HTTPStatus.UNPROCESSABLE_ENTITY
    return Problem(status, f"Job {job.id} failed: {job.message}", f"{OGC}job-results-failed", "JobFailed")
