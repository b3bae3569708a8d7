from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.kit.indicators import existing, target_dates
from nbprocessor.kit.resources import Georesource, Indicator
from nbprocessor.kit.sources import open_source
from tests.unit.kit.towns import build

D19, D20, D21, D22 = (f"{year}-12-31" for year in (2019, 2020, 2021, 2022))
days = st.sets(st.sampled_from([f"20{year}-12-31" for year in range(10, 20)]))


def indicator(name: str, *dates: str) -> Indicator:
    return Indicator(name, name, "", sorted(dates), (), {}, None)


def georesource(*starts: str) -> Georesource:
    periods = [{"startDate": start, "endDate": None} for start in starts]
    return Georesource("g", "g", {"availablePeriodsOfValidity": periods}, None)


def computed(mode: str, target: Indicator, inputs: Sequence, include=(), exclude=()):
    time = {"mode": mode, "includeDates": list(include), "excludeDates": list(exclude)}
    return target_dates(time, target, inputs)


def test_all_computes_what_every_input_has_without_what_is_excluded():
    dates = computed(
        "ALL", indicator("t", D19), [indicator("a", D19, D20, D21), indicator("b", D19, D20)], exclude=[D20]
    )
    assert list(dates) == [D19]
    assert dates.missing == {"b": [D21]}


def test_dates_computes_the_named_dates_whatever_is_excluded_or_there_already():
    a, b = indicator("a", D19, D20, D21), indicator("b", D20, D21)
    dates = computed("DATES", indicator("t", D20), [a, b], include=[D22, D20, D19], exclude=[D20])
    assert list(dates) == [D20]
    assert dates.missing == {"a": [D22], "b": [D19, D22]}


def test_missing_computes_what_the_target_does_not_have():
    a, b = indicator("a", D19, D20, D21, D22), indicator("b", D19, D20, D21)
    dates = computed("MISSING", indicator("t", D19), [a, b], exclude=[D21])
    assert list(dates) == [D20]
    assert dates.missing == {"b": [D22]}


def test_a_date_the_target_has_is_not_reported_as_missing_in_an_input():
    dates = computed("MISSING", indicator("t", D22), [indicator("a", D19, D22), indicator("b", D19)])
    assert list(dates) == [D19]
    assert dates.missing == {}


def test_without_anything_said_the_missing_dates_are_computed():
    assert list(target_dates(None, indicator("t"), [indicator("a", D20, D19)])) == [D19, D20]
    assert list(target_dates({}, indicator("t", D19), [indicator("a", D20, D19)])) == [D20]


def test_dates_without_included_dates_are_none():
    assert list(computed("DATES", indicator("t"), [indicator("a", D19)])) == []


def test_b5_lists_that_are_left_out_or_null_are_empty():
    time = {"mode": "ALL", "excludeDates": None}
    assert list(target_dates(time, indicator("t"), [indicator("a", D19)])) == [D19]


def test_b14_dates_are_in_ascending_order():
    assert list(computed("ALL", indicator("t"), [indicator("a", D22, D19, D21, D20)])) == [D19, D20, D21, D22]


def test_a_georesource_is_computed_on_the_included_dates():
    assert list(
        computed("ALL", indicator("t", D19), [georesource("2000-01-01")], include=[D21, D20], exclude=[D21])
    ) == [D20]
    assert list(computed("MISSING", indicator("t", D20), [georesource()], include=[D21, D20])) == [D21]
    assert list(computed("DATES", indicator("t", D20), [georesource()], include=[D21, D20], exclude=[D21])) == [
        D20,
        D21,
    ]


def test_without_included_dates_a_georesource_is_computed_on_the_target_s_dates_and_where_its_periods_begin():
    inputs = [georesource("2000-01-01", D20)]
    assert list(computed("ALL", indicator("t", D19), inputs)) == ["2000-01-01", D19, D20]
    assert list(computed("MISSING", indicator("t", D19), inputs)) == ["2000-01-01", D20]
    assert list(computed("DATES", indicator("t", D19), inputs)) == []


@pytest.mark.parametrize(
    ("time", "sentence"),
    [
        ({"mode": "SOME"}, 'the mode "SOME"; it is one of MISSING, ALL, DATES'),
        ({"mode": "ALL", "excludeDates": ["31.12.2020"]}, 'excludeDates: "31.12.2020" is no date'),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(time, sentence):
    with pytest.raises(ValueError, match=sentence):
        target_dates(time, indicator("t"), [indicator("a", D19)])


def test_nothing_to_compute_from_is_an_error():
    with pytest.raises(ValueError, match="nothing to compute from"):
        target_dates({"mode": "ALL"}, indicator("t"), [])


@settings(deadline=None)
@given(st.sampled_from(["ALL", "DATES", "MISSING"]), days, days, days, days, days)
def test_whatever_is_computed_is_in_every_input_and_nothing_is_both_computed_and_missing(
    mode, t, a, b, include, exclude
):
    dates = computed(mode, indicator("t", *t), [indicator("a", *a), indicator("b", *b)], include, exclude)
    assert list(dates) == sorted(set(dates))
    assert set(dates) <= a & b
    missing = {day for listed in dates.missing.values() for day in listed}
    assert not missing & set(dates)
    if mode == "DATES":
        assert set(dates) | missing == include
    else:
        wanted = (a | b) - exclude - (t if mode == "MISSING" else set())
        assert set(dates) | missing == wanted


def test_areas_exist_within_their_lifespans_and_an_id_with_two_of_them_has_one_row(tmp_path):
    areas = [
        "A",
        {"ID": "B", "validStartDate": "2000-01-01", "validEndDate": D20},
        {"ID": "B", "validStartDate": "2021-01-01", "validEndDate": None, "square": [1, 0, 2, 1]},
        {"ID": "C", "validStartDate": D21},
        {"ID": "D", "validEndDate": "2000-01-01"},
    ]
    source = open_source(build(tmp_path, areas={"teile": areas}))
    alive = existing(source, "teile", [D20, D21])
    assert alive.to_dict("index") == {
        "A": {D20: True, D21: True},
        "B": {D20: True, D21: True},
        "C": {D20: False, D21: True},
    }
