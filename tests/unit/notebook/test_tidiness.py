import json

import pytest

from nbprocessor.notebook import tidiness
from nbprocessor.notebook.document import parse
from tests.unit.notebook import written

RANDOM = ["8a3f2c1d", "a1b2c3d4-1111-2222-3333-444455556666", "VSC-ee60a52b", "0", "12"]
RUN = {"cell_type": "code", "execution_count": 3, "id": "load", "metadata": {"tags": ["a"]}, "source": "1", "outputs": [
    {"output_type": "stream", "name": "stdout", "text": "1"}]}  # fmt: skip


def tidied(*cells, **options):
    content, done = tidiness.tidied(written.document(*cells, **options))
    return json.loads(content), done


def ids(*cells):
    return [cell["id"] for cell in tidied(*cells)[0]["cells"]]


@pytest.mark.parametrize("name", RANDOM)
def test_random_ids_are_not_readable(name):
    assert not tidiness.readable(name)


@pytest.mark.parametrize("name", ["load", "load-text", "stringInput", "compute_2", "a"])
def test_words_are_readable(name):
    assert tidiness.readable(name)


def test_a_tidy_notebook_stays_byte_for_byte():
    notebook = written.document(written.front("process:\n  id: a"), written.text("# A"), written.code("1"))
    assert tidiness.findings(notebook) == []
    assert tidiness.tidied(notebook) == (notebook.content, [])


def test_outputs_counts_and_traces_are_cleared_and_tags_stay():
    content, done = tidied(RUN, {**written.text("a"), "metadata": {"papermill": {}}}, widgets={"a": 1})
    assert len(done) == 1 and "load, purpose" in done[0]
    assert content["cells"][0] == {**RUN, "execution_count": None, "outputs": []}
    assert content["cells"][1]["metadata"] == {} and list(content["metadata"]) == ["kernelspec"]


def test_traces_of_a_run_are_one_warning():
    cells = [{**RUN, "id": f"load-{letter}"} for letter in "abcdefgh"]
    found = tidiness.findings(written.document(*cells))
    assert [(f.rule, f.severity, f.cell) for f in found] == [("NB10", "warning", "load-a")]
    assert "load-e and 3 more have" in found[0].sentence
    assert written.rules(tidiness.findings(written.document(written.code("1"), papermill={}))) == ["NB10"]


def test_missing_random_and_double_ids_are_warnings():
    cells = [written.code("1", "a"), written.code("1", "a"), written.code("1", "8a3f2c1d"), written.code("1")]
    del cells[3]["id"]
    found = tidiness.findings(written.document(*cells))
    assert [(f.rule, f.cell) for f in found] == [("NB11", "a"), ("NB11", "8a3f2c1d"), ("NB11", "4")]


def test_ids_are_made_of_place_tags_and_headings():
    cells = [
        written.front("process:\n  id: a"), written.text("# Titel"), written.parameters("a = 1"),
        written.text("## 1 Daten prüfen & laden"), written.code("1"), written.code("2"), written.text("Weiter."),
        written.text("## 2"), written.code("3"), written.code('kit.output("a", 1)'),
    ]  # fmt: skip
    for number, cell in enumerate(cells):
        cell["id"] = f"8a3f2c{number:02x}"
    assert ids(*cells) == [
        "front-matter", "purpose", "parameters", "daten-pruefen-laden-text", "daten-pruefen-laden",
        "daten-pruefen-laden-2",
        "daten-pruefen-laden-text-2", "text", "code", "outputs",
    ]  # fmt: skip


def test_readable_ids_stay_with_their_first_cell():
    assert ids(written.code("1", "code"), written.code("2", "code"), written.code("3", "8a3f2c1d")) == [
        "code",
        "code-2",
        "code-3",
    ]


def test_a_notebook_of_an_older_format_gets_ids_and_its_format():
    cell = written.code("1")
    del cell["id"]
    content, done = tidied(cell, minor=4)
    assert (content["cells"][0]["id"], content["nbformat_minor"]) == ("code", 5) and done


@pytest.mark.parametrize("indent", [1, 2, 4])
def test_the_form_of_the_file_stays(indent):
    original = json.dumps(json.loads(written.written(RUN)), indent=indent).encode()
    content, _ = tidiness.tidied(parse(written.Path("x.ipynb"), original))
    assert content.decode() == json.dumps(json.loads(content), indent=indent, ensure_ascii=False) + "\n"


def test_making_it_tidy_twice_changes_nothing_more():
    messy = [
        RUN,
        {**RUN, "id": "8a3f2c1d"},
        RUN,
        written.text("# A", "0b1c2d3e"),
        written.text("# deadbeef", "deadbeef"),
    ]
    first, done = tidiness.tidied(written.document(*messy))
    again = parse(written.Path("x.ipynb"), first)
    assert done and tidiness.tidied(again) == (first, []) and tidiness.findings(again) == []
