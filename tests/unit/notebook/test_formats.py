import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.notebook import formats

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def conforms(name: str, value: object) -> bool:
    return formats.checker().conforms(value, name)


@given(st.dates())
def test_every_date_is_a_date(day):
    assert conforms("date", day.isoformat())


@given(st.datetimes(timezones=st.timezones()))
def test_every_time_is_a_time(moment):
    text = moment.isoformat()
    # Offsets of long ago had seconds, which RFC 3339 has not.
    assert conforms("date-time", text) or len(text.rpartition("+")[2]) > 5 or len(text.rpartition("-")[2]) > 5


@pytest.mark.parametrize("text", ["2020-02-30", "20200131", "2020-1-1", "2020-01-01T00:00:00", "", "２０２０-01-01"])
def test_other_texts_are_no_dates(text):
    assert not conforms("date", text)


@pytest.mark.parametrize(
    "text", ["2020-01-31T12:00:00Z", "2020-01-31t12:00:00.5z", "2020-01-31T12:00:00+01:00", "2020-01-31T12:00:00"]
)
def test_times_are_those_of_rfc_3339_with_or_without_offset(text):
    assert conforms("date-time", text)


@pytest.mark.parametrize(
    "text", ["2020-01-31", "2020-01-31 12:00:00", "2020-01-31T25:00:00Z", "2020-01-31T12:00Z", "now"]
)
def test_other_texts_are_no_times(text):
    assert not conforms("date-time", text)


@pytest.mark.parametrize(
    ("text", "right"), [("12:00:00Z", True), ("12:00:00", True), ("24:00:01", False), ("noon", False)]
)
def test_times_of_day_are_told(text, right):
    assert conforms("time", text) is right


@pytest.mark.parametrize("crs", [
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/EPSG/0/25832",
    "urn:ogc:def:crs:EPSG::25832", "urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "[EPSG:4326]",
])  # fmt: skip
def test_a_bounding_box_takes_the_coordinate_systems_of_ogc_and_epsg(crs):
    assert conforms("ogc-bbox", {"bbox": [7, 51, 8, 52], "crs": crs})


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ([7, 51, 8, 52], ""),
        ({}, ""),
        ({"bbox": [7, 51, 8]}, "/bbox"),
        ({"bbox": "7,51,8,52"}, "/bbox"),
        ({"bbox": [7, 51, 8, True]}, "/bbox"),
        ({"bbox": [7, 51, 8, float("inf")]}, "/bbox"),
        ({"bbox": [7, 52, 8, 51]}, "/bbox/3"),
        ({"bbox": [7, 51, 9, 8, 52, 1]}, "/bbox/5"),
        ({"bbox": [7, 51, 8, 52], "crs": "mars"}, "/crs"),
        ({"bbox": [7, 51, 8, 52], "crs": 4326}, "/crs"),
        ({"bbox": [7, 51, 8, 52], "srs": "x"}, "/srs"),
    ],
)
def test_what_is_wrong_with_a_bounding_box_is_said_with_its_place(value, pointer):
    assert [place for place, _ in formats.bbox_problems(value)] == [pointer]


def test_a_bounding_box_may_cross_the_antimeridian():
    assert conforms("ogc-bbox", {"bbox": [170, -10, -170, 10]})


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Point", "coordinates": [1, 2, 3]},
        {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
        {"type": "Polygon", "coordinates": [RING]},
        {"type": "MultiPolygon", "coordinates": [[RING], [RING]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
    ],
)
def test_geometries_are_those_of_rfc_7946(value):
    assert conforms("geojson-geometry", value)
    feature = {"type": "Feature", "geometry": value, "properties": None}
    assert conforms("geojson-feature", feature)
    assert conforms("geojson-feature-collection", {"type": "FeatureCollection", "features": [feature]})


@pytest.mark.parametrize(
    "value",
    [
        None, 5, [], {}, {"type": "Point"}, {"type": "Circle", "coordinates": [1, 2]},
        {"type": ["Point"], "coordinates": [1, 2]},
        {"type": "Point", "coordinates": [1]}, {"type": "Point", "coordinates": ["1", "2"]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [2, 2]]]},
        {"type": "Polygon", "coordinates": 5}, {"type": "MultiPolygon", "coordinates": [5]},
        {"type": "GeometryCollection", "geometries": [5]},
    ],
)  # fmt: skip
def test_other_values_are_no_geometries(value):
    assert not conforms("geojson-geometry", value)
    assert value is None or not conforms("geojson-feature", {"type": "Feature", "geometry": value})


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("uri", "https://a.example/b?c", "a b"), ("email", "a@b.example", "ab"), ("ipv4", "1.2.3.4", "1.2"),
     ("ipv6", "::1", ":"), ("hostname", "a.example", "-"), ("duration", "P1DT2H", "1d"),
     ("uuid", "8b5a9e0e-7f7d-4b3c-9a44-3a1c1f0d2b11", "x")],
)  # fmt: skip
def test_well_known_formats_of_json_schema_are_checked(name, right, wrong):
    assert conforms(name, right) and not conforms(name, wrong) and conforms(name, 5)


@pytest.mark.parametrize(
    "name", ["uri", "uri-reference", "email", "hostname", "duration", "ipv6", "iri", "regex", "idn-hostname"]
)
def test_no_format_takes_long_for_a_long_text(name):
    begin = time.perf_counter()
    for text in ("http://" + "a" * 100_000 + "!", "P" + "1Y" * 50_000, "(" * 100_000, "1." * 3_000):
        conforms(name, text)
    assert time.perf_counter() - begin < 2
