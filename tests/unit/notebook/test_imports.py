import pytest

from nbprocessor.notebook import imports
from tests.unit.notebook import written


def missing(*sources: str):
    return imports.missing(written.document(*(written.code(source, f"c{n}") for n, source in enumerate(sources))).cells)


def unbound(source: str, *above: str):
    cells = [written.code(text, f"above-{n}") for n, text in enumerate(above)]
    notebook = written.document(*cells, written.parameters(source))
    return imports.unbound(notebook.cells, notebook.parameters[0])


@pytest.mark.parametrize(
    "source",
    [
        "import os, json\nfrom pathlib import Path",
        "import xml.dom.nothing",
        "from nbprocessor import kit",
        "import __main__",
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
        "try:\n    import nowhere\nexcept (ValueError, ModuleNotFoundError):\n    pass",
        "try:\n    import nowhere\nexcept:\n    pass",
        "%%bash\nimport nowhere",
        "# import nowhere",
    ],
)
def test_what_is_there_or_only_tried_is_no_finding(source):
    assert missing(source) == []


@pytest.mark.parametrize(
    "source",
    ["import nowhere", "import nowhere.a as b", "from nowhere import a", "def f():\n    import nowhere",
     "%time\nimport nowhere",
     "try:\n    pass\nexcept ImportError:\n    import nowhere",
     "try:\n    import nowhere\nexcept ValueError:\n    pass"],
)  # fmt: skip
def test_a_module_that_is_not_there_is_an_error(source):
    found = missing(source)
    assert [(f.rule, f.severity) for f in found] == [("NB08", "error")] and "nowhere" in found[0].sentence


def test_each_missing_module_is_named_once_where_it_is_met_first():
    assert [(f.cell, f.line) for f in missing("\nimport nowhere", "import nowhere")] == [("c0", 2)]


def test_nothing_is_imported_to_find_out(tmp_path, monkeypatch):
    (tmp_path / "trap_of_the_tests.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    assert missing("import trap_of_the_tests.inner") == []


def test_a_relative_import_is_an_error():
    assert "relatively" in missing("from . import a")[0].sentence
    assert "relatively" in missing("from .a import b")[0].sentence


@pytest.mark.parametrize(
    "source", ["%pip install nowhere", "!pip install x", "  !pip3 install x", "%conda install x", "!uv pip install x"]
)
def test_installing_from_within_is_a_warning(source):
    assert [(f.rule, f.severity) for f in missing(source)] == [("NB08", "warning")]


def test_a_value_that_needs_an_import_is_an_error():
    assert [(f.rule, f.severity, f.line) for f in unbound("\nd = date(2020, 1, 1)")] == [("NB02", "error", 2)]


def test_an_annotation_that_needs_an_import_is_a_warning():
    assert [(f.rule, f.severity) for f in unbound("d: Literal[1] = 1")] == [("NB02", "warning")]


@pytest.mark.parametrize(
    ("source", "above"),
    [
        ("from datetime import date\nd: date = date(2020, 1, 1)", ()),
        ("import datetime as dt\nd: dt.date = dt.date(2020, 1, 1)", ()),
        ("d: date = date(2020, 1, 1)", ("from datetime import date",)),
        ("d: date = date(2020, 1, 1)", ("from datetime import *",)),
        ("from __future__ import annotations\nd: Literal[1] = 1", ()),
        ('d: "Literal[1]" = 1', ()),
        ("d: list[int] | None = None", ()),
    ],
)
def test_what_is_imported_or_not_looked_at_is_no_finding(source, above):
    assert unbound(source, *above) == []
