import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.kit import lifespans

DAY = "2020-12-31"


def features(*spans, ids="abcdefgh"):
    rows = [
        {"ID": ids[number], "validStartDate": start, "validEndDate": end} for number, (start, end) in enumerate(spans)
    ]
    return gpd.GeoDataFrame(rows, geometry=[shapely.Point(number, 0) for number in range(len(rows))], crs=4326)


@pytest.mark.parametrize(
    ("start", "end", "exists"),
    [
        (DAY, DAY, True),
        ("2021-01-01", None, False),
        (None, "2020-12-30", False),
        (None, None, True),
        ("", " ", True),
        ("0001-01-01", "9999-12-31", True),
        ("2020-12-31T00:00:00Z", "2020-12-31T00:00:00Z", True),
    ],
)
def test_a_feature_exists_from_its_first_to_its_last_day(start, end, exists):
    assert lifespans.alive_on(features((start, end)), [DAY]).tolist() == [[exists]]
    assert len(lifespans.alive(features((start, end)), DAY)) == exists


def test_without_the_properties_a_feature_always_exists():
    bare = features((None, None)).drop(columns=["validStartDate", "validEndDate"])
    assert lifespans.alive_on(bare, ["1000-01-01", DAY]).tolist() == [[True, True]]


def test_a_start_or_end_that_is_no_date_counts_as_open_and_costs_no_other_feature_anything():
    given = features((None, "unbekannt"), ("irgendwann", "2000-01-01"), (None, "2000-01-01"), ("-infinity", "infinity"))
    assert lifespans.alive_on(given, [DAY])[:, 0].tolist() == [True, False, False, True]
    assert lifespans.unreadable(given).tolist() == [True, True, False, False]


def test_without_days_there_is_nothing_effective():
    given = features(("2000-01-01", None), ("2010-01-01", None), ids="aa")
    found = lifespans.effective_on(given, [])
    assert found.shape == (2, 0) and found.dtype == bool


def test_the_latest_of_each_id_is_the_one_that_began_last():
    given = features(("2000-01-01", None), (None, None), ("2010-01-01", None), ("2005-01-01", None), ids="abab")
    assert lifespans.latest(given)[["ID", "validStartDate"]].to_numpy().tolist() == [
        ["a", "2010-01-01"],
        ["b", "2005-01-01"],
    ]


def test_of_several_shapes_on_one_day_one_counts():
    given = features(("2000-01-01", None), ("2010-01-01", None), ("2000-01-01", "2015-12-31"), ids="aab")
    found = lifespans.effective_on(given, ["2005-01-01", DAY])
    assert found.tolist() == [[True, False], [False, True], [True, False]]


spans = st.tuples(
    st.sampled_from(["2000-01-01", "2010-01-01", None]), st.sampled_from(["2005-01-01", "2015-01-01", None])
)


@settings(deadline=None)
@given(st.lists(spans, min_size=1, max_size=8), st.lists(st.sampled_from("ab"), min_size=8, max_size=8))
def test_an_area_that_exists_has_exactly_one_shape(listed, ids):
    given = features(*listed, ids=ids)
    for day in ("1999-01-01", "2003-01-01", "2012-01-01", "2020-01-01"):
        exist, effective = lifespans.alive_on(given, [day])[:, 0], lifespans.effective_on(given, [day])[:, 0]
        assert not (effective & ~exist).any()
        assert given["ID"][effective].is_unique
        assert set(given["ID"][effective]) == set(given["ID"][exist])
