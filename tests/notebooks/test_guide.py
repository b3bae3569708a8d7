from pathlib import Path

import papermill
import pytest

from nbprocessor import contract
from nbprocessor.notebook import describe

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "notebooks" / "guide").glob("*.ipynb"))
TEMPLATE = ROOT / "notebooks" / "_template.ipynb"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_is_no_process(path):
    assert describe.read_if_process(path) is None


def test_a_copy_of_the_template_is_a_process_without_faults(tmp_path):
    copy = tmp_path / "my_process.ipynb"
    copy.write_bytes(TEMPLATE.read_bytes())
    process = describe.read(copy)
    assert process.id == "my_process"
    assert list(process.outputs) == ["values"]


@pytest.mark.kernel
@pytest.mark.parametrize("path", [*GUIDES, TEMPLATE], ids=lambda path: path.stem)
def test_guides_and_template_run_as_they_are(path, tmp_path, monkeypatch):
    for variable in (contract.SOURCE, contract.SOURCE_WRITES, contract.JOB_OUTPUTS):
        monkeypatch.delenv(variable, raising=False)
    executed = papermill.execute_notebook(
        str(path), str(tmp_path / "executed.ipynb"), cwd=str(tmp_path), progress_bar=False
    )
    last = [cell for cell in executed.cells if cell.cell_type == "code"][-1]
    assert last.outputs and last.outputs[-1].output_type == "display_data"
