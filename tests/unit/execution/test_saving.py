import asyncio
import time

import nbformat
import pytest
from papermill.iorw import papermill_io

from nbprocessor.execution.saving import SHARE, AtomicFiles, SavingManager


@pytest.fixture
def local_files(monkeypatch):
    monkeypatch.setattr(papermill_io, "_handlers", [])
    papermill_io.register("local", AtomicFiles())


def a_manager(path, cells=1, size=10):
    output = {"output_type": "stream", "name": "stdout", "text": "y" * size}
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output]) for _ in range(cells)])
    nb.metadata["papermill"] = nbformat.from_dict({})
    for cell in nb.cells:
        cell.metadata["papermill"] = nbformat.from_dict({})
    manager = SavingManager(nb, output_path=str(path), progress_bar=False)
    manager.notebook_start()
    return manager


def test_saving_takes_a_small_share_of_the_time_however_often_it_is_asked_for(tmp_path, local_files):
    manager = a_manager(tmp_path / "executed.ipynb", cells=50, size=20_000)

    async def cells():
        began = time.monotonic()
        while time.monotonic() - began < 3:
            manager.save()
            await asyncio.sleep(0)
        manager.forget_plan()
        return time.monotonic() - began

    took = asyncio.run(cells())
    # One save more than is affordable may have been the first one.
    assert manager._spent <= took * SHARE + 2 * manager._cost
    assert nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells


def test_a_change_that_was_not_saved_at_once_is_saved_later(tmp_path, local_files):
    path = tmp_path / "executed.ipynb"
    manager = a_manager(path)

    async def scene():
        manager.flush()
        manager.nb.cells[0].source = "changed"
        manager.save()
        async with asyncio.timeout(10):
            while "changed" not in path.read_text():
                await asyncio.sleep(0.02)

    asyncio.run(scene())


def test_a_save_that_fails_leaves_the_earlier_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "executed.ipynb"
    files = AtomicFiles()
    files.write("first", str(path))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write("second", str(path))
    assert path.read_text() == "first"
    assert [file.name for file in tmp_path.iterdir()] == ["executed.ipynb"]


def test_a_disk_that_is_full_for_a_while_does_not_end_the_run(tmp_path, local_files):
    manager = a_manager(tmp_path / "not-there" / "executed.ipynb")
    manager.save()
    manager.flush_partial()
    with pytest.raises(OSError, match="not-there"):
        manager.flush()
