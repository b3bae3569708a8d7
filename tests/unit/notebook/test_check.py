import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprocessor.errors import NotebookError
from nbprocessor.notebook import check
from nbprocessor.notebook.finding import RULES
from tests.unit.notebook import written

FULL = (
    "process:\n  title: {de: A, en: B}\n  description: {de: A, en: B}\n  inputs:\n"
    "    n: {title: {de: A, en: B}, description: {de: A, en: B}}"
)
GOOD = (written.front(FULL), written.text("# A\n\nText."), written.parameters("n: int = 1"), written.code("n + 1"))
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


def found(path: Path) -> list[str]:
    return written.rules(check.findings(path))


def test_a_good_notebook_has_no_findings(tmp_path):
    assert check.findings(written.saved(tmp_path, *GOOD)) == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.rglob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebooks_of_this_project_have_no_findings(path):
    assert check.findings(path) == []


WRONG = {
    "NB01": [written.front("process:\n  titel: A"), *GOOD[1:]],
    "NB02": [*GOOD[:2], written.parameters("n: int = f()")],
    "NB03": [*GOOD[:2], written.parameters("n: int = 1\nm: int = 1")],
    "NB04": [*GOOD[:2], written.parameters("n: Annotated[int, Field(le=0)] = 1")],
    "NB05": [written.front("process:\n  id: a"), *GOOD[1:]],
    "NB06": [
        written.front(f"{FULL}\n  outputs:\n    o: {{title: {{de: A, en: B}}, description: {{de: A, en: B}}}}"),
        *GOOD[1:],
    ],
    "NB07": [*GOOD, written.code('open("/tmp/a")', "more")],
    "NB08": [*GOOD, written.code("import nowhere", "more")],
    "NB09": [GOOD[0], *GOOD[2:]],
    "NB10": [*GOOD, {**written.code("1", "more"), "execution_count": 1}],
    "NB11": [*GOOD, written.code("1", "8a3f2c1d")],
    "NB12": [written.front(f"{FULL}\n  ui: {{a: {{de: {{}}, en: {{}}}}}}"), *GOOD[1:]],
    "NB14": [
        *GOOD,
        written.code(
            "from nbprocessor import kit\nkit.Summary(kit.open_source(), []).units\ns = kit.open_source()\ns.write(1)",
            "more",
        ),
    ],
    "NB15": [*GOOD, written.code("from nbprocessor import kit\nkit.secret('KEY')", "more")],
    "NB13": [written.front(FULL.replace("    n: {", "    n: {schema: {type: string}, ")), *GOOD[1:]],
}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "NB00"])
def test_each_rule_is_broken_by_its_notebook(rule, tmp_path):
    assert rule in found(written.saved(tmp_path, *WRONG[rule]))


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_notebook_is_one_finding(content, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    assert found(path) == ["NB00"]
    assert check.fix(path) == [] and path.read_bytes() == content


def test_a_missing_file_and_a_folder_are_findings(tmp_path):
    assert found(tmp_path / "missing.ipynb") == found(tmp_path) == ["NB00"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["raw", "code", "text"]), st.text("ab:=-#\n{}'\"%!$[]() ", max_size=30)), max_size=5
    )
)
def test_whatever_a_notebook_holds_checking_and_mending_never_fail(tmp_path, content):
    make = {"raw": written.raw, "code": written.code, "text": written.text}
    path = written.saved(tmp_path, *(make[kind](source, "same") for kind, source in content))
    check.findings(path)
    check.fix(path)
    assert not {"NB10", "NB11"} & set(found(path))
    assert check.fix(path) == []


def test_findings_are_in_the_order_of_the_notebook(tmp_path):
    path = written.saved(
        tmp_path, *GOOD, written.code("\nimport nowhere\nopen('/tmp/a')", "a"), written.code("import never", "b")
    )
    assert [(f.cell, f.line, f.rule) for f in check.findings(path)] == [
        ("a", 2, "NB08"),
        ("a", 3, "NB07"),
        ("b", 1, "NB08"),
    ]


def test_a_notebook_that_is_no_process_is_not_asked_for_its_purpose(tmp_path):
    path = written.saved(tmp_path, written.code("import nowhere"))
    assert found(path) == ["NB08"]


@pytest.mark.parametrize("tag", ["parameter", "Parameters", "paramters"])
def test_a_misspelt_tag_is_found(tag, tmp_path):
    assert found(written.saved(tmp_path, written.code("a: int = 1", "a", tag))) == ["NB02"]


def test_a_text_cell_tagged_parameters_is_found(tmp_path):
    cell = {**written.text("a"), "metadata": {"tags": ["parameters"]}}
    assert found(written.saved(tmp_path, cell)) == ["NB02"]


def test_imports_are_not_looked_for_in_another_kernels_environment(tmp_path):
    kernel = {"display_name": "Geo", "language": "python", "name": "geo"}
    assert found(written.saved(tmp_path, *GOOD, written.code("import nowhere", "more"), kernel=kernel)) == []


def test_an_unreadable_shared_file_is_a_finding(tmp_path):
    (tmp_path / "_metadata.yml").mkdir()
    assert found(written.saved(tmp_path, *GOOD)) == ["NB00"]


def messy(folder: Path) -> Path:
    return written.saved(folder, {**written.code("1", "8a3f2c1d"), "execution_count": 1})


def test_mending_says_what_it_did_and_keeps_the_files_mode(tmp_path):
    path = messy(tmp_path)
    path.chmod(0o640)
    done = check.fix(path)
    assert [sentence.partition(":")[0] for sentence in done] == [
        "cleared outputs and other traces of a run", "made cell ids readable",
    ]  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert found(path) == [] and [file.name for file in tmp_path.iterdir()] == ["process.ipynb"]


def test_a_link_stays_a_link(tmp_path):
    path, link = messy(tmp_path), tmp_path / "link.ipynb"
    link.symlink_to(path)
    assert check.fix(link) and link.is_symlink() and found(path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_replaced_is_a_sentence_and_stays(tmp_path):
    path = messy(tmp_path)
    content = path.read_bytes()
    tmp_path.chmod(0o500)
    with pytest.raises(NotebookError, match="cannot be mended: Permission denied"):
        check.fix(path)
    tmp_path.chmod(0o700)
    assert path.read_bytes() == content and [file.name for file in tmp_path.iterdir()] == ["process.ipynb"]


def test_a_name_as_long_as_names_may_be_is_no_harm(tmp_path):
    path = messy(tmp_path)
    long = path.rename(tmp_path / f"{'a' * 249}.ipynb")
    assert check.fix(long)
