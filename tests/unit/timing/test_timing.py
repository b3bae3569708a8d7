"""Cron texts: what is right, what is wrong with the others, and when they fire in the nights the clock is changed."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from nbprocessor.model.schedule import Timing
from nbprocessor.timing import EXAMPLE, cron_problems, delay, moment, next_time, times, zone_problems

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 28, 22, tzinfo=UTC)
"""The evening before 02:00 becomes 03:00."""
AUTUMN = datetime(2026, 10, 24, 20, tzinfo=UTC)
"""The evening before 03:00 becomes 02:00."""


def fires(cron: str, after: datetime, count: int, **facts) -> list[str]:
    found = islice(times(Timing(cron, facts.pop("timezone", "Europe/Berlin"), **facts), after), count)
    return [f"{time.astimezone(BERLIN):%d %H:%M %Z}" for time in found]


@pytest.mark.parametrize(
    "cron",
    ["0 3 1 * *", "*/5 * * * *", "0 0 29 2 *", "0 8 * * MON-FRI", "0 0 L * *", "0 0 * * 7", "15 6 * JAN,JUL 1#1"],
)
def test_what_crontab_takes_is_right(cron):
    assert cron_problems(cron, "/schedule/cron", 300) == []


@pytest.mark.parametrize(
    ("cron", "named", "mended"),
    [
        ("60 3 * * *", "minute", "0 3 * * *"),
        ("0 24 * * *", "hour", "0 3 * * *"),
        ("0 3 31 2 *", "day-of-month", "0 3 28 2 *"),
        ("0 3 0 * *", "day-of-month", "0 3 1 * *"),
        ("0 3 * 13 *", "month", "0 3 * 1 *"),
        ("0 3 * * MOON", "day-of-week", "0 3 * * 1"),
        ("0 3 1, * *", "day-of-month", "0 3 1 * *"),
        ("* * * * * *", "6 fields", EXAMPLE),
        ("@daily", "1 fields", EXAMPLE),
        ("", "0 fields", EXAMPLE),
        ("* * * * *", "every 1 min", "*/5 * * * *"),
        ("*/3 8 * * *", "every 3 min", "*/5 8 * * *"),
        ("0,1 0 1 1 *", "every 1 min", "*/5 0 1 1 *"),
        ("59,0 * * * *", "every 1 min", "*/5 * * * *"),
    ],
)
def test_what_is_wrong_is_named_with_the_next_text_that_is_right(cron, named, mended):
    (problem,) = cron_problems(cron, "/schedule/cron", 300)
    assert problem.pointer == "/schedule/cron"
    assert named in problem.detail
    assert f'"{mended}"' in problem.mend
    assert cron_problems(mended, "", 300) == []


def test_weekdays_count_from_sunday_and_one_of_both_day_fields_is_enough():
    monday = datetime(2026, 6, 1, tzinfo=UTC)
    assert fires("0 12 * * 0", monday, 1) == ["07 12:00 CEST"]
    assert fires("0 12 3 * 5", monday, 2) == ["03 12:00 CEST", "05 12:00 CEST"]


def test_a_fire_in_the_hour_that_is_left_out_comes_right_after_it_and_once():
    assert fires("30 2 * * *", SPRING, 2) == ["29 03:00 CEST", "30 02:30 CEST"]
    assert fires("0 2,3 * * *", SPRING, 2) == ["29 03:00 CEST", "30 02:00 CEST"]


def test_a_fire_in_the_hour_that_comes_twice_comes_once():
    assert fires("30 2 * * *", AUTUMN, 2) == ["25 02:30 CEST", "26 02:30 CET"]


def test_what_fires_every_hour_does_so_in_both_nights():
    assert fires("0 * * * *", SPRING, 4) == ["29 00:00 CET", "29 01:00 CET", "29 03:00 CEST", "29 04:00 CEST"]
    hours = list(islice(times(Timing("0 * * * *", "Europe/Berlin"), AUTUMN), 12))
    assert {later - earlier for earlier, later in pairwise(hours)} == {timedelta(hours=1)}


@pytest.mark.parametrize("begin", [SPRING, AUTUMN])
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 * * * *", "*/30 * * * *", "0 2,3 * * *", "5 1-3 * * *"])
def test_asked_for_one_by_one_or_all_at_once_the_fires_are_the_same(begin, cron):
    timing = Timing(cron, "Europe/Berlin")
    at_once = list(islice(times(timing, begin), 40))
    one_by_one, after = [], begin
    for _ in range(40):
        after = next_time(timing, after)
        one_by_one.append(after)
    assert one_by_one == at_once == sorted(set(at_once))
    assert list(islice(times(timing, at_once[5] - timedelta(seconds=1)), 1)) == [at_once[5]]


def test_start_and_end_are_included():
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    timing = Timing("0 12 * * *", "UTC", start=noon, end=noon + timedelta(days=1))
    assert list(times(timing, noon - timedelta(days=10))) == [noon, noon + timedelta(days=1)]
    assert next_time(timing, noon + timedelta(days=1)) is None


def test_a_date_alone_is_the_whole_day_of_the_zone():
    assert moment("2026-06-01", "Europe/Berlin") == datetime(2026, 5, 31, 22, tzinfo=UTC)
    assert moment("2026-06-01", "Europe/Berlin", end_of_day=True) == datetime(2026, 6, 1, 21, 59, 59, tzinfo=UTC)
    assert moment("2026-06-01T12:00:00", "Europe/Berlin") == datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert moment("2026-06-01t12:00:00z", "Europe/Berlin") == datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "", "0001-01-01T00:00:00"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r"Invalid|range|far away|day"):
        moment(text, "Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "mend"),
    [("Europe/Berln", "Europe/Berlin"), ("../etc/passwd", "UTC"), ("Europe", "Europe/Rome"), ("", "UTC")],
)
def test_a_zone_that_is_not_known_is_named_with_one_that_is(name, mend):
    (problem,) = zone_problems(name, "/schedule/timezone")
    assert mend in problem.mend
    assert zone_problems("Europe/Berlin", "") == []


def test_a_fire_is_put_off_by_no_more_than_the_jitter_and_always_by_the_same():
    schedule_id, fire = uuid4(), datetime(2026, 6, 1, tzinfo=UTC)
    drawn = {delay(schedule_id, fire + timedelta(days=day), 600) for day in range(50)}
    assert all(timedelta() <= one <= timedelta(seconds=600) for one in drawn)
    assert len(drawn) > 40
    assert delay(schedule_id, fire, 600) == delay(schedule_id, fire, 600)
    assert delay(schedule_id, fire, 0) == timedelta()
