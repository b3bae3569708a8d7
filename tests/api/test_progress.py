"""Progress a cell tells of itself reaches whoever looks, while the cell runs."""

from pathlib import Path

import nbformat
import pytest

from tests.servers.nbprocessor import Server, start

FRONT = "---\nprocess:\n  id: counting\n  title: Counting\n  description: Tells how far it is.\n---"
CODE = """
import pathlib, time
from nbprocessor.kit import progress
for step in range(4):
    progress(step, 4, f"step {step}")
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    pathlib.Path("go").unlink()
"""


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("counting")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_raw_cell(FRONT), nbformat.v4.new_code_cell(CODE, id="count")]
    (folder / "notebooks").mkdir()
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "notebooks" / "counting.ipynb"
    )
    with start(folder / "notebooks", folder / "results") as server:
        yield server, folder / "results"


@pytest.mark.kernel
def test_what_a_cell_tells_of_itself_rises_in_the_status_and_in_the_events(counting: tuple[Server, Path]):
    server, results = counting
    job_id = server.execute("counting", prefer="respond-async").json()["jobID"]
    seen, told = [], []
    for step, status in enumerate(_steps(server, job_id)):
        seen.append((status["progress"], status["message"]))
        told.append(server.get(f"/jobs/{job_id}").json()["progress"])
        assert status["message"].endswith(f"step {step}")
        (results / job_id / "work" / "go").touch()
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert [now >= then for (then, _), now in zip(seen, told, strict=True)] == [True] * 4
    assert seen[1][0] >= 25
    ended = server.ended(job_id)
    assert (ended["status"], ended["progress"]) == ("successful", 100)


def _steps(server: Server, job_id: str):
    """Yield the first event of each step."""
    step = 0
    for status in server.events(job_id):
        if status.get("message", "").endswith(f"step {step}"):
            yield status
            step += 1
