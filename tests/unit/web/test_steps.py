"""The cells of an executed notebook as steps, whatever the notebook became."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell

from nbprocessor.web.steps import steps
from tests.unit.web.notebooks import written
from tests.unit.web.test_tables import JSON


def cell(name, status="", *, tags=(), duration=None):
    metadata = {"papermill": {"status": status, "duration": duration}, "tags": list(tags)}
    return new_code_cell("1", id=name, metadata=metadata)


def test_a_step_is_a_cell_that_computes_under_its_nearest_heading():
    notebook = written(
        new_markdown_cell("# Titel"),
        cell("parameters", "completed", tags=["parameters"]),
        cell("injected", "completed", tags=["injected-parameters"]),
        cell("before", "completed", duration=0.5),
        new_markdown_cell("## 1 Laden\n\nText"),
        cell("load", "failed", duration=2.0),
        new_markdown_cell("Nur Text"),
        cell("after"),
    )
    assert steps(notebook) == [
        {"id": "before", "title": "", "state": "done", "seconds": 0.5},
        {"id": "load", "title": "1 Laden", "state": "failed", "seconds": 2.0},
        {"id": "after", "title": "1 Laden", "state": "pending"},
    ]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 5}', b'{"cells": [{}]}', b"\xff"])
def test_what_is_no_notebook_has_no_steps(content):
    assert steps(content) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries({"cell_type": st.just("code"), "source": JSON, "metadata": JSON}), max_size=3))
def test_whatever_is_there_instead_of_cells_the_page_is_written(cells):
    steps(json.dumps({"cells": cells}).encode())
