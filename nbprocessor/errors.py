"""The error tree. Every error carries its facts as attributes; only ``api`` and ``web`` turn errors into responses.

::

    NbprocessorError
    ├── SettingsError            .file .key
    ├── NotebookError            .path .problems        a notebook that cannot be offered as a process
    ├── NotFound
    │   ├── NoSuchProcess        .process_id
    │   ├── NoSuchJob            .job_id
    │   ├── NoSuchSchedule       .schedule_id
    │   └── NoSuchOutput         .job_id .output_id
    ├── InvalidRequest           .problems              a request the client has to mend
    ├── ScheduleDeclared         .schedule_id           it is changed where its notebook declares it
    ├── RightsLost               .reason                an owner may no longer do what his schedule does
    ├── Unauthenticated          .reason                nobody is signed in, or the token is not good
    ├── Forbidden                .reason                signed in, and may not do this
    ├── SignInUnavailable        .reason .retry_after   Keycloak does not answer, and is needed for this
    ├── ResultNotReady           .job_id .status
    ├── ResultGone               .job_id                the record is there, its files are not
    ├── QueueFull                .limit .retry_after
    │   └── UserQueueFull                               as many of one user's jobs as may wait
    ├── StoreUnavailable         .reason .retry_after   database locked, unreachable, or disk full
    ├── OutboundRefused          .url .reason           an address that must not be called, or did not answer
    ├── NotDelivered             .where .reason         a mail that no mail server took
    ├── TokenUnavailable                                nobody can be signed in for a job any more
    ├── ExecutionError                                  why a job failed
    │   ├── CellFailed           .cell_id .ename .evalue .traceback
    │   ├── LimitReached         .limit .value .cell_id
    │   ├── KernelMissing        .kernel .known
    │   ├── KernelDied           .cell_id .exit_code
    │   ├── InputUnavailable     .input_id .url
    │   ├── OutputMissing        .output_ids
    │   ├── SecretUnavailable    .secret
    │   └── WorkerLost           .worker
    └── DataError                .resource              met by the kit inside the kernel
        ├── ResourceNotFound     .resource .status      unknown, or no permission to see it
        ├── DataUnavailable      .resource .status
        └── InvalidData          .resource .problems
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in something a person wrote: where it is, what is wrong, how to mend it."""

    pointer: str
    """JSON pointer (RFC 6901) into the request, or cell and line in a notebook."""
    detail: str
    """One sentence that names the value and what is expected."""
    mend: str = ""
    """What to do about it, when that is not obvious from ``detail``."""

    def __str__(self) -> str:
        place = f"{self.pointer}: " if self.pointer else ""
        return f"{place}{self.detail}{' ' + self.mend if self.mend else ''}"


class NbprocessorError(Exception):
    """Whatever this project raises on purpose."""


class SettingsError(NbprocessorError):
    """A setting is wrong; the sentence names the file or variable, the key and the mend."""

    def __init__(self, message: str, *, file: Path | None = None, key: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.key = key


class NotebookError(NbprocessorError):
    """A notebook cannot be offered as a process."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__(f"{path}: " + "; ".join(str(problem) for problem in problems))
        self.path = path
        self.problems = tuple(problems)


class NotFound(NbprocessorError):
    """What was asked for is not here, or not for the one who asks."""


class NoSuchProcess(NotFound):
    """No process of this id is on offer."""

    def __init__(self, process_id: str) -> None:
        super().__init__(f'There is no process "{process_id}".')
        self.process_id = process_id


class NoSuchJob(NotFound):
    """No job of this id exists for the one who asks."""

    def __init__(self, job_id: object) -> None:
        super().__init__(f'There is no job "{job_id}".')
        self.job_id = str(job_id)


class NoSuchSchedule(NotFound):
    """No schedule of this id exists for the one who asks."""

    def __init__(self, schedule_id: object) -> None:
        super().__init__(f'There is no schedule "{schedule_id}".')
        self.schedule_id = str(schedule_id)


class NoSuchOutput(NotFound):
    """The job has no output of this id."""

    def __init__(self, job_id: object, output_id: str) -> None:
        super().__init__(f'Job "{job_id}" has no output "{output_id}".')
        self.job_id = str(job_id)
        self.output_id = output_id


class InvalidRequest(NbprocessorError):
    """A request the client has to mend; names every fault, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Unauthenticated(NbprocessorError):
    """Nobody is signed in, or the token is not good; ``reason`` never holds a part of a token."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "Sign in first: this needs a token of Keycloak (Authorization: Bearer).")
        self.reason = reason
        """Why the token is refused; empty: there was none."""


class Forbidden(NbprocessorError):
    """Who asks is known, and may not do this."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ScheduleDeclared(NbprocessorError):
    """A schedule of a notebook's front matter cannot be changed or removed from outside of it."""

    def __init__(self, schedule_id: object, process_id: str) -> None:
        super().__init__(
            f'Schedule "{schedule_id}" is declared in the notebook of {process_id}; '
            "change its front matter, or pause the schedule."
        )
        self.schedule_id = str(schedule_id)


class RightsLost(NbprocessorError):
    """The owner of a schedule may no longer do what it does."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignInUnavailable(NbprocessorError):
    """Whether a token is good cannot be told now: Keycloak does not answer."""

    def __init__(self, reason: str, retry_after: int = 10) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class ResultNotReady(NbprocessorError):
    """The job has not ended."""

    def __init__(self, job_id: object, status: str) -> None:
        super().__init__(f'Job "{job_id}" is {status}; its results are not ready.')
        self.job_id = str(job_id)
        self.status = status


class ResultGone(NbprocessorError):
    """The job's record is there, the files it names are not."""

    def __init__(self, job_id: object, file: str) -> None:
        super().__init__(f'The file "{file}" of job "{job_id}" is no longer there.')
        self.job_id = str(job_id)
        self.file = file


class QueueFull(NbprocessorError):
    """As many jobs wait as may wait."""

    def __init__(self, limit: int, retry_after: int = 10) -> None:
        super().__init__(f"{limit} jobs are waiting already; try again in {retry_after} seconds.")
        self.limit = limit
        self.retry_after = retry_after


class UserQueueFull(QueueFull):
    """As many jobs of one user wait as may wait; others may still add theirs."""

    def __str__(self) -> str:
        return f"{self.limit} jobs of yours are waiting already; try again in {self.retry_after} seconds."


class StoreUnavailable(NbprocessorError):
    """The database is locked or unreachable, or the disk is full; nothing was lost, nothing was stored."""

    def __init__(self, reason: str, retry_after: int = 5) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class OutboundRefused(NbprocessorError):
    """An address that strangers named must not be called, or did not answer as it should."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class NotDelivered(NbprocessorError):
    """A mail was not taken: by the server, or because its recipient may no longer be written to."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


class TokenUnavailable(NbprocessorError):
    """There is no token for a job's requests: the sign-in of its owner has expired, or was taken back."""


class ExecutionError(NbprocessorError):
    """Why a job failed; the text is the job's ``message``."""


class CellFailed(ExecutionError):
    """A cell raised: ``cell "compute": KeyError 'AGS'``."""

    def __init__(self, cell_id: str, ename: str, evalue: str, traceback: str = "") -> None:
        super().__init__(f'cell "{cell_id}": {ename} {evalue}'.rstrip())
        self.cell_id = cell_id
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback


class LimitReached(ExecutionError):
    """A limit of the process or the server ended the run: ``time limit of 10 min reached in cell "compute"``."""

    def __init__(self, limit: str, value: str, cell_id: str = "") -> None:
        place = f' in cell "{cell_id}"' if cell_id else ""
        super().__init__(f"{limit} limit of {value} reached{place}")
        self.limit = limit
        self.value = value
        self.cell_id = cell_id


class KernelMissing(ExecutionError):
    """The kernel the notebook asks for is not installed here."""

    def __init__(self, kernel: str, known: Sequence[str] = ()) -> None:
        super().__init__(f'kernel "{kernel}" is not installed here (installed: {", ".join(known) or "none"})')
        self.kernel = kernel
        self.known = tuple(known)


class KernelDied(ExecutionError):
    """The process that ran the cells ended by itself."""

    def __init__(self, cell_id: str = "", exit_code: int | None = None) -> None:
        place = f' in cell "{cell_id}"' if cell_id else ""
        code = "" if exit_code is None else f" (exit code {exit_code})"
        super().__init__(f"the kernel died{place}{code}")
        self.cell_id = cell_id
        self.exit_code = exit_code


class InputUnavailable(ExecutionError):
    """An input given by reference could not be fetched."""

    def __init__(self, input_id: str, url: str, reason: str) -> None:
        super().__init__(f'input "{input_id}": {url}: {reason}')
        self.input_id = input_id
        self.url = url


class OutputMissing(ExecutionError):
    """The notebook ended without handing over what it declares."""

    def __init__(self, output_ids: Sequence[str]) -> None:
        names = ", ".join(f'"{output_id}"' for output_id in output_ids)
        super().__init__(f"the notebook ended without handing over its declared output {names}")
        self.output_ids = tuple(output_ids)


class SecretUnavailable(ExecutionError):
    """A secret the notebook names cannot be given to its run."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f'secret "{name}": {reason}')
        self.secret = name


class WorkerLost(ExecutionError):
    """The worker that ran the job is gone; what it did is not known."""

    def __init__(self, worker: str) -> None:
        super().__init__("the worker running this job was lost (server stopped or killed)")
        self.worker = worker


class DataError(NbprocessorError):
    """Met by the kit inside the kernel; ``resource`` names the dataset."""

    def __init__(self, message: str, *, resource: str = "") -> None:
        super().__init__(message)
        self.resource = resource


class ResourceNotFound(DataError):
    """The resource is unknown, or the user has no permission to see it: the server does not tell which."""

    def __init__(self, resource: str, status: int | None = None, message: str = "") -> None:
        super().__init__(message or f"{resource}: not found, or no permission to see it", resource=resource)
        self.status = status


class DataUnavailable(DataError):
    """The data source did not answer, or not as it should."""

    def __init__(self, resource: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{resource}: {message}", resource=resource)
        self.status = status


class InvalidData(DataError):
    """The resource is there and its content cannot be used."""

    def __init__(self, resource: str, problems: Sequence[str]) -> None:
        super().__init__(f"{resource}: " + "; ".join(problems), resource=resource)
        self.problems = tuple(problems)
