"""papermill's engine ``nbprocessor`` with a real kernel, as ``papermill --engine nbprocessor`` uses it."""

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from nbprocessor.errors import CellFailed
from nbprocessor.execution.following import Link
from nbprocessor.model.process import Limits
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


FLOOD = "from IPython.display import display\nfor number in range(100_000):\n    display(number)"


def test_a_cell_that_puts_out_more_than_it_may_is_ended_with_what_came_before(tmp_path):
    link = Watching()
    source = saved(tmp_path, code("print('kept')", "first"), code(FLOOD, "flood"), code("print('never')", "last"))
    with pytest.raises(PapermillExecutionError):
        execute(source, tmp_path / "out.ipynb", link=link, limits=Limits(cell_outputs=20))
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert str(link.failure) == 'cell output limit of 20 outputs reached in cell "flood"'
    cells = {cell.id: cell for cell in executed.cells}
    assert cells["first"].outputs[0].text == "kept\n"
    *kept, told = cells["flood"].outputs
    assert [output.data["text/plain"] for output in kept] == [str(number) for number in range(20)]
    assert told.evalue == str(link.failure)
    assert cells["last"].outputs == []


def test_text_without_end_is_ended_when_it_is_as_long_as_it_may_be(tmp_path):
    link = Watching()
    source = saved(tmp_path, code("while True:\n    print('x' * 999)", "endless"))
    with pytest.raises(PapermillExecutionError):
        execute(source, tmp_path / "out.ipynb", link=link, limits=Limits(cell_output_size=1_000_000))
    assert str(link.failure) == 'cell output limit of 1 MB reached in cell "endless"'
    assert (tmp_path / "out.ipynb").stat().st_size < 1_100_000


def test_a_kernel_is_bound_by_the_limits_of_the_system(tmp_path):
    link = Watching()
    write = "open('large', 'wb').write(bytes(1_000_000))"
    source = saved(tmp_path, code("import resource", "one"), code(write, "write"))
    with pytest.raises(PapermillExecutionError):
        execute(source, tmp_path / "out.ipynb", link=link, limits=Limits(file_size=100_000), cwd=str(tmp_path))
    assert str(link.failure) == 'file size limit of 100 kB reached in cell "write"'


def test_a_kernel_that_computes_too_long_is_ended_with_its_reason(tmp_path):
    link = Watching()
    source = saved(tmp_path, code("while True: pass", "loop"))
    with pytest.raises(PapermillExecutionError):
        execute(source, tmp_path / "out.ipynb", link=link, limits=Limits(cpu=3))
    assert str(link.failure) == 'processor time limit of 3 s reached in cell "loop"'
