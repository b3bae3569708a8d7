"""Job stores with many jobs in them: ours on SQLite and PostgreSQL, and the TinyDB manager of pygeoapi."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from pygeoapi.process.manager.tinydb_ import TinyDBManager
from sqlalchemy import insert

from nbprocessor.model.job import Job, JobFilter, JobStatus
from nbprocessor.store.database import open_database, writing
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.tables import jobs
from tests.unit.store import samples

CHUNK = 5000
Operations = Mapping[str, Callable[[], object]]
"""What is measured of a store: ``list``, ``insert``, ``claim`` and ``update``."""


def filled(url: str, count: int) -> JobStore:
    """Open a store and put jobs that ended into it, a minute between two of them."""
    store = JobStore(open_database(url))
    names = [field.name for field in fields(Job)]
    made = [samples.ended(minute, 3.5) for minute in range(count)]
    for start in range(0, count, CHUNK):
        with writing(store.engine) as connection:
            rows = [{name: getattr(job, name) for name in names} for job in made[start : start + CHUNK]]
            connection.execute(insert(jobs), rows)
    return store


def operations(store: JobStore, count: int, rounds: int) -> Operations:
    """Return what the server does with its store: a page of the list, a new job, the end of a running one."""
    running = iter(_running(store, count, rounds))
    minutes = iter(range(count + rounds, count + 10 * rounds))
    return {
        "list": lambda: store.list(JobFilter(), limit=10),
        "insert": lambda: store.add(samples.a_job(next(minutes)), queue_limit=100_000),
        "claim": lambda: _claimed(store),
        "update": lambda: store.finish(next(running), JobStatus.SUCCESSFUL, ""),
    }


def _claimed(store: JobStore) -> None:
    """Take one of the jobs that were inserted before."""
    if store.claim("benchmark", per_user=2) is None:
        raise RuntimeError("no job waits: fewer were inserted than are claimed")


def _running(store: JobStore, count: int, number: int) -> Iterator[Job]:
    for minute in range(count, count + number):
        job = samples.a_job(minute, status=JobStatus.RUNNING, attempt=1, worker="benchmark")
        job = replace(job, started=job.created + timedelta(seconds=1))
        store.add(job)
        yield job


def tinydb(file: Path, count: int) -> Operations:
    """Return the same of pygeoapi's manager, whose list is neither sorted nor paged by the database."""
    rows = {str(number): _tinydb_job() for number in range(1, count + 1)}
    file.write_text(json.dumps({"_default": rows}))
    manager = TinyDBManager({"name": "TinyDB", "connection": str(file), "output_dir": str(file.parent)})
    newest = rows[str(count)]["identifier"]
    done = {"status": "successful", "progress": 100, "updated": "2026-03-01T12:00:04Z"}
    return {
        "list": lambda: manager.get_jobs(limit=10),
        "insert": lambda: manager.add_job(_tinydb_job()),
        "update": lambda: manager.update_job(newest, done),
    }


def _tinydb_job() -> dict:
    """What pygeoapi's own executor writes for a job."""
    return {
        "type": "process",
        "identifier": str(uuid4()),
        "process_id": "echo",
        "created": "2026-03-01T12:00:00Z",
        "started": "2026-03-01T12:00:01Z",
        "updated": "2026-03-01T12:00:03Z",
        "finished": "2026-03-01T12:00:03Z",
        "status": "successful",
        "location": "/results/echo.json",
        "mimetype": "application/json",
        "message": "Job complete",
        "progress": 100,
    }
