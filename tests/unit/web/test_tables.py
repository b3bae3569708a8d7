"""Results as tables: every value is a text or a table, and no result is too large for a page."""

from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.web import tables
from nbprocessor.web.tables import Cell, csv_table, table

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def texts(rows, language="de"):
    return [cell.text for cell in table(rows, language).rows[0]]


def test_numbers_are_written_in_the_language_and_whole_numbers_as_they_are():
    assert texts([{"share": 1234.5, "year": 2024, "gap": None, "flag": True}]) == ["1.234,5", "2024", "", "ja"]
    assert texts([{"share": 1234.5, "flag": False}], "en") == ["1,234.5", "no"]


def test_columns_are_those_of_all_rows_in_the_order_they_are_met():
    assert table([{"a": 1}, {"b": 2, "a": 3}], "de").columns == ["a", "b"]


def test_lists_of_plain_values_stand_in_their_cell():
    assert texts([{"dates": ["2024-12-31", "2025-12-31"]}]) == ["2024-12-31, 2025-12-31"]


def test_lists_of_objects_are_tables_within_the_table():
    (cell,) = table([{"values": [{"area": "S1", "at": [{"value": 0.5}]}]}], "de").rows[0]
    assert cell.text == "1 Einträge"
    assert cell.table.rows[0][0] == Cell("S1")
    assert cell.table.rows[0][1].table.rows[0][0] == Cell("0,5", is_number=True)


def test_tables_end_after_three_steps_and_when_all_cells_are_used_up(monkeypatch):
    rows = [{"a": [{"b": [{"c": [{"d": 1}]}]}]}]
    third = table(rows, "de").rows[0][0].table.rows[0][0].table
    assert third.rows[0][0] == Cell("1 Einträge")
    monkeypatch.setattr(tables, "MAX_CELLS", 1)
    assert table(rows, "de").rows[0][0].table is None


def test_long_texts_and_long_tables_are_cut_and_say_so():
    cut = table([{"a": "x" * 1000}] * 250, "de")
    assert len(cut.rows) == 200
    assert cut.left_out == 50
    assert cut.rows[0][0].text == "x" * 300 + " …"


def test_csv_becomes_a_table_whatever_separates_it():
    for separator in ",;\t":
        assert csv_table(f"a{separator}b\n1{separator}2\n").rows == [[Cell("1"), Cell("2")]]
    assert csv_table('a,b\n"x, y",2').rows == [[Cell("x, y"), Cell("2")]]
    assert csv_table("a,b\n" + "1,2\n" * 250).left_out == 50
    assert csv_table("no table at all") is None
    assert csv_table("") is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=4))
def test_whatever_json_is_in_a_row_it_is_a_table(rows):
    table(rows, "de")


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_whatever_is_called_csv_is_a_table_or_none(text):
    csv_table(text)
