"""What is stored by others is noticed, on both databases."""

import time

from nbprocessor.store.changes import PACE, watching
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from tests.unit.store.samples import a_job


def test_what_another_process_stores_is_noticed(engine, database_url):
    other = open_database(database_url)
    with watching(engine) as changed:
        while changed():  # what the opening stored
            pass
        JobStore(other).add(a_job())
        deadline = time.monotonic() + 20 * PACE
        while not changed():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    other.dispose()


def test_sqlite_tells_of_each_change_once_and_of_nothing_else(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'a folder' / 'jobs #1.db'}")
    store = JobStore(engine)
    with watching(engine) as changed:
        for _ in range(3):
            assert [changed(), changed()] == [False, False]
            store.add(a_job())
            assert [changed(), changed()] == [True, False]
        assert store.claim("worker") is not None
        store.unfinished()
        assert [changed(), changed()] == [True, False]
    engine.dispose()


def test_what_holds_the_database_keeps_nobody_from_asking(tmp_path):
    from nbprocessor.store.database import writing

    engine = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")
    with watching(engine) as changed, writing(engine, alone=True):
        assert not changed()
    engine.dispose()


def test_a_database_that_is_gone_counts_as_changed_and_is_not_made_anew(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")
    engine.dispose()
    for file in tmp_path.iterdir():
        file.unlink()
    with watching(engine) as changed:
        assert [changed(), changed()] == [True, True]
    assert list(tmp_path.iterdir()) == []
