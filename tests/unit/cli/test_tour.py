"""The tour that `make run` gives."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_the_tour_shows_a_value_and_where_its_notebook_lies(tmp_path, isolation):
    command = [sys.executable, "-m", "nbprocessor", "tour", "--results", str(tmp_path / "results")]
    environment = os.environ | {"NBPROCESSOR_EXECUTION__ISOLATION": isolation}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert " am 2024-12-31: 0." in done.stdout
    assert list((tmp_path / "results").glob("*/executed.ipynb"))
    assert list((tmp_path / "results").glob("*/writes/*"))  # what it wrote to the demo city
