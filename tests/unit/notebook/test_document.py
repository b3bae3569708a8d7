import contextlib
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.errors import NotebookError
from nbprocessor.notebook import document
from tests.unit.notebook import written

PATH = Path("x.ipynb")
MEMBERS = ["cells", "metadata", "nbformat", "nbformat_minor", "id", "source", "cell_type", "outputs", "tags"]
ANYTHING = st.recursive(
    st.none() | st.integers() | st.sampled_from(["code", "markdown", "raw", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner),
    max_leaves=12,
)


def refused(content: bytes) -> str:
    with pytest.raises(NotebookError) as caught:
        document.parse(PATH, content)
    return str(caught.value)


def notebook(**changes: object) -> bytes:
    return json.dumps({**json.loads(written.written(written.code("1"))), **changes}).encode()


@given(st.binary())
def test_whatever_the_bytes_reading_raises_nothing_but_a_notebook_error(content):
    with pytest.raises(NotebookError):
        document.parse(PATH, content)


@given(ANYTHING)
def test_whatever_the_json_reading_raises_nothing_but_a_notebook_error(value):
    cells = value if isinstance(value, list) else [value]
    for content in (value, {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}):
        with contextlib.suppress(NotebookError):
            document.parse(PATH, json.dumps(content).encode())


def test_cells_have_id_kind_source_and_tags():
    cells = written.document(written.text("# A"), written.parameters("a = 1")).cells
    assert [(cell.id, cell.kind, cell.source) for cell in cells] == [
        ("purpose", "markdown", "# A"),
        ("parameters", "code", "a = 1"),
    ]
    assert cells[1].tags == {"parameters"} and cells[1].named and not cells[1].executed


def test_a_source_may_be_a_list_of_lines():
    assert written.document({**written.code(""), "source": ["a = 1\n", "b = 2"]}).cells[0].source == "a = 1\nb = 2"


def test_cells_without_ids_are_numbered():
    cells = [{k: v for k, v in cell.items() if k != "id"} for cell in (written.text("a"), written.code("1"))]
    for minor in (2, 4, 5):
        assert [(cell.id, cell.named) for cell in written.document(*cells, minor=minor).cells] == [
            ("1", False),
            ("2", False),
        ]


def test_a_newer_minor_format_and_double_ids_are_read():
    assert len(written.document(written.code("1"), written.code("2"), minor=99).cells) == 2


def test_a_mark_of_byte_order_is_skipped():
    assert document.parse(PATH, b"\xef\xbb\xbf" + written.written(written.code("1"))).cells


def test_kernel_and_language_are_those_of_the_metadata():
    kernel = {"display_name": "R", "language": "R", "name": "ir"}
    found = written.document(written.code("1"), kernel=kernel)
    assert (found.kernel, found.language) == ("ir", "r")
    plain = document.parse(PATH, notebook(metadata={}))
    assert (plain.kernel, plain.language) == ("python3", "python")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"<<<<<<< HEAD\n{}", "conflict marks"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"cells": [], "a": ' + b"9" * 5000 + b"}", "thousands of digits"),
        (b"[]", "no notebook of format 4"),
        (b'{"cells": {}}', "no notebook of format 4"),
        (notebook(nbformat=3), "format 3"),
        (notebook(nbformat="4"), "format '4'"),
        (notebook(nbformat_minor=None), "format 4"),
        (notebook(cells=[5]), "not valid at /cells/0"),
        (notebook(cells=[{"cell_type": "code"}]), "not valid at /cells/0"),
        (notebook(cells=[{**written.code("1"), "metadata": {"tags": "parameters"}}]), "not valid at"),
        (notebook(metadata=[]), "not valid at"),
        (notebook(cells=[{**written.code("1"), "source": "\ud800"}]), "half a character"),
        (b"{" + b" " * 6_000_000 + b"}", "more than 5 MB"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_notebook_is_refused_with_a_sentence(content, said):
    assert said in refused(content)


def test_what_is_no_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe.ipynb"
    os.mkfifo(pipe)
    folder = tmp_path / "folder.ipynb"
    folder.mkdir()
    for path in (pipe, folder, tmp_path / "missing.ipynb"):
        with pytest.raises(NotebookError, match="cannot be read"):
            document.load(path)


def test_the_first_heading_and_paragraph_are_read_as_plain_text():
    cells = written.document(
        written.text(
            "# Der **Quotient** [zweier](https://a.example) `Werte` ##\n\n$$\nx\n$$\n\n"
            "Ein _Satz_\nmit snake_case.\n\nMehr."
        )
    ).cells
    assert document.heading(cells) == "Der Quotient zweier Werte"
    assert document.paragraph(cells) == "Ein Satz mit snake_case."


@pytest.mark.parametrize(
    "block", ["$$\nx\n$$", "$$x$$", "```python\n# no heading\n```", "$$x\n+y$$", "---", "| a |", "![a](b.png)"]
)
def test_formulas_code_and_pictures_are_no_paragraph(block):
    cells = written.document(written.text(f"{block}\n\n# A\n\n{block}\n\nText.")).cells
    assert (document.heading(cells), document.paragraph(cells)) == ("A", "Text.")


@pytest.mark.parametrize(
    "source", ["[" * 1_000_000, "# " + "[a](" * 200_000, "# " + " " * 1_000_000 + "x", "**" * 500_000]
)
def test_a_megabyte_of_marks_is_read_at_once(source):
    begin = time.perf_counter()
    cells = written.document(written.text(source)).cells
    assert len(document.heading(cells)) <= document.MAX_TEXT and len(document.paragraph(cells)) <= document.MAX_TEXT
    assert time.perf_counter() - begin < 2
