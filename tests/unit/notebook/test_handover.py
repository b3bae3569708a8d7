import pytest

from nbprocessor.notebook import handover
from tests.unit.notebook import written


def names(*sources: str) -> list[str]:
    cells = written.document(*(written.code(source, f"c{n}") for n, source in enumerate(sources))).cells
    return [call.output for call in handover.calls(cells)]


@pytest.mark.parametrize(
    "source",
    [
        'kit.output("a", 1)',
        'kit.output(name="a", value=1)',
        'if x:\n    kit.output("a", 1)',
        'from nbprocessor import kit as k\nk.output("a", 1)',
        'from nbprocessor.kit import output\noutput("a", 1)',
        'from nbprocessor.kit import output as hand\nhand("a", 1)',
        'import nbprocessor.kit\nnbprocessor.kit.output("a", 1)',
        'import nbprocessor.kit as k\nk.output("a", 1)',
        'sb.glue("a", 1)',
        '%matplotlib inline\nkit.output("a", 1)',
    ],
)
def test_every_way_to_hand_over_an_output_is_seen(source):
    assert names(source) == ["a"]


def test_imports_of_one_cell_count_in_the_others():
    assert names("from nbprocessor.kit import output", 'output("a", 1)') == ["a"]


@pytest.mark.parametrize(
    "source",
    ['output("a", 1)', 'other.output("a", 1)', '"kit.output(1)"', '# kit.output("a", 1)', "%%bash\nkit.output('a')"],
)
def test_other_calls_are_none(source):
    assert names(source) == []


def test_a_computed_name_is_an_empty_one_and_the_line_is_known():
    cells = written.document(written.code("a = 1\nfor n in x:\n    kit.output(n, 1)")).cells
    assert handover.calls(cells) == [handover.HandOver("", "compute", 3)]


def test_calls_are_in_the_order_of_the_source():
    assert names('if x:\n    kit.output("a", 1)\nkit.output("b", 2)') == ["a", "b"]


@pytest.mark.parametrize("source", ["(" * 100_000, "a" + ".b" * 500_000, "1\0", "def", "-" * 100_000 + "1"])
def test_what_is_no_python_hands_nothing_over(source):
    assert names(source) == []
