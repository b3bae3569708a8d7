import calendar
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.kit.sources import open_source
from nbprocessor.kit.timespans import NEVER, before, earlier_values, reference_values, steps_before
from tests.unit.kit.towns import build


@pytest.mark.parametrize(
    ("day", "count", "kind", "expected"),
    [
        ("2021-03-31", 1, "MONTHS", "2021-02-28"),
        ("2020-03-31", 1, "MONTHS", "2020-02-29"),
        ("2020-02-29", 1, "YEARS", "2019-02-28"),
        ("2020-02-29", 4, "YEARS", "2016-02-29"),
        ("2020-03-01", 1, "DAYS", "2020-02-29"),
        ("2020-01-15", 13, "MONTHS", "2018-12-15"),
        ("2020-12-31", 0, "MONTHS", "2020-12-31"),
    ],
)
def test_b19_spans_follow_the_calendar_and_end_on_days_that_exist(day, count, kind, expected):
    assert before(day, count, kind) == expected


def test_b4_the_kind_of_span_is_a_text_or_an_object_with_its_name():
    assert before("2020-12-31", 1, {"apiName": "MONTHS", "displayName": "Monat(e)"}) == "2020-11-30"


def test_a_kind_of_span_that_is_not_given_is_years():
    assert before("2020-12-31", 1, None) == "2019-12-31"


@pytest.mark.parametrize("kind", ["WEEKS", "", {"displayName": "Jahr(e)"}])
def test_b4_an_unknown_kind_of_span_is_refused_with_a_sentence(kind):
    with pytest.raises(ValueError, match="is unknown; it is one of YEARS, MONTHS, DAYS"):
        before("2020-12-31", 1, kind)


@pytest.mark.parametrize("kind", ["YEARS", "MONTHS", "DAYS"])
def test_before_the_beginning_of_the_calendar_there_is_no_date(kind):
    assert before("2020-12-31", 1_000_000, kind) == NEVER


def test_looking_back_takes_at_least_one_step():
    with pytest.raises(ValueError, match="it has to be at least 1"):
        list(steps_before("2020-12-31", 0, "YEARS"))
    assert list(steps_before("2020-03-31", 2, "MONTHS")) == ["2020-02-29", "2020-01-31"]


@settings(deadline=None)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 600))
def test_months_before_is_the_same_day_or_the_last_of_its_month(day, count):
    earlier = date.fromisoformat(before(day.isoformat(), count, "MONTHS"))
    assert (day.year - earlier.year) * 12 + day.month - earlier.month == count
    assert earlier.day == min(day.day, calendar.monthrange(earlier.year, earlier.month)[1])


@settings(deadline=None)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 50))
def test_twelve_months_are_a_year(day, years):
    assert before(day.isoformat(), years, "YEARS") == before(day.isoformat(), 12 * years, "MONTHS")


@pytest.fixture
def people(tmp_path):
    rows = {"A": {"2020-01-31": 1, "2020-02-29": 2, "2020-03-31": 4}, "B": {"2020-02-29": 8, "2020-03-31": None}}
    build(tmp_path, areas={"teile": ["A", "B"]}, indicators={"einwohner": {"teile": rows}})
    return open_source(tmp_path).indicator("einwohner")


def values(frame):
    return frame.astype(object).where(frame.notna(), None).to_dict("index")


def test_earlier_values_stand_under_the_dates_they_are_compared_with(people):
    frame = earlier_values(people, "teile", ["2020-03-30", "2020-03-31", "2020-02-29"], 1, "MONTHS")
    assert values(frame) == {
        "A": {"2020-03-30": 2, "2020-03-31": 2, "2020-02-29": None},  # 29 January has no value: no nearest date
        "B": {"2020-03-30": 8, "2020-03-31": 8, "2020-02-29": None},
    }


def test_reference_values_stand_beside_later_dates_only(people):
    frame = reference_values(people, "teile", ["2020-01-31", "2020-02-29", "2020-03-31"], "2020-02-29")
    assert values(frame) == {
        "A": {"2020-01-31": None, "2020-02-29": None, "2020-03-31": 2},
        "B": {"2020-01-31": None, "2020-02-29": None, "2020-03-31": 8},
    }


def test_without_dates_there_are_no_values(people):
    assert earlier_values(people, "teile", [], 1, "DAYS").shape == (2, 0)
    assert reference_values(people, "teile", [], "2020-01-31").shape == (2, 0)
