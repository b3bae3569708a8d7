import asyncio
import logging
import os
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbprocessor.catalogue import Catalogue
from nbprocessor.errors import NoSuchProcess, NotebookError
from tests.unit.notebook.written import code, front, parameters, saved, written

PATIENCE = 10.0
RELOAD = 2.0


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "notebooks"
    path.mkdir()
    return path


@pytest.fixture
def catalogue(folder):
    return Catalogue(folder)


def save(folder: Path, name: str, title: str = "One", id: str = "", source: str = "factor: float = 1.0") -> Path:
    """Save a notebook that is a process, as an editor does: beside its place, then moved there."""
    lines = f"process:\n  title: {title}\n  description: A trial." + (f"\n  id: {id}" if id else "")
    saved(folder, front(lines), parameters(source), code("1"), name=f".{name}.saving")
    return (folder / f".{name}.saving").rename(folder / f"{name}.ipynb")


def titles(catalogue) -> dict[str, str]:
    return {name: str(process.title) for name, process in catalogue.processes.items()}


def test_each_notebook_that_declares_a_process_is_on_offer(catalogue, folder):
    save(folder, "one")
    (folder / "area").mkdir()
    save(folder / "area", "two", "Two")
    saved(folder, code("1"), name="no_process.ipynb")
    (folder / "readme.md").write_text("no notebook")
    catalogue.refresh()
    assert titles(catalogue) == {"one": "One", "two": "Two"}
    assert catalogue.get("two").path == folder / "area" / "two.ipynb"
    assert catalogue.faults == {}


def test_an_unknown_process_is_named(catalogue):
    catalogue.refresh()
    with pytest.raises(NoSuchProcess, match="three"):
        catalogue.get("three")


def test_names_that_begin_with_a_line_or_a_dot_are_not_looked_at(catalogue, folder):
    for name in ("_template", ".hidden", ".ipynb_checkpoints"):
        save(folder, name)
    for name in ("_drafts", ".ipynb_checkpoints"):
        (folder / name).mkdir()
        (folder / name / "broken.ipynb").write_text("{")
    catalogue.refresh()
    assert (titles(catalogue), dict(catalogue.faults)) == ({}, {})


def test_a_saved_change_is_on_offer_and_who_holds_the_old_version_keeps_it(catalogue, folder):
    save(folder, "one")
    catalogue.refresh()
    before, all_before = catalogue.get("one"), catalogue.processes
    save(folder, "one", "Changed")
    catalogue.refresh()
    assert (str(before.title), str(catalogue.get("one").title)) == ("One", "Changed")
    assert str(all_before["one"].title) == "One"
    assert before.sha256 != catalogue.get("one").sha256


def test_a_change_within_the_same_tick_of_the_clock_is_noticed(catalogue, folder):
    path = save(folder, "one", "Aaa")
    catalogue.refresh()
    facts = path.stat()
    content = path.read_bytes().replace(b"Aaa", b"Bbb")
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    catalogue.refresh()
    assert titles(catalogue) == {"one": "Bbb"}


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff\xfe", b"[]", b'{"cells": 1}', b"[" * 100_000])
def test_a_broken_save_keeps_the_last_good_version_and_says_why(catalogue, folder, broken):
    path = save(folder, "one")
    catalogue.refresh()
    good = catalogue.get("one")
    path.write_bytes(broken)
    catalogue.refresh()
    assert catalogue.get("one") is good
    assert list(catalogue.faults) == ["one"]
    assert str(path) in str(catalogue.faults["one"])
    save(folder, "one", "Mended")
    catalogue.refresh()
    assert (titles(catalogue), dict(catalogue.faults)) == ({"one": "Mended"}, {})


def test_a_notebook_that_never_was_good_is_named_by_its_path(catalogue, folder):
    path = folder / "one.ipynb"
    path.write_text("{")
    catalogue.refresh()
    assert (titles(catalogue), list(catalogue.faults)) == ({}, [str(path)])


def test_a_removed_notebook_is_no_longer_on_offer(catalogue, folder):
    save(folder, "one")
    path = save(folder, "two")
    catalogue.refresh()
    path.unlink()
    catalogue.refresh()
    assert titles(catalogue) == {"one": "One"}


def test_of_two_notebooks_of_one_id_the_one_on_offer_stays(catalogue, folder):
    save(folder, "second", "Second", id="same")
    catalogue.refresh()
    first = save(folder, "first", "First", id="same")
    catalogue.refresh()
    assert titles(catalogue) == {"same": "Second"}
    assert f'The id "same" is taken by {folder / "second.ipynb"}' in str(catalogue.faults[str(first)])
    (folder / "second.ipynb").unlink()
    catalogue.refresh()
    assert (titles(catalogue), dict(catalogue.faults)) == ({"same": "First"}, {})


def test_what_a_folder_shares_changes_all_its_notebooks(catalogue, folder):
    for name in ("one", "two"):
        save(folder, name)
    catalogue.refresh()
    assert not catalogue.get("one").keywords
    (folder / "_metadata.yml").write_text("process:\n  keywords: [shared]\n")
    catalogue.refresh()
    assert [list(catalogue.get(name).keywords) for name in ("one", "two")] == [["shared"]] * 2
    (folder / "_metadata.yml").write_text("process: [")
    catalogue.refresh()
    assert sorted(catalogue.faults) == ["one", "two"]
    assert list(catalogue.get("one").keywords) == ["shared"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotebookError, match="There is no such folder of notebooks"):
        Catalogue(tmp_path / "nowhere").refresh()


def test_a_folder_that_vanishes_leaves_what_was_on_offer(catalogue, folder):
    save(folder, "one")
    catalogue.refresh()
    folder.rename(folder.with_name("away"))
    with pytest.raises(NotebookError, match="no such folder"):
        catalogue.refresh()
    assert titles(catalogue) == {"one": "One"}


@contextmanager
def nobody(*folders: Path):
    """Act as a user whom permissions bind: root reads everything."""
    root = os.geteuid() == 0
    for place in folders:
        place.chmod(place.stat().st_mode | 0o055)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_or_a_file_that_cannot_be_read_takes_nothing_away(catalogue, folder):
    (folder / "area").mkdir()
    kept, one = save(folder / "area", "kept"), save(folder, "one")
    catalogue.refresh()
    save(folder, "two")
    one.chmod(0o600 if os.geteuid() == 0 else 0)
    os.utime(one)
    (folder / "area").chmod(0o700 if os.geteuid() == 0 else 0)
    try:
        with nobody(folder, *list(folder.parents)[:-2]):
            catalogue.refresh()
    finally:
        (folder / "area").chmod(0o755)
    assert titles(catalogue) == {"kept": "One", "one": "One", "two": "One"}
    assert catalogue.get("kept").path == kept
    assert "Permission denied" in str(catalogue.faults[str(folder / "area")])
    assert "ermission denied" in str(catalogue.faults["one"])
    catalogue.refresh()
    assert str(folder / "area") not in catalogue.faults


def test_a_fault_of_the_server_in_one_notebook_takes_no_other_away(catalogue, folder, monkeypatch):
    from nbprocessor import catalogue as module

    real = module.read_if_process
    monkeypatch.setattr(module, "read_if_process", lambda path: 1 / 0 if path.stem == "bad" else real(path))
    save(folder, "bad")
    save(folder, "one")
    catalogue.refresh()
    assert titles(catalogue) == {"one": "One"}
    assert "ZeroDivisionError" in str(catalogue.faults[str(folder / "bad.ipynb")])


def test_links_to_folders_are_not_followed(catalogue, folder):
    (folder / "circle").symlink_to(folder)
    save(folder, "one")
    catalogue.refresh()
    assert titles(catalogue) == {"one": "One"}


class TestWatching:
    def watched(self, catalogue, scene):
        async def watch():
            stop = asyncio.Event()
            task = asyncio.create_task(catalogue.watch(stop))
            try:
                return await scene()
            finally:
                stop.set()
                async with asyncio.timeout(PATIENCE):
                    await task

        return asyncio.run(watch())

    @staticmethod
    async def until(condition) -> float:
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)
        return time.monotonic() - began

    def test_a_save_is_on_offer_within_two_seconds(self, catalogue, folder):
        save(folder, "one")
        catalogue.refresh()

        async def scene():
            save(folder, "one", "Changed")
            first = await self.until(lambda: titles(catalogue)["one"] == "Changed")
            save(folder, "two")
            second = await self.until(lambda: "two" in catalogue.processes)
            return max(first, second)

        assert self.watched(catalogue, scene) < RELOAD

    def test_a_folder_that_goes_away_and_comes_back_is_read_again_and_told_of_once(self, catalogue, folder, caplog):
        save(folder, "one")
        catalogue.refresh()
        caplog.set_level(logging.WARNING)

        async def scene():
            away = folder.with_name("away")
            folder.rename(away)
            await self.until(lambda: caplog.records)
            await asyncio.sleep(1.5)  # more looks than one, none of which is an event
            save(away, "two")
            away.rename(folder)
            await self.until(lambda: "two" in catalogue.processes)

        self.watched(catalogue, scene)
        assert len([record for record in caplog.records if "cannot be read" in record.message]) <= 2
        assert titles(catalogue) == {"one": "One", "two": "One"}


def test_reading_while_others_refresh_never_sees_half(catalogue, folder):
    from concurrent.futures import ThreadPoolExecutor

    for number in range(5):
        save(folder, f"p{number}")
    catalogue.refresh()
    with ThreadPoolExecutor(4) as threads:
        refreshes = [threads.submit(catalogue.refresh) for _ in range(40)]
        while not all(refresh.done() for refresh in refreshes):
            assert len(catalogue.processes) == 5


def test_a_notebook_of_another_writer_is_read_byte_for_byte(catalogue, folder):
    content = written(front("process:\n  title: T\n  description: D"), code("1")) + b"\n\n"
    (folder / "one.ipynb").write_bytes(content)
    catalogue.refresh()
    assert catalogue.get("one").notebook == content
