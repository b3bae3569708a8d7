import ast
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.notebook import literals
from nbprocessor.notebook.literals import Unreadable

SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"]))
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


def read(source: str):
    return literals.read(ast.parse(source, mode="eval").body)


@given(VALUES)
def test_every_json_value_written_in_python_is_read_as_itself(value):
    assert read(repr(value))[0] == value


@given(st.dates())
def test_every_date_is_read_as_its_iso_text(day):
    written = f"datetime.date({day.year}, {day.month}, {day.day})"
    assert read(written) == (day.isoformat(), literals.read(ast.parse("date(2020, 1, 1)", mode="eval").body)[1])


@given(st.datetimes())
def test_every_time_is_read_as_a_text_that_gives_the_same_time(moment):
    value, kind = read(f"datetime.fromisoformat({moment.isoformat()!r})")
    assert (datetime.fromisoformat(value), kind.injected_as) == (moment, "datetime")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("+1", 1),
        ("-1.5", -1.5),
        ('"a" "b"', "ab"),
        ("(1, 2)", [1, 2]),
        ("1_000", 1000),
        ('date.fromisoformat("20200131")', "2020-01-31"),
        ("date(day=31, month=1, year=2020)", "2020-01-31"),
        ("datetime.datetime(2020, 1, 31, 12)", "2020-01-31T12:00:00"),
        ("datetime(2020, 1, 31, tzinfo=timezone.utc)", "2020-01-31T00:00:00+00:00"),
        ("datetime(2020, 1, 31, tzinfo=datetime.UTC)", "2020-01-31T00:00:00+00:00"),
    ],
)
def test_a_literal_is_read(source, value):
    assert read(source)[0] == value


@pytest.mark.parametrize(
    ("source", "schema"),
    [
        ("[1, 2]", {"type": "array", "items": {"type": "integer"}}),
        ("[1, 2.5]", {"type": "array", "items": {"type": "number"}}),
        ('[1, "a"]', {"type": "array", "items": {}}),
        ("[]", {"type": "array", "items": {}}),
        ("[1, None]", {"type": "array", "items": {"type": "integer", "nullable": True}}),
        ("[None]", {"type": "array", "items": {}}),
        ("{}", {"type": "object"}),
        ("None", {"nullable": True}),
        ("True", {"type": "boolean"}),
    ],
)
def test_a_value_shows_its_type(source, schema):
    assert read(source)[1].whole == schema


def test_a_list_of_dates_is_known_as_one():
    value, kind = read("[date(2020, 1, 1), None]")
    assert (value, kind.injected_as) == (["2020-01-01", None], "date")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("open('x')", "is computed"),
        ("date.today()", "is computed"),
        ("__import__('os').system('id')", "is computed"),
        ("date(2020, 13, 1)", "is no date"),
        ("date(x)", "is no date"),
        ("date()", "is no date"),
        ("date(*[2020, 1, 1])", "is no date"),
        ("1 + 1", "is no literal"),
        ("x", "is no literal"),
        ("lambda: 1", "is no literal"),
        ("[i for i in y]", "is no literal"),
        ("-True", "is no literal"),
        ("- -1", "is no literal"),
        ("f'{x}'", "f-string"),
        ("{1, 2}", "set has no JSON form"),
        ("b'a'", "no JSON form"),
        ("...", "no JSON form"),
        ("1j", "no JSON form"),
        ("1e999", "no JSON form"),
        ("-1e999", "no JSON form"),
        (r"'\ud800'", "no JSON form"),
        ("{1: 2}", "keys of a dict"),
        ("{**x}", "keys of a dict"),
        ("{'a': 1, 'a': 2}", "stands twice"),
        (r"{'\ud800': 2}", "no JSON form"),
        ("{'from': date(2020, 1, 1)}", "inside a dict would arrive as a text"),
        ("[date(2020, 1, 1), 'x']", "in all places"),
    ],
)
def test_what_is_no_literal_is_refused_with_a_sentence(source, said):
    with pytest.raises(Unreadable) as caught:
        read(source)
    assert said in caught.value.sentence


def test_a_number_of_thousands_of_digits_is_refused():
    with pytest.raises(Unreadable, match="no JSON form"):
        read("0x" + "f" * 10_000)


def test_reading_runs_nothing_of_the_source(tmp_path):
    file = tmp_path / "made"
    for source in (f"open({str(file)!r}, 'w')", f"date(open({str(file)!r}, 'w'), 1, 1)"):
        with pytest.raises(Unreadable):
            read(source)
    assert not file.exists()
