import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nbprocessor.kit.geometry import points_within
from nbprocessor.kit.sources import open_source
from nbprocessor.kit.statistics import METHODS, continuity, statistic, trend, window
from tests.unit.kit.towns import build

DAY = "2015-12-31"
YEARS = [f"{year}-12-31" for year in range(2015, 2021)]
PLACES = [120, 800, 0, 310]
"""The example of the processes that were replaced: four points, 0 among the values."""


def of_points(tmp_path, properties, method, prop="plaetze"):
    points = [{"at": [0.1 * number + 0.05, 0.5], **one} for number, one in enumerate(properties)]
    source = open_source(build(tmp_path, areas={"teile": ["A", "B"]}, georesources={"punkte": points}))
    frame = statistic(points_within(source, "teile", source.georesource("punkte"), [DAY]), prop, method)
    assert frame.index.tolist() == ["A", "B"]
    assert math.isnan(frame.at["B", DAY])
    return frame.at["A", DAY]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("MIN", 0),
        ("MAX", 800),
        ("MEAN", 307.5),
        ("MEDIAN", 215),
        ("SUM", 1230),
        ("STANDARD_DEVIATION", 352.2664711076924),
    ],
)
def test_d8_b27_each_statistic_is_that_of_the_example_and_0_is_a_value(tmp_path, method, expected):
    assert of_points(tmp_path, [{"plaetze": value} for value in PLACES], method) == pytest.approx(expected, rel=1e-14)


def test_b27_d3_the_standard_deviation_of_one_value_is_a_gap(tmp_path):
    assert math.isnan(of_points(tmp_path, [{"plaetze": 5}], "STANDARD_DEVIATION"))
    assert of_points(tmp_path, [{"plaetze": 5}], "MEAN") == 5


def test_what_is_no_number_is_left_out(tmp_path):
    values = [None, "", "viel", "12", " 8 ", "NaN", "inf"]
    assert of_points(tmp_path, [{"plaetze": value} for value in values], "SUM") == 20


def test_an_area_whose_points_have_no_number_has_a_gap(tmp_path):
    assert math.isnan(of_points(tmp_path, [{"plaetze": "viel"}, {"plaetze": None}], "SUM"))
    assert math.isnan(of_points(tmp_path, [{"andere": 1}], "MIN"))


def test_b25_a_property_of_the_name_an_area_has_too_is_the_point_s_own(tmp_path):
    assert of_points(tmp_path, [{"fid": 3, "ID": "12"}, {"fid": 4, "ID": "13"}], "SUM", "ID") == 25


def test_b4_the_method_is_a_text_or_an_object_with_its_name(tmp_path):
    chosen = {"apiName": "MAX", "displayName": "Maximum"}
    assert of_points(tmp_path, [{"plaetze": 1}, {"plaetze": 2}], chosen) == 2
    with pytest.raises(ValueError, match='"MODE" is unknown; it is one of MIN, MAX'):
        of_points(tmp_path, [{"plaetze": 1}], "MODE")


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12), st.sampled_from(list(METHODS)))
def test_statistics_are_numpy_s(values, method):
    reference = {"MIN": np.min, "MAX": np.max, "MEAN": np.mean, "MEDIAN": np.median, "SUM": np.sum}
    expected = np.std(values, ddof=1) if method == "STANDARD_DEVIATION" else reference[method](values)
    frame = pd.Series(values).agg(METHODS[method])
    assert frame == pytest.approx(expected, rel=1e-9, abs=1e-6)


# ---------------------------------------------------------------- values over time


def windows(*values):
    """Return a window of one area and one date, oldest value first."""
    return [pd.DataFrame({DAY: [value]}, index=["A"], dtype="float64") for value in values]


def one(frame):
    return frame.at["A", DAY]


def test_b17_continuity_of_the_example_falls():
    assert one(continuity(windows(9, 7, 5, 4))) == pytest.approx(-0.9897782665572893, rel=1e-14)


def test_b18_trend_of_the_example():
    assert one(trend(windows(9, 7, 5, 4))) == pytest.approx(100 * (-8.5 / 5) / 9, rel=1e-14)


def test_b17_d2_a_rising_series_has_a_positive_correlation():
    assert one(continuity(windows(1, 2, 3))) == pytest.approx(1)
    assert one(continuity(windows(3, 2, 1))) == pytest.approx(-1)


def test_b17_a_correlation_of_0_is_a_value_and_a_constant_series_has_none():
    assert one(continuity(windows(1, 2, 1))) == pytest.approx(0, abs=1e-15)
    assert math.isnan(one(continuity(windows(4, 4, 4))))


def test_two_values_correlate_fully():
    assert one(continuity(windows(1, 5))) == pytest.approx(1)


def test_b18_d8_zeros_within_the_window_are_values():
    expected = stats.linregress([1, 2, 3, 4], [4, 0, 0, 1])
    assert one(trend(windows(4, 0, 0, 1))) == pytest.approx(100 * expected.slope / 4)
    assert one(continuity(windows(4, 0, 0, 1))) == pytest.approx(expected.rvalue)


def test_a_trend_from_0_is_a_gap_and_a_flat_one_is_0():
    assert math.isnan(one(trend(windows(0, 1, 2))))
    assert math.isnan(one(trend(windows(0, 0))))
    assert one(trend(windows(3, 3, 3))) == 0


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gap_anywhere_in_the_window_is_a_gap(place):
    values = [1.0, 2.0, 4.0]
    values[place] = math.nan
    assert math.isnan(one(trend(windows(*values))))
    assert math.isnan(one(continuity(windows(*values))))


@settings(deadline=None)
@given(st.lists(st.floats(1, 1e6), min_size=3, max_size=10).filter(lambda values: np.std(values) > 1e-3 * max(values)))
def test_trend_and_continuity_are_scipy_s(values):
    expected = stats.linregress(range(1, len(values) + 1), values)
    assert one(trend(windows(*values))) == pytest.approx(100 * expected.slope / values[0], rel=1e-6, abs=1e-9)
    assert one(continuity(windows(*values))) == pytest.approx(expected.rvalue, rel=1e-6, abs=1e-9)


@pytest.fixture
def people(tmp_path):
    rows = {
        "A": dict(zip(YEARS, [9, 7, 5, 4, 6, 8], strict=True)),
        "B": dict(zip(YEARS, [1, None, 3, 4, 5, 6], strict=True)),
    }
    build(tmp_path, areas={"teile": ["A", "B"]}, indicators={"einwohner": {"teile": rows}})
    return open_source(tmp_path).indicator("einwohner")


def test_d1_a_window_of_n_steps_has_n_plus_1_values(people):
    frames = window(people, "teile", YEARS[3:5], 3, "YEARS")
    assert [frame.loc["A"].tolist() for frame in frames] == [[9, 7], [7, 5], [5, 4], [4, 6]]


def test_b16_every_kind_of_span_has_its_window(people):
    for kind, count in [("YEARS", 2), ("MONTHS", 1), ("DAYS", 1)]:
        frames = window(people, "teile", YEARS, count, kind)
        assert [frame.shape for frame in frames] == [(2, 6)] * (count + 1)
        complete = frames[0].loc["A"].notna().tolist()
        assert complete == ([False] * 2 + [True] * 4 if kind == "YEARS" else [False] * 6)


def test_a_date_whose_window_is_incomplete_is_a_gap_in_that_area_only(people):
    found = trend(window(people, "teile", YEARS, 2, "YEARS"))
    assert found.loc["A"].notna().tolist() == [False, False, True, True, True, True]
    assert found.loc["B"].notna().tolist() == [False, False, False, False, True, True]


def test_the_longest_window_allowed_is_no_burden(people):
    frames = window(people, "teile", YEARS, 100_000, "DAYS")
    assert len(frames) == 2 and trend(frames).isna().all(axis=None)
    assert window(people, "teile", [], 100_000, "DAYS")[0].shape == (2, 0)
