import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from nbprocessor import contract
from nbprocessor.errors import OutputMissing, StoreUnavailable
from nbprocessor.execution import collection
from nbprocessor.execution.storage import DEPTH
from nbprocessor.model.manifest import OutputFile
from tests.unit.execution.workshop import process
from tests.unit.notebook.written import code

ACCEPTED = {name: name.encode() for name in collection.ACCEPTED}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "job"
    path.mkdir()
    for name, content in ACCEPTED.items():
        (path / name).write_bytes(content)
    collection.prepare(path)
    return path


def test_a_prepared_folder_has_what_was_accepted_and_room_to_work(folder):
    for leftover in ("work/a", "outputs/b", "executed.ipynb", "log.txt", "manifest.json", "stray", ".half.part"):
        (folder / leftover).write_text("left")
    (folder / "link").symlink_to("/etc")
    (folder / "writes").mkdir()
    collection.prepare(folder)
    assert {path.name for path in folder.iterdir()} == {*ACCEPTED, "work", "outputs"}
    assert list((folder / "work").iterdir()) == []


def test_a_folder_that_cannot_be_prepared_is_named(tmp_path):
    with pytest.raises(StoreUnavailable, match="nowhere"):
        collection.prepare(tmp_path / "nowhere")


def test_only_plain_files_of_the_jobs_own_stay(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("secret")
    (folder / "outputs" / "plain").write_text("plain")
    (folder / "outputs" / "link").symlink_to(outside)
    (folder / "outputs" / "linked").hardlink_to(outside)
    (folder / "outputs" / "own").hardlink_to(folder / contract.FILE_NOTEBOOK)
    (folder / "work" / "folder").symlink_to("/etc")
    os.mkfifo(folder / "work" / "pipe")
    removed = collection.remove_special_files(folder)
    assert sorted(removed) == ["outputs/link", "outputs/linked", "outputs/own", "work/folder", "work/pipe"]
    assert (folder / contract.FILE_NOTEBOOK).is_file()
    assert outside.read_text() == "secret"


def test_folders_that_a_notebook_closed_are_opened(folder):
    (folder / "work" / "closed" / "below").mkdir(parents=True)
    (folder / "work" / "closed").chmod(0)
    collection.remove_special_files(folder)
    assert stat.S_IMODE((folder / "work" / "closed").stat().st_mode) & stat.S_IRWXU == stat.S_IRWXU


def test_a_file_whose_name_is_no_text_is_removed(folder):
    for place in ("work", "outputs"):
        (folder / place / os.fsdecode(b"\xff")).write_text("unspeakable")
    (folder / "work" / os.fsdecode(b"\xfe")).mkdir()
    (folder / "work" / os.fsdecode(b"\xfe") / "below").write_text("plain, but nobody can say where")
    (folder / "work" / ("ä" * 127)).touch()
    assert len(collection.remove_special_files(folder)) == 3
    assert [path.name for path in (folder / "work").iterdir()] == ["ä" * 127]


def test_a_folder_deeper_than_any_path_is_removed_from_where_it_is_too_deep(folder):
    buried(folder / "work", 1500)
    (removed,) = collection.remove_special_files(folder)
    assert removed.count("/") == DEPTH
    assert max(len(path.relative_to(folder).parts) for path in folder.rglob("*")) == DEPTH


def test_room_is_made_whatever_a_run_left(folder):
    buried(folder / "work", 1500)
    (folder / "outputs" / "closed").mkdir()
    (folder / "outputs" / "closed" / "file").touch()
    (folder / "outputs" / "closed").chmod(0)
    collection.make_room(folder)
    assert {path.name for path in folder.iterdir()} == set(ACCEPTED)


def buried(folder, depth):
    """Leave a file under as many folders."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(depth):
            Path("d").mkdir()
            os.chdir("d")
        Path("file").touch()
    finally:
        os.chdir(here)


def test_what_a_run_did_to_its_accepted_files_is_undone(folder):
    (folder / contract.FILE_INPUTS).write_text("changed")
    (folder / contract.FILE_NOTEBOOK).unlink()
    (folder / contract.FILE_JOB).unlink()
    (folder / contract.FILE_PROCESS).unlink()
    (folder / contract.FILE_PROCESS).mkdir()
    assert sorted(collection.restore(folder, ACCEPTED)) == sorted(ACCEPTED)
    assert {name: (folder / name).read_bytes() for name in ACCEPTED} == ACCEPTED
    assert collection.restore(folder, ACCEPTED) == []


@pytest.mark.parametrize("name", ["../notebook.ipynb", "nothing.json", ".", "", "a/b"])
def test_a_name_that_is_no_file_in_the_outputs_is_no_output(folder, name):
    assert collection.output_file(folder, "result", "application/json", name) is None


def test_an_output_is_described_as_it_is_now(folder):
    (folder / "outputs" / "result.json").write_bytes(b"{}")
    found = collection.output_file(folder, "result", "application/json", "result.json")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert found == OutputFile("result", "application/json", "outputs/result.json", 2, digest)


def test_all_missing_outputs_are_named(tmp_path):
    facts = "  outputs:\n    a: {schema: {}}\n    b: {schema: {}}\n    c: {schema: {}}"
    facts += "\n    d: {schema: {}, required: false}"
    declared = process(tmp_path, code("1"), facts=facts)
    with pytest.raises(OutputMissing, match='declared output "a", "c"') as caught:
        collection.require_declared(declared, [OutputFile("b", "x/y", "outputs/b", 0, "")])
    assert caught.value.output_ids == ("a", "c")
    collection.require_declared(replace(declared, outputs={}), [])
