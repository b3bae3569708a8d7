"""The index of jobs: each change is one transaction, and a late writer never wins."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, select, update

from nbprocessor import faultpoints
from nbprocessor.model.job import Job, JobFilter, JobStatus
from nbprocessor.store import callbacks, fences, grants, jobrows, queue
from nbprocessor.store.database import reading, writing
from nbprocessor.store.tables import jobs

_UNFINISHED = [status for status in JobStatus if not status.ended]


class JobStore:
    """Jobs in the database; may be used by several threads, processes and machines at once.

    A job's status changes by compare-and-set only, and never once it has ended. Every method raises
    StoreUnavailable when the database cannot do its work; then nothing was changed.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, job: Job, *, queue_limit: int | None = None, per_user: int = 0, grant: str = "") -> None:
        """Store a new job.

        Args:
            job: Its id must be new.
            queue_limit: Jobs that may wait; None: any number.
            per_user: Jobs of one owner that may wait; 0: any number, as for jobs without an owner.
            grant: What lets its run act for its owner, sealed; kept until it ends. Empty: nothing does.

        Raises:
            UserQueueFull: As many jobs of its owner wait already.
            QueueFull: As many jobs wait already.
        """
        with writing(self.engine, alone=queue_limit is not None or per_user > 0) as connection:
            queue.check_room(connection, job.owner, queue=queue_limit, per_user=per_user)
            jobrows.enter(connection, [job])
            if grant:
                grants.enter(connection, job.id, grant)

    def get(self, job_id: UUID, *, owner: str | None = None) -> Job:
        """Return a job as it is now.

        Args:
            job_id: Its id.
            owner: Who asks; None: somebody who may see every job.

        Raises:
            NoSuchJob: There is none, or it belongs to somebody else.
        """
        with reading(self.engine) as connection:
            return jobrows.get(connection, job_id, owner)

    def several(self, job_ids: Collection[UUID]) -> Mapping[UUID, Job]:
        """Return jobs as they are now, by id; those that are not there are left out."""
        with reading(self.engine) as connection:
            return jobrows.by_id(connection, job_ids)

    def knows(self, job_id: UUID) -> bool:
        """Tell whether there is a job of this id."""
        with reading(self.engine) as connection:
            return connection.scalar(select(jobs.c.id).where(jobs.c.id == job_id)) is not None

    def ids(self) -> Collection[UUID]:
        """Return the ids of all jobs."""
        with reading(self.engine) as connection:
            return set(connection.scalars(select(jobs.c.id)))

    def restore(self, new: Sequence[Job], changed: Sequence[Job]) -> None:
        """Store jobs as they ended, new ones and others of rows that are there: all of them or none."""
        told = [{"this": job.id, **jobrows.values(job)} for job in changed]
        for values in told:
            # Whom to tell is in no record; who has the row still knows.
            del values["id"], values["subscriber"]
        with writing(self.engine, alone=True) as connection:
            jobrows.enter(connection, new)
            if told:
                row = update(jobs).where(jobs.c.id == bindparam("this"))
                connection.execute(row.values({name: bindparam(name) for name in told[0] if name != "this"}), told)
            faultpoints.passed("jobs-rebuilt")

    def list(self, filter: JobFilter, *, limit: int, offset: int = 0) -> Sequence[Job]:
        """Return jobs, newest first."""
        return self._all(jobrows.newest(filter).limit(limit).offset(offset))

    def claim(self, worker: str, wanted: UUID | None = None, *, per_user: int = 0) -> Job | None:
        """Take the waiting job that is next (:mod:`.queue`) and make it running.

        Args:
            worker: Who takes it; asked about later by :meth:`lost`.
            wanted: Take this one or none.
            per_user: Jobs of one owner that may run at once; 0: any number, as for jobs without an owner.

        Returns:
            The job with its new ``attempt``, which every later change has to show; None when there is none.
        """
        with reading(self.engine) as connection:
            # Most of the time nothing waits that may run, and looking needs no lock.
            if queue.next_waiting(connection, datetime.now(UTC), wanted, per_user) is None:
                return None
        with writing(self.engine, alone=True) as connection:
            now = datetime.now(UTC)
            found = queue.next_waiting(connection, now, wanted, per_user)
            if found is None:
                return None
            job = fences.change(
                connection,
                {"id": found.id, "status": JobStatus.ACCEPTED, "attempt": found.attempt},
                status=JobStatus.RUNNING,
                attempt=found.attempt + 1,
                worker=worker,
                started=now,
                updated=now,
                not_before=None,
                message="",
            )
            if job is not None:
                queue.take_turn(connection, found.user, now)
                callbacks.enqueue(connection, job)
            return job

    def progress(self, job: Job, progress: int, message: str, estimated_completion: datetime | None = None) -> bool:
        """Note how far a running job is; its percentage never falls.

        Args:
            job: As :meth:`claim` returned it.
            progress: Percent.
            message: What the client reads.
            estimated_completion: When it is thought to end; None: nobody knows, and what was thought before is gone.

        Returns:
            False when the job is no longer the caller's: ended, queued again or taken by another worker.
        """
        values = {
            "message": message,
            "updated": datetime.now(UTC),
            "estimated_completion": estimated_completion,
        }
        with writing(self.engine) as connection:
            return fences.change_further(connection, fences.running(job), progress, **values)

    def finish(self, job: Job, status: JobStatus, message: str, at: datetime | None = None) -> Job | None:
        """End a running job; what its subscriber is to be told is stored with it.

        Args:
            job: As :meth:`claim` returned it.
            status: One of those that end a job.
            message: What the client reads.
            at: When it ended; None: now.

        Returns:
            The ended job; None when it was no longer the caller's, and nothing was changed.
        """
        if not status.ended:
            raise ValueError(f"{status} does not end a job")
        # The clock may have been set back since the start.
        now = max(at or datetime.now(UTC), job.started or job.created)
        done: dict[str, Any] = {"estimated_completion": None}
        if status is JobStatus.SUCCESSFUL:
            done["progress"] = 100
        with writing(self.engine) as connection:
            ended = fences.change(
                connection, fences.running(job), status=status, message=message, finished=now, updated=now, **done
            )
            if ended is not None:
                _conclude(connection, ended)
            return ended

    def request_dismissal(self, job_id: UUID, *, owner: str | None = None) -> Job:
        """Dismiss a waiting job at once, ask for the end of a running one, and leave an ended one as it is.

        Raises:
            NoSuchJob: There is none, or it belongs to somebody else.
        """
        with writing(self.engine) as connection:
            job = jobrows.get(connection, job_id, owner)
            # PostgreSQL lets others change it between two statements: claim it, or let it wait again.
            while not job.status.ended:
                changed = _dismissed(connection, job)
                if changed is not None:
                    return changed
                job = jobrows.get(connection, job_id, owner)
            return job

    def running_of(self, worker: str) -> Sequence[Job]:
        """Return the jobs that are a worker's to run; some of them may have to be dismissed."""
        with reading(self.engine) as connection:
            found = connection.execute(jobrows.running_of_worker(), {"worker": worker})
            return [jobrows.from_row(row) for row in found.mappings()]

    def adopt(self, job: Job, worker: str) -> Job | None:
        """Take a running job over from a worker that is gone; whatever that one still writes comes too late.

        Returns:
            The job as it is the new worker's; None when somebody else was faster, or it has ended.
        """
        with writing(self.engine) as connection:
            return fences.change(connection, fences.running(job), worker=worker, updated=datetime.now(UTC))

    def requeue(self, job: Job, not_before: datetime | None = None, message: str = "") -> bool:
        """Let a running job wait again, its attempts counted on.

        Args:
            job: As :meth:`claim` returned it.
            not_before: When it may be claimed again; None: at once.
            message: Why it waits again.

        Returns:
            False when it is no longer the caller's, or when its dismissal is asked for.
        """
        waiting = {
            "status": JobStatus.ACCEPTED,
            "started": None,
            "worker": None,
            "progress": 0,
            "estimated_completion": None,
            "message": message,
            "not_before": not_before,
        }
        kept = {**fences.running(job), "dismiss_requested": False}
        with writing(self.engine) as connection:
            return fences.change(connection, kept, updated=datetime.now(UTC), **waiting) is not None

    def lost(self, worker_is_alive: Callable[[str], bool]) -> Sequence[Job]:
        """Return the running jobs whose worker is gone, oldest first; each worker is asked about once."""
        running = self._all(jobrows.oldest_first().where(jobs.c.status == JobStatus.RUNNING))
        alive = {worker: worker_is_alive(worker) for worker in {job.worker or "" for job in running}}
        return [job for job in running if not alive[job.worker or ""]]

    def unfinished(self) -> Sequence[Job]:
        """Return the waiting and the running jobs, oldest first."""
        return self._all(jobrows.oldest_first().where(jobs.c.status.in_(_UNFINISHED)))

    def counts(self) -> Mapping[JobStatus, int]:
        """Return how many jobs wait and run; jobs that ended are not counted, there may be very many."""
        query = select(jobs.c.status, func.count()).where(jobs.c.status.in_(_UNFINISHED)).group_by(jobs.c.status)
        with reading(self.engine) as connection:
            found = {JobStatus(status): int(number) for status, number in connection.execute(query)}
        return dict.fromkeys(_UNFINISHED, 0) | found

    def oldest_waiting(self) -> datetime | None:
        """Return when the job was accepted that has waited the longest; None when none waits."""
        oldest = select(func.min(jobs.c.created)).where(jobs.c.status == JobStatus.ACCEPTED)
        with reading(self.engine) as connection:
            found: datetime | None = connection.scalar(oldest)
        return found

    def delete(self, job_id: UUID) -> None:
        """Forget a job and its callbacks; nothing happens when there is none."""
        with writing(self.engine) as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def _all(self, query: Select[Any]) -> Sequence[Job]:
        with reading(self.engine) as connection:
            return [jobrows.from_row(row) for row in connection.execute(query).mappings()]


def _conclude(connection: Connection, ended: Job) -> None:
    """Store what the end of a job brings with it."""
    callbacks.enqueue(connection, ended)
    if ended.owner is not None:
        grants.forget(connection, ended.id)


def _dismissed(connection: Connection, job: Job) -> Job | None:
    """Dismiss a waiting job, or ask for the end of a running one; None: it no longer does what it did."""
    now = datetime.now(UTC)
    as_it_was = {"id": job.id, "status": job.status}
    if job.status is JobStatus.RUNNING:
        return fences.change(connection, as_it_was, dismiss_requested=True, updated=now)
    dismissed = fences.change(
        connection,
        as_it_was,
        status=JobStatus.DISMISSED,
        message="dismissed before it started",
        finished=now,
        updated=now,
    )
    if dismissed is not None:
        _conclude(connection, dismissed)
    return dismissed
