"""`nbprocessor run` executes one job as a server would, and prints where its notebook is."""

import io
import json
import sys
from pathlib import Path

import pytest

from nbprocessor import contract
from tests.unit.notebook import written

QUICK = ("--quiet",)


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    """Start no process that others would be forked from: each of these tests runs one job."""
    monkeypatch.setenv("NBPROCESSOR_EXECUTION__EXECUTOR", "subprocess")


def folder(done) -> Path:
    """Return the job folder of a run."""
    path = Path(done.out.strip())
    assert path.name == contract.FILE_EXECUTED and path.is_file()
    return path.parent


def test_a_process_is_run_with_a_progress_bar_and_nothing_else(call, examples):
    done = call("run", "hello_world", "-p", "name", "Ada")
    assert done.code == 0
    assert "Hello Ada" in (folder(done) / "outputs" / "greeting.txt").read_text()
    assert (folder(done) / contract.FILE_MANIFEST).is_file()
    assert "INFO" not in done.err
    assert done.err.splitlines()[-1] == "successful"


def test_what_is_not_given_takes_the_example_value_when_that_is_wished(call, examples):
    done = call("run", "hello_world", *QUICK, "--example")
    assert done.code == 0, done.err
    assert (folder(done) / "outputs" / "greeting.txt").read_text() == "Hello Peter"
    done = call("run", "hello_world", *QUICK, "--example", "-p", "name", "Ada")
    assert (folder(done) / "outputs" / "greeting.txt").read_text() == "Hello Ada"


def test_inputs_come_from_standard_input_and_those_of_the_command_line_count_before(call, examples, monkeypatch):
    request = {"inputs": {"stringInput": "file", "arrayInput": [1]}, "outputs": {"stringInput": {}}}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(request).encode())))
    done = call("run", "echo", *QUICK, "-f", "-", "-p", "stringInput", "5", "-p", "objectInput", '{"a": null}')
    assert done.code == 0
    inputs = json.loads((folder(done) / contract.FILE_INPUTS).read_text())["inputs"]
    assert (inputs["stringInput"], inputs["arrayInput"], inputs["objectInput"]) == ("5", [1], {"a": None})


def test_a_notebook_file_is_run_without_a_notebooks_folder_and_a_failing_cell_is_1(call, tmp_path):
    written.saved(tmp_path, written.parameters("a: int = 1"), written.code("1 / 0"), name="wrong.ipynb")
    (tmp_path / "in.json").write_text('{"a": 2}')
    done = call("run", "wrong.ipynb", *QUICK, "-f", "in.json")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err and "failed: cell " in done.err
    assert folder(done).parent == tmp_path / "results"


def test_every_wrong_input_is_a_line_of_its_own(call, examples):
    done = call("run", "hello_world", "-p", "nam", "Ada", "-p", "x", "1")
    assert done.code == 3
    lines = [line for line in done.err.splitlines() if line.startswith("nbprocessor: ")]
    assert any('no input "nam". Did you mean "name"?' in line for line in lines) and len(lines) == 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("x{", "The inputs file is not JSON"),
        ("[1]", "The inputs file is no JSON object of inputs."),
        ('{"inputs": [1]}', 'no input "inputs"'),
        (b"\xff\xfe", "The inputs file is not JSON"),
    ],
)
def test_a_wrong_file_of_inputs_is_said(call, examples, tmp_path, content, sentence):
    (tmp_path / "in.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = call("run", "hello_world", "-f", "in.json")
    assert done.code == 3
    assert sentence in done.err


def test_an_id_that_is_nearly_right_is_answered_with_the_right_one(call, examples):
    done = call("run", "hello_word")
    assert (done.code, done.err) == (
        3,
        'nbprocessor: There is no process "hello_word". Did you mean "hello_world"?\n',
    )


def test_of_a_broken_notebook_the_fault_is_told(call, tmp_path):
    (tmp_path / "notebooks").mkdir()
    written.saved(tmp_path / "notebooks", written.parameters("a: int = f()"), name="wrong.ipynb")
    done = call("run", "wrong")
    assert done.code == 3
    assert "wrong.ipynb" in done.err.splitlines()[-1] and "computed" in done.err
