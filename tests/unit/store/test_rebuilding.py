"""The index made anew from the job folders: the same jobs, and what cannot be told is named."""

from dataclasses import replace

import pytest

from nbprocessor import contract
from nbprocessor.errors import StoreUnavailable
from nbprocessor.model.job import JobFilter, JobStatus, Priority, Subscriber
from nbprocessor.store import jobfile
from nbprocessor.store.database import open_database
from nbprocessor.store.files import atomic_write
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.rebuilding import LOST, rebuild
from tests.unit.store.samples import a_job

FILES = {contract.FILE_NOTEBOOK: b"{}"}


def accept(store, results, job):
    with results.accepting(job.id, {**FILES, contract.FILE_JOB: jobfile.dump(job)}):
        store.add(job)
    return job


def end(store, results, job, status=JobStatus.SUCCESSFUL, message=""):
    """End a job as a worker does; return it as the store has it."""
    running = store.claim("worker", job.id)
    store.progress(running, 40, "half way")
    at = store.get(job.id).updated
    told = replace(store.get(job.id), status=status, message=message, finished=at)
    told = replace(told, progress=100) if status is JobStatus.SUCCESSFUL else told
    results.write_manifest(
        job.id, job=jobfile.facts(told), process=jobfile.process_facts(job), outputs=(), environment={}
    )
    return store.finish(running, status, message, at)


@pytest.fixture
def jobs(store, results):
    """Jobs that ended, with everything a row can tell."""
    facts = {"owner": "issuer me", "mode": "sync", "response": "document", "concurrency": 3, "trigger": "schedule"}
    facts |= {"requested_outputs": {"result": {"transmissionMode": "value"}}, "priority": Priority.INTERACTIVE}
    first = end(store, results, accept(store, results, a_job(1, **facts)))
    second = end(store, results, accept(store, results, a_job(2)), JobStatus.FAILED, 'cell "a": ValueError ü')
    return [second, first]


@pytest.fixture
def empty(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    yield JobStore(engine)
    engine.dispose()


def listed(store):
    return list(store.list(JobFilter(), limit=100))


def test_every_job_that_ended_is_there_again_with_the_same_facts(results, jobs, empty):
    done = rebuild(empty, results)
    assert (done.entered, done.closed, done.untouched, done.faults) == (2, 0, 0, {})
    assert listed(empty) == jobs


def test_doing_it_again_changes_nothing(results, jobs, empty):
    rebuild(empty, results)
    done = rebuild(empty, results)
    assert (done.entered, done.untouched) == (0, 2)
    assert listed(empty) == jobs


def test_whom_to_tell_is_in_no_folder(store, results, empty):
    job = accept(store, results, a_job(subscriber=Subscriber(success_uri="http://told.test/secret-token")))
    assert b"secret-token" not in results.read(job.id, contract.FILE_JOB)
    end(store, results, job)
    rebuild(empty, results)
    assert empty.get(job.id).subscriber is None


def test_a_job_that_had_not_ended_is_closed_once_and_for_all(store, results, empty, tmp_path):
    job = accept(store, results, a_job(owner="me"))
    done = rebuild(empty, results)
    assert (done.entered, done.closed) == (0, 1)
    closed = empty.get(job.id)
    assert (closed.status, closed.message, closed.owner) == (JobStatus.FAILED, LOST, "me")
    assert results.verify(job.id) == []
    engine = open_database(f"sqlite:///{tmp_path / 'again.db'}")
    rebuild(JobStore(engine), results)
    assert JobStore(engine).get(job.id) == closed
    engine.dispose()


def test_a_dry_run_does_nothing(store, results, jobs, empty):
    waiting = accept(store, results, a_job(3))
    done = rebuild(empty, results, dry_run=True)
    assert (done.entered, done.closed) == (2, 1)
    assert listed(empty) == []
    assert not results.exists(waiting.id, contract.FILE_MANIFEST)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (contract.FILE_MANIFEST, b"{", "manifest.json is missing or cannot be read"),
        (contract.FILE_MANIFEST, b'{"job": {}, "process": {}, "outputs": [], "files": [], "environment": {}}', "'id'"),
        (contract.FILE_JOB, b"{", "job.json cannot be read"),
        (contract.FILE_JOB, None, "job.json is missing or cannot be read"),
    ],
)
def test_what_is_broken_is_named_and_the_others_are_there(results, jobs, empty, file, content, words):
    broken, whole = jobs
    path = results.folder(broken.id) / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    done = rebuild(empty, results)
    assert list(done.faults) == [broken.id]
    assert words in done.faults[broken.id] and "\n" not in done.faults[broken.id]
    assert listed(empty) == [whole]


def test_a_folder_of_another_jobs_files_is_not_believed(results, jobs, empty):
    one, other = jobs
    atomic_write(results.folder(one.id) / contract.FILE_JOB, jobfile.dump(other))
    assert str(other.id) in rebuild(empty, results).faults[one.id]


def test_files_that_changed_are_noticed_where_they_are_looked_at(results, jobs, empty):
    changed, whole = jobs
    (results.folder(changed.id) / contract.FILE_NOTEBOOK).write_bytes(b"[]")
    done = rebuild(empty, results, verified=True)
    assert "is not what it was" in done.faults[changed.id]
    assert listed(empty) == [whole]
    assert rebuild(empty, results).entered == 1


def test_rows_that_are_there_stay_unless_they_are_to_be_replaced(store, results, jobs):
    job, other = jobs
    told = {**results.manifest(job.id).job, "message": "as the folder tells"}
    results.write_manifest(job.id, job=told, process={}, outputs=(), environment={})
    waiting = accept(store, results, a_job(4, subscriber=Subscriber(failed_uri="http://told.test")))
    assert rebuild(store, results).untouched == 3
    assert store.get(job.id) == job
    done = rebuild(store, results, replacing=True)
    assert (done.replaced, done.untouched) == (2, 1)
    assert store.get(job.id) == replace(job, message="as the folder tells")
    assert store.get(other.id) == other
    assert store.get(waiting.id) == waiting


def test_it_is_all_or_nothing(results, jobs, empty, monkeypatch):
    def breaks(_):
        raise StoreUnavailable("cut off")

    monkeypatch.setattr("nbprocessor.faultpoints.passed", breaks)  # in the middle of the transaction
    with pytest.raises(StoreUnavailable, match="cut off"):
        rebuild(empty, results)
    monkeypatch.undo()
    assert listed(empty) == []
    assert rebuild(empty, results).entered == 2
