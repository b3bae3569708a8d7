"""Opening the database: made once by many, raised to the present form, and refused with a sentence when it is wrong."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from sqlalchemy import inspect, text

from nbprocessor.errors import SettingsError, StoreUnavailable
from nbprocessor.store import tables
from nbprocessor.store.database import open_database, reading, writing
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.workers import WorkerRegister
from tests.unit.store.samples import a_job

OPEN = "import sys\nfrom nbprocessor.store.database import open_database\nsys.stdin.read()\nopen_database(sys.argv[1])"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "jobs.db"


def sqlite_url(file):
    return f"sqlite:///{file}"


def test_a_new_database_has_all_tables_and_the_present_form(engine):
    assert set(tables.metadata.tables) <= set(inspect(engine).get_table_names())
    with reading(engine) as connection:
        assert connection.scalars(text("SELECT version FROM schema_version")).all() == [tables.SCHEMA_VERSION]


def test_a_database_of_the_first_form_is_raised_and_keeps_its_jobs(store, raised_from):
    job = a_job()
    store.add(job)
    raised = raised_from(1, "DROP TABLE workers")
    WorkerRegister(raised).beat("worker")
    assert JobStore(raised).get(job.id) == job


def test_a_database_of_the_sixth_form_is_raised_and_its_jobs_have_no_estimate(store, raised_from):
    job = a_job()
    store.add(job)
    raised = raised_from(6, "ALTER TABLE jobs DROP COLUMN estimated_completion")
    assert JobStore(raised).get(job.id) == job


def test_a_database_of_the_second_form_is_raised_and_its_waiting_jobs_are_run(store, raised_from, database_url):
    job = a_job(owner="me")
    store.add(job)
    columns = ("priority", "not_before")
    raised = raised_from(2, "DROP TABLE turns", *(f"ALTER TABLE jobs DROP COLUMN {column}" for column in columns))
    assert JobStore(raised).get(job.id) == job
    assert JobStore(raised).claim("worker").id == job.id
    raised.dispose()
    open_database(database_url).dispose()


def test_a_database_of_a_later_form_is_not_touched(engine, database_url):
    with writing(engine) as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    with pytest.raises(SettingsError, match="form 99"):
        open_database(database_url)


def test_many_processes_may_open_a_new_database_at_once(database_url):
    command = [sys.executable, "-c", OPEN, database_url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(5)]
    for process in processes:
        process.stdin.close()
    said = [process.stderr.read() for process in processes]
    for process in processes:
        process.stderr.close()
    assert ([process.wait() for process in processes], said) == ([0] * 5, [b""] * 5)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "no database URL"),
        ("mysql://host/name", "names the database mysql"),
        ("sqlite://", "would be lost"),
        ("sqlite:///:memory:", "would be lost"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_mend(url, words):
    with pytest.raises(SettingsError, match=words) as caught:
        open_database(url)
    assert caught.value.key == "store.url"


def test_a_database_of_something_else_is_left_alone(file):
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE cookies (name TEXT)")
    with pytest.raises(SettingsError, match="has a table cookies"):
        open_database(sqlite_url(file))


@pytest.mark.parametrize("damage", ["header", "truncated", "middle"])
def test_a_damaged_file_is_named_and_not_touched(file, damage):
    engine = open_database(sqlite_url(file))
    for minute in range(100):
        JobStore(engine).add(a_job(minute))
    engine.dispose()
    whole = bytearray(file.read_bytes())
    if damage == "header":
        whole[:100] = os.urandom(100)
    elif damage == "truncated":
        del whole[len(whole) // 2 :]
    else:
        whole[4096 * 3 : 4096 * 5] = bytes(4096 * 2)
    file.write_bytes(whole)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        open_database(sqlite_url(file))
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        open_database(sqlite_url(tmp_path / "file" / "jobs.db"))


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(StoreUnavailable, match="check that it runs"):
        open_database("postgresql://nobody@127.0.0.1:1/none")


def test_what_is_locked_is_waited_for_and_then_said(engine, monkeypatch):
    """The other transaction is a real one of the same database, which does not let go."""
    locked, done = threading.Event(), threading.Event()

    def hold():
        with writing(engine, alone=True):
            locked.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(30)
    try:
        with pytest.raises(StoreUnavailable, match=r"locked|busy"), writing(engine, alone=True):
            pass
    finally:
        done.set()
        holder.join()


def test_a_transaction_that_fails_stores_nothing(engine):
    def fail():
        with writing(engine) as connection:
            connection.execute(tables.workers.insert().values(id="half", beats=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert WorkerRegister(engine).beats() == {}


def test_a_worker_beats_upwards_and_is_forgotten(engine):
    register = WorkerRegister(engine)
    for _ in range(3):
        register.beat("one")
    register.beat("two")
    assert register.beats() == {"one": 3, "two": 1}
    register.remove(["one", "unknown"])
    register.remove([])
    assert register.beats() == {"two": 1}
