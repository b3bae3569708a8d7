"""Several jobs write into one folder at once, and some of them are killed: nothing is lost, nothing is half."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from nbprocessor.errors import DataUnavailable
from nbprocessor.kit import folder as module
from nbprocessor.kit.folder import FolderSource

WRITER = """
import sys
from pathlib import Path
import pandas as pd
from nbprocessor.kit.folder import FolderSource

folder, areas, first, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
source = FolderSource(folder)
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, first + times):
    day = f"{1900 + number % 200}-12-31"
    frame = pd.DataFrame({day: [float(number)] * areas}, index=[str(area) for area in range(areas)])
    source.write(source.indicator("people"), "quarters", frame)
    print(number, flush=True)
"""
HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spatial-units").mkdir()
    (tmp_path / "spatial-units" / "quarters.json").write_text('{"spatialUnitLevel": "Stadtteile"}')
    (tmp_path / "indicators" / "people").mkdir(parents=True)
    (tmp_path / "indicators" / "people" / "quarters.csv").write_text("ID,1900-12-31\n0,1\n")
    return tmp_path


def run(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )


def let_go(*writers):
    """Start all at the same moment."""
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()


def test_jobs_that_write_one_table_at_once_lose_nothing(folder):
    writers = [run(WRITER, folder, 3, first, 10) for first in (1, 11, 21)]
    let_go(*writers)
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    values = FolderSource(folder).indicator("people").values("quarters")
    days = [f"{1900 + number}-12-31" for number in range(1, 31)]
    assert values.loc["2", days].tolist() == [float(number) for number in range(1, 31)]


def test_a_writer_killed_in_the_middle_leaves_the_old_table_whole(folder):
    for times in range(4):
        writer = run(WRITER, folder, 5000, 1, 10_000)
        let_go(writer)
        for _ in range(1 + times % 3):
            writer.stdout.readline()
        writer.kill()
        writer.communicate()
        values = FolderSource(folder).indicator("people").values("quarters")
        assert len(values) == 5000 and values["1901-12-31"].eq(1).all()
        written = values.columns[values.notna().all()]
        assert len(written) >= 1 + times % 3


def test_the_lock_of_a_killed_job_holds_nobody_up(folder):
    lock = folder / "indicators" / "people" / ".quarters.csv.lock"
    holder = run(HOLDER, lock)
    assert holder.stdout.readline() == "locked\n"
    holder.kill()
    holder.communicate()
    source = FolderSource(folder)
    source.write(source.indicator("people"), "quarters", pd.DataFrame({"2020-12-31": [1.0]}, index=["0"]))
    assert source.indicator("people").dates == ["1900-12-31", "2020-12-31"]


def test_a_job_that_never_ends_writing_is_told_to_the_others(folder, monkeypatch):
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.05)
    source = FolderSource(folder)
    with (
        FileLock(folder / "indicators" / "people" / ".quarters.csv.lock"),
        pytest.raises(DataUnavailable, match=r"another job has been writing it for 0\.05 seconds"),
    ):
        source.write(source.indicator("people"), "quarters", pd.DataFrame({"2020-12-31": [1.0]}, index=["0"]))


def test_who_reads_while_others_write_always_sees_a_whole_table(folder):
    writer = run(WRITER, folder, 1000, 1, 15)
    let_go(writer)
    seen = 0
    for _ in writer.stdout:
        values = FolderSource(folder).indicator("people").values("quarters")
        assert len(values) == 1000
        seen += 1
    assert writer.wait(60) == 0 and seen == 15
    writer.communicate()
