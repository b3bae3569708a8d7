import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.kit.filters import OPERATORS, condition

KITAS = pd.DataFrame(
    {
        "plaetze": [120, 800, 0, 310, None],
        "art": ["Grundschule", "Gymnasium", " Grundschule ", None, ""],
        "gemischt": ["7", "7.0", "sieben", -3, None],
        "barrierefrei": [True, False, True, False, None],
    }
)


def kept(prop, operator, value):
    chosen = condition({"compFilterProp": prop, "compFilterOperator": operator, "compFilterPropVal": value})
    return chosen.holds(KITAS).tolist()


def numbers(*places):
    return [place in places for place in range(5)]


@pytest.mark.parametrize(
    ("prop", "operator", "value", "places"),
    [
        ("plaetze", "Equal", "120", [0]),
        ("plaetze", "Equal", 120.0, [0]),
        ("plaetze", "Equal", "0", [2]),
        ("plaetze", "Unequal", "120", [1, 2, 3]),
        ("plaetze", "Greater_than", "120", [1, 3]),
        ("plaetze", "Greater_than_or_equal", "120", [0, 1, 3]),
        ("plaetze", "Less_than", "120", [2]),
        ("plaetze", "Less_than_or_equal", "120", [0, 2]),
        ("plaetze", "Range", "120-800", [0, 3]),
        ("plaetze", "Range", " 0 - 120.5 ", [0, 2]),
        ("plaetze", "Contains", "120, 310 ,7", [0, 3]),
        ("art", "Equal", "Grundschule", [0, 2]),
        ("art", "Equal", "grundschule", []),
        ("art", "Unequal", "Grundschule", [1]),
        ("art", "Contains", "Gymnasium, Grundschule", [0, 1, 2]),
        ("art", "Contains", "Grund", []),
        ("art", "Greater_than", "5", []),
        ("gemischt", "Equal", "7", [0, 1]),
        ("gemischt", "Unequal", "7", [2, 3]),
        ("gemischt", "Equal", "sieben", [2]),
        ("gemischt", "Range", "-5--1", [3]),
        ("gemischt", "Range", "-3-7", [3]),
        ("gemischt", "Range", "-3-7.5", [0, 1, 3]),
        ("barrierefrei", "Equal", "true", [0, 2]),
        ("fehlt", "Equal", "1", []),
        ("fehlt", "Unequal", "1", []),
    ],
)
def test_an_operator_keeps_the_features_it_says(prop, operator, value, places):
    assert kept(prop, operator, value) == numbers(*places)


@pytest.mark.parametrize("empty", ["", "None", None])
def test_b2_without_an_operator_every_feature_counts(empty):
    assert kept("plaetze", empty, "") == [True] * 5
    assert condition(None).holds(KITAS).all()
    assert condition({}).holds(KITAS).all()


def test_b2_the_three_parts_are_read_from_comp_filter_or_one_by_one():
    together = condition({"compFilterProp": "plaetze", "compFilterOperator": "Equal", "compFilterPropVal": "310"})
    apart = condition(
        {"compFilterProp": "", "compFilterOperator": "", "compFilterPropVal": ""}, "plaetze", "Equal", 310
    )
    assert together.holds(KITAS).tolist() == apart.holds(KITAS).tolist() == numbers(3)


def test_b26_text_and_ranges_do_not_end_the_run():
    assert kept("art", "Range", "1-5") == numbers()
    assert kept("art", "Less_than", "5") == numbers()


@pytest.mark.parametrize(
    ("operator", "prop", "value", "sentence"),
    [
        ("Like", "art", "x", 'operator "Like" is unknown; it is one of Equal, Unequal'),
        ("Greater_than", "art", "viel", '"viel", which is no number'),
        ("Range", "plaetze", "10 bis 20", 'range "10 bis 20" cannot be read; write it as 10-20'),
        ("Contains", "art", " , ", "names no values"),
        ("Equal", "", "x", "names no property"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_with_a_sentence(operator, prop, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        condition({"compFilterProp": prop, "compFilterOperator": operator, "compFilterPropVal": value})


def test_a_filter_can_be_read_by_people():
    assert str(condition(None, "plaetze", "Greater_than_or_equal", 205)) == "plaetze ≥ 205"
    assert str(condition()) == "alle Objekte"


cells = st.one_of(st.none(), st.text(max_size=3), st.integers(-9, 9), st.floats(allow_nan=True))


@settings(deadline=None)
@given(st.lists(cells, max_size=8), st.one_of(st.integers(-9, 9), st.floats(-9, 9)))
def test_equal_and_unequal_part_the_features_that_have_a_value(values, value):
    features = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    equal, unequal = (condition(None, "x", operator, value).holds(features) for operator in ("Equal", "Unequal"))
    assert not (equal & unequal).any()
    has_value = [text is not None and text == text and str(text).strip() != "" for text in values]  # noqa: PLR0124 - NaN
    assert (equal | unequal).tolist() == has_value


@settings(deadline=None)
@given(st.sampled_from(OPERATORS), st.lists(cells, max_size=8))
def test_a_feature_without_a_value_is_never_kept(operator, values):
    features = pd.DataFrame({"x": pd.Series([*values, None, ""], dtype=object)})
    value = "1-2" if operator == "Range" else "1"
    assert condition(None, "x", operator, value).holds(features).tolist()[-2:] == [False, False]


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_range_holds_its_lower_bound_and_not_its_upper_one(low, high, x):
    features = pd.DataFrame({"x": [x, low, high]})
    holds = condition(None, "x", "Range", f"{low}-{high}").holds(features).tolist()
    assert holds == [low <= x < high, low < high, False]
