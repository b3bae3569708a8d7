import math
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from nbprocessor.kit.filters import condition
from nbprocessor.kit.geometry import count, geodesic_kilometres, length, lines_within, matching, points_within
from nbprocessor.kit.sources import open_source
from tests.unit.kit.towns import build

DAY, LATER = "2020-12-31", "2021-12-31"


@pytest.fixture
def town(tmp_path):
    def make(points=(), lines=(), areas=("A", "B", "C")):
        build(tmp_path, areas={"teile": areas}, georesources={"punkte": list(points), "linien": list(lines)})
        source = open_source(tmp_path)
        return source, source.georesource("punkte"), source.georesource("linien")

    return make


def counts(town, dates=(DAY,), chosen=None):
    source, points, _ = town
    inside = points_within(source, "teile", points, dates)
    return rows(count(inside if chosen is None else matching(inside, chosen)))


def lengths(town, dates=(DAY,), chosen=None):
    source, _, lines = town
    inside = lines_within(source, "teile", lines, dates)
    return length(inside if chosen is None else matching(inside, chosen))


def rows(frame):
    values = {area: [None if math.isnan(value) else value for value in row] for area, row in frame.T.items()}
    return {area: listed[0] if len(listed) == 1 else listed for area, listed in values.items()}


def test_points_are_counted_in_their_areas_and_an_area_without_any_has_0(town):
    made = town(points=[{"at": [0.5, 0.5]}, {"at": [0.1, 0.9]}, {"at": [2.5, 0.5]}, {"at": [9, 9]}])
    assert counts(made) == {"A": 2, "B": 0, "C": 1}


def test_d4_a_point_on_an_edge_lies_in_no_area(town):
    assert counts(town(points=[{"at": [1, 0.5]}, {"at": [0, 0.5]}, {"at": [0, 0]}])) == {"A": 0, "B": 0, "C": 0}


def test_a_point_in_a_hole_is_outside(town):
    areas = [{"ID": "A", "square": [0, 0, 3, 3], "holes": [[1, 1]]}]
    assert counts(town(points=[{"at": [1.5, 1.5]}, {"at": [0.5, 1.5]}], areas=areas)) == {"A": 1}


def test_d7_b22_without_any_feature_a_count_is_0_and_no_gap(town):
    assert counts(town(points=[])) == {"A": 0, "B": 0, "C": 0}
    past = [{"at": [0.5, 0.5], "validStartDate": "1990-01-01", "validEndDate": "2000-01-01"}]
    assert counts(town(points=past)) == {"A": 0, "B": 0, "C": 0}


@pytest.mark.parametrize("end", [{}, {"validEndDate": None}, {"validEndDate": ""}, {"validEndDate": "2099-12-31"}])
def test_b22_an_open_end_never_ends_also_in_the_future(town, end):
    made = town(points=[{"at": [0.5, 0.5], "validStartDate": "2000-01-01", **end}])
    assert counts(made, dates=["2090-12-31"])["A"] == 1


def test_features_and_areas_count_on_the_first_and_the_last_day_they_exist(town):
    areas = ["A", {"ID": "B", "validStartDate": DAY, "validEndDate": DAY}]
    points = [{"at": [0.5, 0.5], "validStartDate": DAY, "validEndDate": LATER}, {"at": [1.5, 0.5]}]
    made = town(points=points, areas=areas)
    days = ["2020-12-30", DAY, LATER, "2022-01-01"]
    assert counts(made, days) == {"A": [0, 1, 1, 0], "B": [None, 1, None, None]}


def test_b20_an_area_with_two_lifespans_has_one_row_and_the_shape_of_its_day(town):
    areas = [
        {"ID": "A", "validStartDate": "2000-01-01", "validEndDate": "2021-06-30", "square": [0, 0, 2, 1]},
        {"ID": "A", "validStartDate": "2021-07-01", "square": [0, 0, 1, 1]},
        {"ID": "B", "validStartDate": "2021-07-01", "square": [1, 0, 1, 1]},
    ]
    made = town(points=[{"at": [0.5, 0.5]}, {"at": [1.5, 0.5]}], areas=areas)
    assert counts(made, [DAY, LATER]) == {"A": [2, 1], "B": [None, 1]}


def test_b23_a_filter_that_hits_nothing_gives_0(town):
    made = town(points=[{"at": [0.5, 0.5], "plaetze": 10}])
    assert counts(made, chosen=condition(None, "plaetze", "Greater_than", 100)) == {"A": 0, "B": 0, "C": 0}


def test_b25_features_keep_properties_that_areas_have_too(town):
    areas = [{"ID": "A", "plaetze": 1}, {"ID": "B", "plaetze": 1}]
    points = [{"at": [0.5, 0.5], "ID": "p", "NAME": "x", "plaetze": 10}, {"at": [0.6, 0.5], "ID": "q", "plaetze": 1}]
    made = town(points=points, areas=areas)
    assert counts(made, chosen=condition(None, "plaetze", "Equal", 10)) == {"A": 1, "B": 0}
    assert counts(made, chosen=condition(None, "ID", "Equal", "q")) == {"A": 1, "B": 0}


def test_invalid_areas_are_mended_and_counted(town):
    bow_tie = {"ID": "A", "ring": [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]}
    assert counts(town(points=[{"at": [0.9, 0.5]}, {"at": [0.1, 0.5]}, {"at": [0.5, 0.1]}], areas=[bow_tie])) == {
        "A": 2
    }


def test_d5_b24_lengths_are_geodesic_kilometres(town):
    made = town(lines=[{"along": [[0, 0], [10, 0]]}], areas=[{"ID": "A", "square": [-1, -1, 12, 2]}])
    assert lengths(made).at["A", DAY] == pytest.approx(6.951647, rel=1e-6)


def test_lines_are_cut_at_the_borders_of_areas_and_lose_nothing(town):
    made = town(
        lines=[{"along": [[0.5, 0.5], [2.5, 0.5]], "art": "x"}, {"along": [[0.2, 0.2], [0.4, 0.2]], "art": "y"}]
    )
    whole = Geod(ellps="WGS84").line_length([7.005, 7.025], [51.455, 51.455]) / 1000
    short = Geod(ellps="WGS84").line_length([7.002, 7.004], [51.452, 51.452]) / 1000
    found = lengths(made)[DAY]
    assert found.to_dict() == pytest.approx({"A": whole / 4 + short, "B": whole / 2, "C": whole / 4}, rel=1e-7)
    only = lengths(made, chosen=condition(None, "art", "Equal", "y"))[DAY]
    assert only.to_dict() == pytest.approx({"A": short, "B": 0, "C": 0}, rel=1e-9)


def test_b23_a_line_outside_and_an_area_without_lines_do_not_matter(town):
    made = town(lines=[{"along": [[5, 5], [6, 6]]}, {"along": [[0.2, 0.5], [0.4, 0.5]]}])
    found = lengths(made)[DAY]
    assert found["A"] == pytest.approx(Geod(ellps="WGS84").line_length([7.002, 7.004], [51.455, 51.455]) / 1000)
    assert found["B"] == found["C"] == 0


def test_a_line_of_several_parts_counts_with_each_of_them(town):
    parts = [[[0.2, 0.2], [0.4, 0.2]], [[1.2, 0.2], [1.4, 0.2]], [[0.2, 0.2], [0.4, 0.2]]]
    found = lengths(town(lines=[{"parts": parts}]))[DAY]
    assert found["A"] == pytest.approx(2 * found["B"], rel=1e-9)


def test_what_is_left_of_an_intersection_and_is_no_line_has_no_length():
    line = shapely.LineString([[7, 51], [7.1, 51]])
    shapes = [
        shapely.Point(7, 51),
        line,
        shapely.GeometryCollection([shapely.Point(1, 1), line, shapely.MultiLineString([line, line])]),
        shapely.LineString(),
        None,
    ]
    one = Geod(ellps="WGS84").line_length([7, 7.1], [51, 51]) / 1000
    assert geodesic_kilometres(np.array(shapes)).tolist() == pytest.approx([0, one, 3 * one, 0, 0])
    assert geodesic_kilometres(np.array([], dtype=object)).tolist() == []


def test_points_have_no_length(town):
    source, points, _ = town(points=[{"at": [0.5, 0.5]}])
    with pytest.raises(ValueError, match="find lines with"):
        length(points_within(source, "teile", points, [DAY]))


@pytest.mark.parametrize("end", [1.8, 2.4])
def test_every_pass_of_a_line_counts_whether_it_leaves_the_area_or_not(town, end):
    there, once = [[0.5, 0.5], [end, 0.5], [0.5, 0.5], [end, 0.5]], [[0.5, 0.5], [end, 0.5]]
    found = rows(lengths(town(lines=[{"along": there}])))
    simple = rows(lengths(town(lines=[{"along": once}])))
    for area in "ABC":
        assert found[area] == pytest.approx(3 * simple[area])


def test_the_parts_of_an_area_add_up_to_it_for_lines_that_run_over_themselves(tmp_path):
    random = np.random.default_rng(11)
    lines = [{"along": random.integers(-1, 5, (random.integers(2, 7), 2)).tolist()} for _ in range(60)]
    lines = [line for line in lines if any(a != b for a, b in pairwise(line["along"]))]
    parts = [{"ID": f"{x}-{y}", "square": [x + 0.5, y + 0.5]} for x in range(3) for y in range(3)]
    whole = [{"ID": "A", "square": [0.5, 0.5, 3, 3]}]
    source = open_source(
        build(tmp_path, areas={"teile": parts, "ganzes": whole}, georesources={"linien": lines}),
    )
    of_parts, of_whole = (
        length(lines_within(source, unit, source.georesource("linien"), [DAY])) for unit in ("teile", "ganzes")
    )
    assert of_parts[DAY].sum() == pytest.approx(of_whole.at["A", DAY], rel=1e-7)


def test_no_dates_make_no_columns(town):
    source, points, lines = town(points=[{"at": [0.5, 0.5]}], lines=[{"along": [[0, 0], [1, 1]]}])
    assert count(points_within(source, "teile", points, [])).shape == (3, 0)
    assert length(lines_within(source, "teile", lines, [])).shape == (3, 0)


def test_the_join_agrees_with_asking_every_area_for_every_point(tmp_path):
    random = np.random.default_rng(7)
    areas = [{"ID": f"{x}-{y}", "square": [x, y]} for x in range(6) for y in range(6)]
    points = [
        {"at": [float(x), float(y)], "validStartDate": start}
        for x, y, start in zip(*random.uniform(-1, 7, (2, 300)), random.choice([DAY, LATER], 300), strict=True)
    ]
    source = open_source(build(tmp_path, areas={"teile": areas}, georesources={"punkte": points}))
    found = count(points_within(source, "teile", source.georesource("punkte"), [DAY, LATER]))
    for day in (DAY, LATER):
        alive: gpd.GeoDataFrame = source.features("punkte", on=day)
        for area, shape in source.areas("teile").geometry.items():
            assert found.at[area, day] == alive.within(shape).sum()
