"""Whether a failed run is worth another one, and when."""

from datetime import timedelta

from nbprocessor import config
from nbprocessor.errors import CellFailed, DataUnavailable, KernelDied, NbprocessorError, StoreUnavailable, WorkerLost
from nbprocessor.execution.limits import duration
from nbprocessor.execution.recording import Accepted
from nbprocessor.model.job import Job

LONGEST = 600.0
"""Seconds between two attempts at most."""


def pause(
    job: Job, accepted: Accepted | None, error: NbprocessorError | None, settings: config.Execution
) -> timedelta | None:
    """Return how long a job that failed waits for its next attempt; None: it has failed.

    Its notebook has to say that it may be repeated (``retry_safe``), and the reason to be one that passes: the worker,
    the kernel, the disk or the data source was lost. What a cell or an input did wrong it does wrong again, and a
    limit that was reached is reached again.
    """
    if accepted is None or not accepted.process.retry_safe or job.attempt >= settings.retry_attempts:
        return None
    return timedelta(seconds=_seconds(job, settings)) if _may_pass(error) else None


def message(job: Job, reason: str, settings: config.Execution) -> str:
    """Return what the client reads of a job that waits for its next attempt."""
    wait = duration(_seconds(job, settings))
    return f"attempt {job.attempt} of {settings.retry_attempts} failed, the next one begins in {wait}: {reason}"


def _seconds(job: Job, settings: config.Execution) -> float:
    return float(min(settings.retry_backoff * 2 ** (job.attempt - 1), LONGEST))


def _may_pass(error: NbprocessorError | None) -> bool:
    if isinstance(error, CellFailed):
        # Raised by the kit, in a process of the run's own: of the error's class only the name arrives here.
        return error.ename == DataUnavailable.__name__
    return isinstance(error, KernelDied | WorkerLost | StoreUnavailable)
