"""papermill's engine ``nbprocessor`` with a real kernel, as ``papermill --engine nbprocessor`` uses it."""

import nbformat
import papermill
import pytest

from nbprocessor.errors import CellFailed
from nbprocessor.execution.following import Link
from tests.unit.notebook.written import code, parameters, saved, text

pytestmark = pytest.mark.kernel


class Watching(Link):
    """Keeps what the run tells."""

    def __init__(self):
        super().__init__()
        self.told = []

    def progress(self, progress):
        self.told.append((progress.cell, progress.of, progress.cell_id, progress.heading, progress.fraction))


def execute(source, target, **options):
    papermill.execute_notebook(
        str(source), str(target), engine_name="nbprocessor", progress_bar=False, kernel_name="python3", **options
    )
    return nbformat.read(target, as_version=4)


def test_progress_names_each_cell_with_its_nearest_heading_and_what_the_cell_tells(tmp_path):
    told = (
        "from IPython.display import publish_display_data as publish\n"
        "publish({'application/x-nbprocessor-progress+json': {'done': 1, 'of': 4, 'text': 'a quarter'}})"
    )
    source = saved(
        tmp_path, text("# All"), code("1", "one"), text("## Part\nwords", "t"), code(told, "two"), code("", "three")
    )
    link = Watching()
    executed = execute(source, tmp_path / "out.ipynb", link=link)
    assert link.told == [(1, 2, "one", "All", 0.0), (2, 2, "two", "Part", 0.0), (2, 2, "two", "Part", 0.25)]
    assert executed.cells[3].outputs == []


def test_the_executed_notebook_is_as_papermill_has_it(tmp_path):
    source = saved(tmp_path, parameters("a = 1"), code("a + 1", "sum"), code("print('x')", "say"))
    ours = execute(source, tmp_path / "ours.ipynb", parameters={"a": 2})
    papermill.execute_notebook(
        str(source), str(tmp_path / "stock.ipynb"), progress_bar=False, kernel_name="python3", parameters={"a": 2}
    )
    stock = nbformat.read(tmp_path / "stock.ipynb", as_version=4)
    assert [(cell.source, cell.get("outputs")) for cell in ours.cells] == [
        (cell.source, cell.get("outputs")) for cell in stock.cells
    ]
    assert set(ours.metadata) == set(stock.metadata)
    assert [set(cell.metadata.papermill) for cell in ours.cells] == [
        set(cell.metadata.papermill) for cell in stock.cells
    ]
    nbformat.validate(ours)


def test_a_failing_cell_is_papermills_error_and_the_links_failure(tmp_path):
    source = saved(tmp_path, code("{}['AGS']"), code("print('never')", "after"))
    link = Watching()
    with pytest.raises(papermill.PapermillExecutionError, match="KeyError"):
        execute(source, tmp_path / "out.ipynb", link=link)
    assert isinstance(link.failure, CellFailed)
    assert str(link.failure) == "cell \"compute\": KeyError 'AGS'"
