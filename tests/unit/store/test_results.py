"""Job folders: whole or not there, read without following links, recorded, published and removed."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from nbprocessor import contract
from nbprocessor.errors import NoSuchOutput, ResultGone, SettingsError, StoreUnavailable
from nbprocessor.model.manifest import OutputFile
from nbprocessor.store.files import atomic_write
from nbprocessor.store.results import ResultStore

JOB = {"id": "x", "status": "successful"}


@pytest.fixture
def job_id(results):
    job_id = uuid4()
    results.create(job_id, {contract.FILE_NOTEBOOK: b"{}", contract.FILE_INPUTS: b"[]"})
    return job_id


def record(results, job_id, outputs=()):
    return results.write_manifest(job_id, job=JOB, process={"id": "p"}, outputs=outputs, environment={})


def test_a_folder_is_made_with_all_its_files(results, job_id):
    assert results.read(job_id, contract.FILE_NOTEBOOK) == b"{}"
    assert results.size(job_id, contract.FILE_INPUTS) == 2
    assert results.job_ids() == [job_id]


def test_a_folder_that_cannot_be_completed_is_not_there(results, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="is full"):
        results.create(uuid4(), {"a": b"1"})
    assert results.job_ids() == []
    assert [path.name for path in results.folder(uuid4()).parent.iterdir()] == [".unfinished"]


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../b", "", ".", "a//b", "a\0b", "x" * 300, "link", "pipe", "two", "d/f"]
)
def test_no_name_leads_out_of_the_folder(results, job_id, tmp_path, name):
    folder = results.folder(job_id)
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "two").hardlink_to(folder / contract.FILE_INPUTS)
    (folder / "d").symlink_to(tmp_path)
    (tmp_path / "f").write_text("secret")
    os.mkfifo(folder / "pipe")
    with pytest.raises(NoSuchOutput):
        results.open(job_id, name)


def test_a_file_that_is_not_there_is_gone(results, job_id):
    for name in ("nothing", "outputs/nothing"):
        with pytest.raises(ResultGone):
            results.open(job_id, name)
        assert not results.exists(job_id, name)
    with pytest.raises(ResultGone):
        results.open(uuid4(), contract.FILE_NOTEBOOK)


def test_a_manifest_has_the_digest_of_every_file_and_comes_back(results, job_id):
    outputs = results.folder(job_id) / "outputs" / "deep"
    outputs.mkdir(parents=True)
    (outputs / "ü.json").write_bytes(b"1")
    written = record(results, job_id, [OutputFile("o", "application/json", "outputs/deep/ü.json", 1, "x")])
    assert {file.path for file in written.files} == {"notebook.ipynb", "inputs.json", "outputs/deep/ü.json"}
    assert results.manifest(job_id) == written
    assert results.verify(job_id) == []


def test_every_difference_to_the_record_is_told(results, job_id):
    (results.folder(job_id) / "kept").write_text("1")
    record(results, job_id)
    (results.folder(job_id) / "kept").write_text("2")
    (results.folder(job_id) / contract.FILE_INPUTS).unlink()
    (results.folder(job_id) / "late").write_text("")
    told = " ".join(results.verify(job_id))
    assert "inputs.json is missing." in told
    assert "kept is not what it was" in told
    assert "late was added later." in told


def test_what_was_half_written_and_what_is_no_file_is_not_recorded(results, job_id):
    folder = results.folder(job_id)
    (folder / ".executed.ipynb.part").write_text("half")
    (folder / "link").symlink_to("/etc/passwd")
    record(results, job_id)
    assert sorted(path.name for path in folder.iterdir()) == ["inputs.json", "manifest.json", "notebook.ipynb"]


def test_a_manifest_that_cannot_be_read_is_gone(results, job_id):
    for content in (b"", b"{}", b"[1]", b"\xff"):
        atomic_write(results.folder(job_id) / contract.FILE_MANIFEST, content)
        with pytest.raises(ResultGone):
            results.manifest(job_id)
    with pytest.raises(ResultGone):
        record(results, uuid4())


def test_a_folder_as_deep_as_can_be_is_recorded(results, job_id):
    deep = results.folder(job_id)
    for _ in range(1200):
        deep = deep / "d"
        deep.mkdir()
    (deep / "file").write_text("1")
    assert len(record(results, job_id).files) == 3
    assert results.verify(job_id) == []


def test_a_removed_folder_is_gone_and_removing_again_does_nothing(results, job_id):
    results.delete(job_id)
    results.delete(job_id)
    assert results.job_ids() == []


def test_a_program_that_runs_jobs_and_one_that_wants_the_folder_alone_keep_each_other_out(results):
    with results.in_use(), results.in_use(), pytest.raises(StoreUnavailable, match="A server"), results.alone():
        pass
    with results.alone(), pytest.raises(StoreUnavailable, match="rebuilds"), results.in_use():
        pass
    with results.alone():
        pass


def test_a_finished_job_is_kept_elsewhere_and_read_from_there(tmp_path):
    results = ResultStore(tmp_path / "here", f"file://{tmp_path}/there")
    job_id = uuid4()
    results.create(job_id, {contract.FILE_NOTEBOOK: b"{}"})
    with pytest.raises(ResultGone):
        results.publish(job_id)
    record(results, job_id)
    results.publish(job_id)
    other = ResultStore(tmp_path / "elsewhere", f"file://{tmp_path}/there")
    assert other.read(job_id, contract.FILE_NOTEBOOK) == b"{}"
    assert other.verify(job_id) == []
    assert other.job_ids() == [job_id]
    results.delete(job_id)
    assert other.job_ids() == []


def test_the_reserve_is_kept(tmp_path):
    ResultStore(tmp_path / "a", reserve=1).check_reserve()
    with pytest.raises(StoreUnavailable, match=r"results\.reserve") as caught:
        ResultStore(tmp_path / "b", reserve=1 << 60).check_reserve()
    assert caught.value.retry_after > 0


def test_a_folder_that_is_a_file_and_a_url_nobody_knows_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file cannot be used"):
        ResultStore(tmp_path / "file")
    with pytest.raises(SettingsError, match="nowhere"):
        ResultStore(tmp_path / "c", "nowhere://bucket")


def test_no_file_stays_open(results, job_id):
    def opened():
        return len(list(Path("/proc/self/fd").iterdir()))

    record(results, job_id)
    before = opened()
    (results.folder(job_id) / "link").symlink_to("/etc/passwd")
    for _ in range(50):
        results.verify(job_id)
        results.exists(job_id, "link")
        results.exists(job_id, "d/e/f")
        results.sweep(lambda _: True)
    assert opened() == before
