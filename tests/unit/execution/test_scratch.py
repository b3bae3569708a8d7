"""The temporary folder of a run."""

import os
from uuid import uuid4

import pytest

from nbprocessor.errors import ExecutionError
from nbprocessor.execution import identity, scratch


@pytest.fixture(autouse=True)
def _a_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_each_run_has_a_folder_that_nobody_else_may_look_into():
    job_id = uuid4()
    first, second = scratch.make(job_id), scratch.make(job_id)
    assert first != second
    assert scratch.home().stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (first, *first.iterdir()) if path.is_dir())
    assert all(value.startswith(str(first)) for value in scratch.environment(first).values())


def test_what_a_lost_run_left_is_found_by_its_job():
    job_id, other = uuid4(), scratch.make(uuid4())
    lost = [scratch.make(job_id), scratch.make(job_id)]
    scratch.remove_all(job_id)
    assert not any(folder.exists() for folder in lost)
    assert other.exists()


def test_folders_of_workers_that_are_gone_are_swept_up_and_those_of_living_ones_stay():
    living, dead, half, young = (scratch.make(uuid4()) for _ in range(4))
    (dead / "owner").write_text(identity.own().rpartition("/")[0] + "/1")
    for folder in (half, young):
        (folder / "owner").unlink()
    os.utime(half, (0, 0))
    (scratch.home() / "stray").symlink_to(living)
    scratch.sweep()
    assert {folder for folder in (living, dead, half, young) if folder.exists()} == {living, young}


def test_a_folder_that_another_server_sweeps_up_first_keeps_nobody_from_starting():
    gone = scratch.make(uuid4())
    scratch.remove(gone)
    assert not scratch._is_nobodys(gone)


def test_a_link_in_its_place_is_refused_with_what_to_do(tmp_path):
    place = scratch.home()
    place.rmdir()
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExecutionError, match="somebody else"):
        scratch.make(uuid4())
