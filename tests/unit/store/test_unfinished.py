"""What a crash leaves of folders that were being made, removed or accepted is swept up, and nothing else."""

import fcntl
import multiprocessing
import os
import threading
from uuid import UUID, uuid4

import pytest

from nbprocessor import contract
from nbprocessor.store.results import ResultStore
from nbprocessor.store.unfinished import PLACE

FILES = {contract.FILE_NOTEBOOK: b"{}"}


def known(_: UUID) -> bool:
    return True


def unknown(_: UUID) -> bool:
    return False


def killed_while_accepting(folder, job_id: UUID) -> None:
    """Begin to accept a job in a process that ends in the middle of it."""

    def accept() -> None:
        with ResultStore(folder).accepting(job_id, FILES):
            os._exit(137)

    process = multiprocessing.get_context("fork").Process(target=accept)
    process.start()
    process.join()
    assert process.exitcode == 137


@pytest.fixture
def folder(results):
    return results.folder(uuid4()).parent


def left(folder):
    return {path.name for path in (folder / PLACE).iterdir()} - {".lock"}


def test_a_job_that_was_accepted_leaves_no_mark(results, folder):
    job_id = uuid4()
    with results.accepting(job_id, FILES):
        assert left(folder)
    assert (left(folder), results.job_ids()) == (set(), [job_id])


def test_a_job_that_was_refused_leaves_nothing(results, folder):
    with pytest.raises(KeyError), results.accepting(uuid4(), FILES):
        raise KeyError
    assert (left(folder), results.job_ids()) == (set(), [])


def test_the_folder_of_a_job_nobody_was_told_of_goes(results, folder):
    job_id = uuid4()
    killed_while_accepting(folder, job_id)
    assert results.job_ids() == [job_id]
    assert results.sweep(unknown) == [str(job_id)]
    assert (left(folder), results.job_ids()) == (set(), [])


def test_the_folder_of_a_job_that_was_accepted_right_before_the_crash_stays(results, folder):
    job_id = uuid4()
    killed_while_accepting(folder, job_id)
    assert results.sweep(known) == []
    assert (left(folder), results.job_ids()) == (set(), [job_id])


def test_a_job_another_process_is_accepting_is_left_alone(results, folder):
    job_id = uuid4()
    with results.accepting(job_id, FILES):
        assert ResultStore(folder).sweep(unknown) == []
    assert results.job_ids() == [job_id]


def test_folders_without_a_row_stay_when_the_database_was_lost(results, folder):
    with results.accepting(uuid4(), FILES):
        pass
    assert results.sweep(unknown) == []
    assert len(results.job_ids()) == 1


def test_what_was_half_made_or_half_removed_goes_and_nothing_else(results, folder):
    kept, half = uuid4(), uuid4()
    results.create(kept, FILES)
    (folder / PLACE / str(half)).mkdir()
    (folder / PLACE / str(half) / contract.FILE_NOTEBOOK).write_text("half")
    (folder / PLACE / "somebody's").mkdir()
    (folder / "README.md").write_text("kept")
    assert results.sweep(known) == [str(half)]
    assert left(folder) == {"somebody's"}
    assert {path.name for path in folder.iterdir()} == {str(kept), "README.md", PLACE}


def test_the_sweep_waits_for_a_folder_that_is_being_made(results, folder):
    with (folder / PLACE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        swept = threading.Event()
        thread = threading.Thread(target=lambda: (results.sweep(known), swept.set()))
        thread.start()
        assert not swept.wait(0.2)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert swept.wait(10)
        thread.join()
