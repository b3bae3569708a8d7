"""Relative values: resolved by the day of the schedule's zone, in texts wherever they stand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nbprocessor.schedule.placeholders import FIRE_TIME, PLACEHOLDERS, problems, resolved

NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
"""In Berlin the new year has begun."""
IN_2026 = {
    "today": "2026-05-31", "yesterday": "2026-05-30",
    "this_month_start": "2026-05-01", "this_month_end": "2026-05-31",
    "last_month_start": "2026-04-01", "last_month_end": "2026-04-30",
    "this_quarter_start": "2026-04-01", "this_quarter_end": "2026-06-30",
    "last_quarter_start": "2026-01-01", "last_quarter_end": "2026-03-31",
    "this_year_start": "2026-01-01", "this_year_end": "2026-12-31",
    "last_year_start": "2025-01-01", "last_year_end": "2025-12-31",
}  # fmt: skip


def test_each_relative_value_is_the_date_it_says():
    found = resolved({name: f"{{{{ {name} }}}}" for name in PLACEHOLDERS}, datetime(2026, 5, 31, 12, tzinfo=UTC), "UTC")
    assert found == IN_2026


def test_the_day_is_that_of_the_zone():
    assert resolved("{{ today }}", NEW_YEAR, "UTC") == "2026-12-31"
    assert resolved("{{ last_year_end }}", NEW_YEAR, "Europe/Berlin") == "2026-12-31"
    assert resolved(f"{{{{{FIRE_TIME}}}}}", NEW_YEAR, "Europe/Berlin") == "2027-01-01T00:30:00+01:00"


def test_they_are_found_in_lists_objects_and_within_texts():
    value = {"dates": ["{{today}}", 1, None], "until {{ today }}": "until {{ today }}, or {{ yesterday }}"}
    assert resolved(value, NEW_YEAR, "UTC") == {
        "dates": ["2026-12-31", 1, None],
        "until {{ today }}": "until 2026-12-31, or 2026-12-30",
    }


@pytest.mark.parametrize("name", ["last_month_ende", "Today", "", "a.b", "today + 1"])
def test_one_that_there_is_not_is_named_with_its_place(name):
    (problem,) = problems({"inputs": {"a/b": ["x", f"{{{{ {name} }}}}"]}}, "")
    assert problem.pointer == "/inputs/a~1b/1"
    assert f"{{{{ {name} }}}}" in problem.detail
    assert "today" in problem.mend or "last_month_end" in problem.mend


@given(some.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)))
def test_periods_follow_each_other_without_a_gap(day):
    for period in ("month", "quarter", "year"):
        begin, end, last_begin, last_end = (
            PLACEHOLDERS[f"{which}_{period}_{side}"](day) for which in ("this", "last") for side in ("start", "end")
        )
        assert last_begin < last_end == begin - timedelta(days=1)
        assert begin <= day <= end
        assert begin.day == 1
