"""Opened in JupyterLab, each notebook runs from top to bottom on the invented city, as it is."""

import papermill
import pytest

from nbprocessor import contract
from tests.notebooks.running import NOTEBOOKS

TOLD = (
    contract.JOB_ID,
    contract.JOB_OUTPUTS,
    contract.SOURCE,
    contract.SOURCE_WRITES,
    contract.SOURCE_SOCKET,
    contract.SOURCE_PUBLIC,
)


@pytest.mark.kernel
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_it_is(path, tmp_path, monkeypatch):
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)
    executed = papermill.execute_notebook(str(path), str(tmp_path / "out.ipynb"), cwd=str(tmp_path), progress_bar=False)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    assert outputs
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
