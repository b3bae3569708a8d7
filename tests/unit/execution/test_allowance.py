"""How much cells may put out, message by message."""

import json

import nbformat
import pytest

from nbprocessor.errors import LimitReached
from nbprocessor.execution.allowance import length
from nbprocessor.execution.celloutputs import CellOutputs
from nbprocessor.model.process import Limits


def outputs(**limits):
    cells = [nbformat.v4.new_code_cell("1", id=name) for name in ("one", "two")]
    nb = nbformat.v4.new_notebook(cells=cells)
    return nb, CellOutputs(nb, Limits(**limits))


def text(size, name="stdout"):
    return "stream", {"name": name, "text": "x" * size}


def display(size, **transient):
    return "display_data", {"data": {"text/plain": "x" * size}, "metadata": {}, "transient": transient}


def put(taken, *messages, cell=0):
    """Put out messages until one is refused; return why."""
    for kind, content in messages:
        try:
            taken.add(cell, kind, content)
        except LimitReached as reached:
            return str(reached)
    return ""


def test_one_output_more_than_a_cell_may_have_is_refused_and_those_before_are_kept():
    nb, taken = outputs(cell_outputs=3)
    assert put(taken, *[display(1)] * 5) == 'cell output limit of 3 outputs reached in cell "one"'
    assert len(nb.cells[0].outputs) == 3
    assert put(taken, *[display(1)] * 3, cell=1) == ""


def test_text_that_is_joined_is_one_output():
    nb, taken = outputs(cell_outputs=2)
    assert put(taken, display(1), *[text(1)] * 50) == ""
    assert put(taken, text(1, "stderr")) != ""
    assert [len(output.get("text", "")) for output in nb.cells[0].outputs] == [0, 50]


def test_outputs_that_were_cleared_no_longer_count():
    _, taken = outputs(cell_outputs=1, cell_output_size=1000)
    assert put(taken, *[display(900), ("clear_output", {"wait": True})] * 20) == ""
    assert put(taken, ("clear_output", {"wait": False}), display(900), display(1)) != ""


def test_more_bytes_than_a_cell_may_put_out_are_refused():
    nb, taken = outputs(cell_output_size=1000)
    assert put(taken, *[text(300)] * 10) == 'cell output limit of 1 kB reached in cell "one"'
    assert len(nb.cells[0].outputs[0].text) == 900


def test_a_display_that_is_updated_counts_as_large_as_it_is_now():
    _, taken = outputs(cell_output_size=1000)
    kind, content = display(800, display_id="a")
    assert put(taken, (kind, content), *[("update_display_data", content)] * 50) == ""
    assert put(taken, display(300)) == 'cell output limit of 1 kB reached in cell "one"'


def test_an_update_of_many_displays_counts_for_each():
    _, taken = outputs(cell_output_size=1000)
    small, large = display(10, display_id="a"), display(300, display_id="a")[1]
    assert (
        put(taken, *[small] * 10, *[("update_display_data", large)] * 4)
        == 'cell output limit of 1 kB reached in cell "one"'
    )


def test_an_update_is_counted_for_all_its_displays_before_it_is_made():
    nb, taken = outputs(cell_output_size=200_000, output_size=500_000)
    small, large = display(0, display_id="a"), display(50_000, display_id="a")[1]
    assert put(taken, *[small] * 100) == ""
    assert put(taken, ("update_display_data", large)) == 'cell output limit of 200 kB reached in cell "one"'
    assert len(json.dumps(nb)) < 20_000


def test_an_update_counts_where_its_displays_are():
    nb, taken = outputs(cell_output_size=10_000)
    small = [display(0, display_id=name) for name in "abc"]
    large = [("update_display_data", display(4000, display_id=name)[1]) for name in "abc"]
    assert put(taken, *small) == ""
    assert put(taken, *large, cell=1) == 'cell output limit of 10 kB reached in cell "two"'
    assert len(json.dumps(nb)) < 10_000


def test_a_display_that_updates_others_of_its_name_is_counted_for_them_too():
    nb, taken = outputs(output_size=10_000)
    assert put(taken, *[display(0, display_id="a")] * 20) == ""
    assert put(taken, display(1000, display_id="a"), cell=1) != ""
    assert len(json.dumps(nb)) < 10_000


def test_updates_after_outputs_were_to_be_cleared_count_as_before():
    nb, taken = outputs(cell_output_size=20_000, output_size=50_000)
    names = [str(number) for number in range(90)]
    assert put(taken, *[display(0, display_id=name) for name in names], ("clear_output", {"wait": True})) == ""
    updates = [("update_display_data", display(1900, display_id=name)[1]) for name in names]
    assert put(taken, *updates) == 'cell output limit of 20 kB reached in cell "one"'
    assert len(json.dumps(nb)) < 50_000


@pytest.mark.parametrize("wait", [True, False])
def test_displays_that_were_cleared_are_forgotten(wait):
    nb, taken = outputs(cell_output_size=10_000)
    for number in range(50):
        assert put(taken, display(900, display_id=str(number)), ("clear_output", {"wait": wait})) == ""
    assert sum(map(len, taken._displays.values())) <= 1
    assert put(taken, text(1), ("update_display_data", display(9000, display_id="3")[1])) == ""
    assert len(nb.cells[0].outputs) == 1


def test_the_outputs_of_all_cells_together_have_the_limit_of_what_is_kept():
    _, taken = outputs(output_size=1000)
    assert put(taken, text(700)) == ""
    assert put(taken, text(700), cell=1) == 'output size limit of 1 kB reached in cell "two"'


def test_what_is_no_output_is_never_too_many():
    _, taken = outputs(cell_outputs=1)
    kind, content = display(1, display_id="a")
    assert put(taken, (kind, content), *[("update_display_data", content)] * 9) == ""


@pytest.mark.parametrize("value", ["ä" * 10, {"a": ["b", 1, None, {"c": 2.5}]}, [], "x" * 100_000])
def test_the_length_of_a_value_is_about_that_of_its_json(value):
    assert length(value) == pytest.approx(len(json.dumps(value, ensure_ascii=False)), abs=60)


def test_values_that_are_written_with_few_bytes_count_for_more():
    assert length([[]] * 1000) >= 16_000
    assert length(["ab"] * 1000) >= 8_000


def test_a_value_however_deep_has_a_length():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert length(deep) > 100_000
