"""What a run uses of the disk, counted while it may still change."""

import os
from pathlib import Path

import pytest

from nbprocessor.execution import storage
from nbprocessor.execution.storage import BLOCK, DEPTH
from nbprocessor.model.process import Limits
from tests.unit.execution.test_collection import buried


@pytest.fixture
def job(tmp_path):
    for name in ("work", "outputs", "scratch"):
        (tmp_path / name).mkdir()
    return tmp_path


def reached(job: Path, **limits: int) -> str:
    return str(storage.reached(job, job / "scratch", Limits(**limits), "fill") or "")


@pytest.mark.parametrize("place", ["work/file", "outputs/file", "executed.ipynb", "work/a/b/file"])
def test_all_that_is_kept_counts(job, place):
    (job / place).parent.mkdir(parents=True, exist_ok=True)
    (job / place).write_bytes(bytes(100_000))
    assert reached(job, output_size=200_000) == ""
    assert reached(job, output_size=90_000) == 'output size limit of 90 kB reached in cell "fill"'


def test_temporary_files_count_for_themselves(job):
    (job / "scratch" / "file").write_bytes(bytes(100_000))
    assert reached(job, output_size=50_000, temporary_size=200_000) == ""
    assert reached(job, temporary_size=50_000) == 'temporary size limit of 50 kB reached in cell "fill"'


def test_the_log_and_what_the_job_was_accepted_with_do_not_count(job):
    for name in ("log.txt", "inputs.json", "notebook.ipynb"):
        (job / name).write_bytes(bytes(100_000))
    assert reached(job, output_size=50_000) == ""


def test_a_file_of_holes_counts_as_long_as_it_is(job):
    with (job / "work" / "holes").open("wb") as file:
        file.truncate(10**12)
    assert "output size" in reached(job, output_size=10**11)


def test_empty_files_count_too(job):
    for number in range(100):
        (job / "work" / str(number)).touch()
    assert "output size" in reached(job, output_size=100 * BLOCK)


def test_links_count_for_themselves_alone(job, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "large").write_bytes(bytes(1_000_000))
    (job / "work" / "link").symlink_to(elsewhere)
    (job / "outputs" / "link").symlink_to(elsewhere / "large")
    (job / "work" / "round").symlink_to(job)
    os.mkfifo(job / "work" / "pipe")
    assert reached(job, output_size=100_000) == ""


def test_folders_that_are_too_deep_are_a_limit_of_their_own(job):
    buried(job / "work", DEPTH - 1)
    assert reached(job, output_size=10**9) == ""
    buried(job / "outputs", 1500)
    assert reached(job, output_size=10**9) == f'folder depth limit of {DEPTH} levels reached in cell "fill"'


def test_what_is_in_a_closed_folder_counts(job):
    (job / "work" / "closed").mkdir()
    (job / "work" / "closed" / "file").write_bytes(bytes(100_000))
    (job / "work" / "closed").chmod(0)
    assert "output size" in reached(job, output_size=50_000)


def test_a_folder_that_is_not_there_has_nothing(job):
    (job / "outputs").rmdir()
    (job / "scratch").rmdir()
    assert reached(job, output_size=50_000, temporary_size=1) == ""
    assert reached(job) == ""
