"""The index made anew: the rows of jobs whose folders are there, in one transaction."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from nbprocessor import contract, faultpoints
from nbprocessor.errors import NoSuchOutput, ResultGone
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.store import jobfile
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore

LOST = "the database was lost before this job had ended; it was closed when the database was rebuilt"


@dataclass(slots=True)
class Rebuilt:
    """What came of the folders."""

    entered: int = 0
    """Jobs that ended, entered as they did."""
    closed: int = 0
    """Jobs that had not ended, entered as lost."""
    replaced: int = 0
    """Jobs whose rows were there already and tell now what their folders tell."""
    untouched: int = 0
    """Jobs whose rows were there already."""
    faults: dict[UUID, str] = field(default_factory=dict)
    """Why a folder was left out, by job."""


def rebuild(
    store: JobStore,
    results: ResultStore,
    *,
    replacing: bool = False,
    verified: bool = False,
    dry_run: bool = False,
) -> Rebuilt:
    """Enter every job that has a folder and no row; nobody else may use the store or the folders meanwhile.

    A job without a manifest had not ended: it is closed, with a manifest of its own, whatever its notebook says of
    being repeated, because nobody knows what it did. Subscribers are told nothing; who they were is in no folder.

    Args:
        store: Where the rows go: all of them, or none if this is cut off.
        results: The folders.
        replacing: Rows that are there take what the manifest of their folder tells; without one they stay.
        verified: Leave out jobs whose files are not as they were recorded.
        dry_run: Say what would be done, and do nothing.

    Raises:
        StoreUnavailable: The database or the folder cannot be used.
    """
    done, known = Rebuilt(), store.ids()
    new, changed = [], []
    for job_id in results.job_ids():
        there, has_ended = job_id in known, results.exists(job_id, contract.FILE_MANIFEST)
        if there and not (replacing and has_ended):
            done.untouched += 1
            continue
        try:
            job = _ended(results, job_id, verified) if has_ended else _lost(results, job_id)
        except (NoSuchOutput, ResultGone, ValueError) as error:
            done.faults[job_id] = _sentence(error)
            continue
        if there:
            done.replaced += 1
            changed.append(job)
        else:
            done.entered, done.closed = done.entered + has_ended, done.closed + (not has_ended)
            new.append(job)
            if not (has_ended or dry_run):
                _record(results, job)
    if not dry_run:
        store.restore(new, changed)
    return done


def _ended(results: ResultStore, job_id: UUID, verified: bool) -> Job:
    if verified and (differences := results.verify(job_id)):
        raise ValueError(" ".join(differences))
    try:
        return jobfile.ended(_accepted(results, job_id), results.manifest(job_id).job)
    except ResultGone as error:
        # Of a manifest the store says the same whether it is broken or not there.
        raise ValueError(f"{error.file} is missing or cannot be read.") from error


def _lost(results: ResultStore, job_id: UUID) -> Job:
    """Return a job whose end nobody knows, closed now."""
    accepted, now = _accepted(results, job_id), datetime.now(UTC)
    return replace(accepted, status=JobStatus.FAILED, message=LOST, finished=now, updated=now)


def _accepted(results: ResultStore, job_id: UUID) -> Job:
    try:
        job = jobfile.load(results.read(job_id, contract.FILE_JOB))
    except ValueError as error:
        raise ValueError(f"{contract.FILE_JOB} cannot be read: {_sentence(error)}") from error
    if job.id != job_id:
        raise ValueError(f"{contract.FILE_JOB} is that of job {job.id}.")
    return job


def _record(results: ResultStore, job: Job) -> None:
    results.write_manifest(
        job.id, job=jobfile.facts(job), process=jobfile.process_facts(job), outputs=(), environment={}
    )
    faultpoints.passed("lost-recorded")


def _sentence(error: Exception) -> str:
    """Return what is wrong with a folder, on one line: pydantic's errors have several."""
    return " ".join(str(error).split())
