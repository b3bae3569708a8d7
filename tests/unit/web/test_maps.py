"""Maps of results: GeoJSON becomes shapes in five classes; what is no GeoJSON becomes none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.web import maps
from nbprocessor.web.maps import map_of
from tests.unit.web.test_tables import JSON

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


def feature(geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def square(**properties):
    return feature({"type": "Polygon", "coordinates": [SQUARE]}, **properties)


def test_an_area_is_a_closed_path_within_the_picture():
    (shape,) = map_of([square(NAME="Mitte")], "de").shapes
    assert shape.path.startswith("M") and shape.path.endswith("Z")
    numbers = [float(n) for pair in shape.path.strip("MZ").split("L") for n in pair.split()]
    assert all(0 <= n <= 640 for n in numbers)


def test_north_is_up_and_a_degree_of_longitude_is_as_wide_as_it_is_there():
    square_at_60 = [[0, 60], [2, 60], [2, 61], [0, 61], [0, 60]]
    drawn = map_of([feature({"type": "Polygon", "coordinates": [square_at_60]})], "de")
    first, second = (tuple(map(float, pair.split())) for pair in drawn.shapes[0].path.strip("MZ").split("L")[1:3])
    assert second[1] < first[1]
    assert drawn.height == pytest.approx(640, abs=20)


def test_colours_stand_for_the_last_property_that_is_a_number_everywhere():
    drawn = map_of([square(id=1, a=2.5, b="x"), square(id=2, a=None, b=3)], "de")
    assert drawn.shows == "a"
    assert [shape.level for shape in drawn.shapes] == ["0", "none"]
    assert drawn.legend == [("0", "2,5"), ("none", "ohne Wert")]


def test_classes_hold_equally_many_values_and_the_legend_says_which():
    drawn = map_of([square(NAME=f"A{n}", value=n) for n in range(10)], "de")
    assert [shape.level for shape in drawn.shapes] == list("0011223344")
    assert drawn.legend[0] == ("4", "8 – 9")
    assert drawn.shapes[3].label == "A3: 3"


def test_equal_values_are_one_class_and_no_number_is_no_legend():
    assert map_of([square(value=1)] * 3, "de").legend == [("0", "1")]
    assert map_of([square(NAME="x")], "de").legend == []


@pytest.mark.parametrize(
    ("geometry", "paths", "points"),
    [
        ({"type": "Point", "coordinates": [7, 51]}, 0, 1),
        ({"type": "MultiPoint", "coordinates": [[7, 51], [8, 52]]}, 0, 2),
        ({"type": "LineString", "coordinates": [[7, 51], [8, 52]]}, 1, 0),
        ({"type": "MultiLineString", "coordinates": [[[7, 51], [8, 52]], [[1, 1], [2, 2]]]}, 2, 0),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE, SQUARE]]}, 3, 0),
        ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2, 3]}]}, 0, 1),
    ],
)
def test_every_type_of_geometry_is_drawn(geometry, paths, points):
    (shape,) = map_of([feature(geometry)], "de").shapes
    assert (shape.path.count("M"), len(shape.points)) == (paths, points)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "Polygon", "coordinates": [[["x", "y"]]]},
        {"type": "Polygon", "coordinates": 5},
        {"type": "Point", "coordinates": [float("nan"), 1]},
        {"type": "Point", "coordinates": []},
        {"type": "Point"},
        {"coordinates": [1, 2]},
        "Point",
    ],
)
def test_what_is_no_geometry_is_no_map(geometry):
    assert map_of([feature(geometry)], "de") is None


def test_a_feature_without_geometry_does_not_keep_the_others_from_the_map():
    assert map_of([feature(None), square()], "de").shapes[0].path == ""


def test_too_much_is_no_map(monkeypatch):
    monkeypatch.setattr(maps, "MAX_POSITIONS", 4)
    assert map_of([square()], "de") is None
    monkeypatch.setattr(maps, "MAX_FEATURES", 0)
    assert map_of([square()], "de") is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries({"geometry": JSON, "properties": JSON}), max_size=3))
def test_whatever_is_there_instead_of_geometries_is_a_map_or_none(features):
    map_of(features, "de")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=5), st.floats() | st.integers())
def test_whatever_numbers_there_are_the_map_stays_in_its_picture(positions, value):
    drawn = map_of([feature({"type": "MultiPoint", "coordinates": positions}, value=value)], "de")
    if drawn is not None:
        assert 0 < drawn.height <= 641
        assert all(0 <= x <= 640.1 and 0 <= y <= 641 for x, y in drawn.shapes[0].points)
