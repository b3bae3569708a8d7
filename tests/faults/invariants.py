"""What holds after every fault: nothing acknowledged is lost, nothing is half done, nothing goes on unseen."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import psutil

from nbprocessor.errors import ResultGone
from nbprocessor.execution import scratch
from nbprocessor.model.job import Job, JobFilter, JobStatus
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore
from nbprocessor.store.unfinished import PLACE

DATABASE = "nbprocessor.db"


def assert_nothing_lost(results: Path, acknowledged: Iterable[str], *, waiting: int = 0) -> dict[str, Job]:
    """Check a results folder whose server has stopped; return its jobs by id.

    Args:
        results: The folder, with the database in it.
        acknowledged: Ids of the jobs that were answered with 201, or 200.
        waiting: Jobs that may wait for the next server.
    """
    with closing(sqlite3.connect(results / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    engine = open_database(f"sqlite:///{results / DATABASE}")
    try:
        jobs = {str(job.id): job for job in JobStore(engine).list(JobFilter(), limit=100_000)}
    finally:
        engine.dispose()
    assert set(acknowledged) <= set(jobs)
    assert_one_end(results)
    assert sum(not job.status.ended for job in jobs.values()) == waiting
    store = ResultStore(results)
    for job in jobs.values():
        assert_whole(store, job)
    assert not list(results.rglob("*.part"))
    assert [path.name for path in (results / PLACE).iterdir()] in ([], [".lock"])
    assert not [path for job in jobs.values() for path in scratch.home().glob(f"{job.id.hex}-*")]
    wait_until_gone(results.parent)
    return jobs


def audited(results: Path) -> Path:
    """Let a results folder's database keep every change of a status; :func:`assert_one_end` reads them."""
    results.mkdir(parents=True, exist_ok=True)
    open_database(f"sqlite:///{results / DATABASE}").dispose()
    with closing(sqlite3.connect(results / DATABASE)) as connection:
        connection.executescript("""
            CREATE TABLE history (number INTEGER PRIMARY KEY, job, was, became);
            CREATE TRIGGER audit AFTER UPDATE OF status ON jobs
            BEGIN INSERT INTO history (job, was, became) VALUES (NEW.id, OLD.status, NEW.status); END;
            CREATE TRIGGER audit_ended AFTER UPDATE ON jobs WHEN OLD.finished IS NOT NULL
            BEGIN INSERT INTO history (job, was, became) VALUES (NEW.id, OLD.status, 'changed after its end'); END;
        """)
    return results


def assert_one_end(results: Path) -> None:
    """No status of a job ever changed once it had ended, as far as the database was told to keep that."""
    ended = tuple(str(status) for status in JobStatus if status.ended)
    with closing(sqlite3.connect(results / DATABASE)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'history'").fetchone():
            query = f"SELECT job, was, became FROM history WHERE was IN {ended}"
            assert connection.execute(query).fetchall() == []


def assert_whole(store: ResultStore, job: Job) -> None:
    """A job has a record that says what its row says, and results with their digests if and only if it succeeded."""
    if not job.status.ended:
        assert job.status is JobStatus.ACCEPTED
        return
    try:
        record = store.manifest(job.id)
    except ResultGone:
        assert job.status is not JobStatus.SUCCESSFUL
        return
    assert (record.job["status"], record.job["attempt"]) == (job.status, job.attempt)
    assert store.verify(job.id) == []
    for output in record.outputs:
        assert store.size(job.id, output.file) == output.bytes


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the living processes that work in a folder or below it: server, fork server, runs, kernels."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until_gone(folder: Path, patience: float = 60.0) -> None:
    """Wait until no process works in a folder any more.

    They end within moments, but for a fork server that was still importing: it looks up only then.
    """
    _, alive = psutil.wait_procs(processes_of(folder), timeout=patience)
    assert [f"{process.pid} {process.status()} {process.cmdline()}" for process in alive] == []
    assert processes_of(folder) == []
