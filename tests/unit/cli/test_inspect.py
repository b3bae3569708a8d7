import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nbprocessor.cli.main import nbprocessor
from nbprocessor.errors import NotebookError
from tests.unit.notebook import written

GOOD = (
    written.front("process:\n  title: {de: A, en: B}\n  description: {de: A, en: B}\n  version: 1.0.0"),
    written.text("# A\n\nText."),
    written.code("1 + 1"),
)
WRONG = (written.parameters("a: int = f()"), written.code("1"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(nbprocessor, [str(argument) for argument in arguments])


def test_good_notebooks_are_one_line(tmp_path):
    for name in ("a.ipynb", "b.ipynb", "_template.ipynb"):
        written.saved(tmp_path, *GOOD, name=name)
    result = run("check", tmp_path)
    assert (result.output, result.exit_code) == ("3 notebooks, no findings\n", 0)


def test_a_finding_prints_file_cell_line_rule_sentence_and_mend(tmp_path):
    path = written.saved(tmp_path, *WRONG)
    result = run("check", path)
    assert (
        f'{path}, cell "parameters", line 1: error NB02\n    The value f() is computed.\n    Write the value'
        in result.output
    )
    assert result.output.endswith("1 notebook, 1 error and 2 warnings\n") and result.exit_code == 1


def test_a_secret_the_settings_do_not_have_is_a_warning(tmp_path, monkeypatch):
    front = written.front("process:\n  title: {de: A, en: B}\n  description: {de: A, en: B}\n  secrets: [KEY]")
    path = written.saved(tmp_path, front, *GOOD[1:])
    assert "warning NB15\n    The server does not have the secret KEY" in run("check", path).output
    (tmp_path / "key").write_text("value")
    monkeypatch.setenv("NBPROCESSOR_DATA__SECRETS", f"KEY={tmp_path}/key")
    assert run("check", path).output == "1 notebook, no findings\n"
    monkeypatch.setenv("NBPROCESSOR_DATA__SECRETS", "KEY=nowhere")
    assert run("check", path).output == "1 notebook, no findings\n", "settings that are wrong are another matter"


def test_warnings_alone_are_no_failure(tmp_path):
    result = run("check", written.saved(tmp_path, written.parameters("a: int = 1")))
    assert "warning NB05" in result.output and result.exit_code == 0


def test_findings_as_json_are_one_object_a_line(tmp_path):
    path = written.saved(tmp_path, *WRONG)
    lines = [json.loads(line) for line in run("check", "--json", path).output.splitlines()]
    assert {line["rule"] for line in lines} == {"NB02", "NB05", "NB09"}
    assert all(set(line) == {"path", "rule", "severity", "cell", "line", "sentence", "mend"} for line in lines)


def test_mending_says_what_it_did(tmp_path):
    path = written.saved(tmp_path, *GOOD[:2], {**GOOD[2], "execution_count": 1, "id": "8a3f2c1d"})
    result = run("check", "--fix", path)
    assert (
        f"{path}: cleared outputs" in result.output and f"{path}: made cell ids readable: 8a3f2c1d → a" in result.output
    )
    assert result.output.endswith("1 notebook, no findings\n")
    assert run("check", "--fix", path).output == "1 notebook, no findings\n"


def test_copies_of_jupyterlab_are_not_looked_at(tmp_path):
    written.saved(tmp_path, *GOOD)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    written.saved(tmp_path / ".ipynb_checkpoints", *WRONG)
    assert run("check", tmp_path).output == "1 notebook, no findings\n"


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "no such notebook or folder"), ("", "no notebook in this folder")]
)
def test_a_missing_or_empty_folder_is_said(tmp_path, name, said):
    result = run("check", tmp_path / name)
    assert isinstance(result.exception, NotebookError) and said in str(result.exception)


def test_without_paths_the_folder_that_is_served_is_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("notebooks").mkdir()
    written.saved(Path("notebooks"), *GOOD)
    assert run("check").output == "1 notebook, no findings\n"


def test_describe_prints_what_clients_see(tmp_path):
    path = written.saved(tmp_path, *GOOD)
    document = json.loads(run("describe", path).output)
    assert document["title"] == {"de": "A", "en": "B"} and document["version"] == "1.0.0"
    assert json.loads(run("describe", path, "--lang", "en").output)["title"] == "B"


def test_describe_says_what_keeps_a_notebook_from_being_a_process(tmp_path):
    result = run("describe", written.saved(tmp_path, *WRONG))
    assert isinstance(result.exception, NotebookError) and "computed" in str(result.exception)


@pytest.mark.parametrize("command", ["check", "describe"])
def test_help_has_an_example(command):
    result = run(command, "--help")
    assert f"Example: nbprocessor {command}" in result.output and result.exit_code == 0
