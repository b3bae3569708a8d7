import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from uuid import UUID

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from nbprocessor.kit.encoding import encode, extension, media_type_of
from nbprocessor.kit.jsonvalues import dump_json


class Colour(Enum):
    RED = "rot"


@dataclass
class Place:
    name: str
    since: date


def as_json(value):
    encoded = encode(value)
    assert encoded.media_type == "application/json"
    return json.loads(encoded.content)


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("Ä", "Ä"),
        (date(2020, 1, 31), "2020-01-31"),
        (datetime(2020, 1, 31, 12, tzinfo=UTC), "2020-01-31T12:00:00+00:00"),
    ],
)
def test_text_and_dates_are_plain_text(value, content):
    assert encode(value) == encode(content, "text/plain")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": math.nan, "b": math.inf, "c": 1.5}, {"a": None, "b": None, "c": 1.5}),
        ([True, None, 3], [True, None, 3]),
        (7, 7),
        ({date(2020, 1, 1): 1, Colour.RED: 2}, {"2020-01-01": 1, "rot": 2}),
        ([Colour.RED, UUID(int=1), PurePosixPath("a/b")], ["rot", str(UUID(int=1)), "a/b"]),
        (Place("x", date(2020, 1, 1)), {"name": "x", "since": "2020-01-01"}),
        (np.array([[1, 2], [3, np.nan]]), [[1, 2], [3, None]]),
        ({"n": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True)}, {"n": 3, "f": 0.5, "b": True}),
        ([pd.NaT, pd.NA, pd.Timestamp("2020-01-01")], [None, None, "2020-01-01T00:00:00"]),
        ((x for x in (1, 2)), [1, 2]),
        ({"frame": pd.DataFrame({"a": [1, np.nan]})}, {"frame": [{"a": 1}, {"a": None}]}),
        ({"point": shapely.Point(1, 2)}, {"point": {"type": "Point", "coordinates": [1, 2]}}),
    ],
)
def test_whatever_json_can_say_is_json(value, expected):
    assert as_json(value) == expected


def test_what_json_cannot_say_is_refused_with_its_type():
    with pytest.raises(TypeError, match="a Decimal has no form in JSON"):
        encode({"a": Decimal("1.5")})


def test_text_that_is_said_to_be_json_has_to_be_json():
    assert encode('{"a": 1}', "application/json").content == b'{"a": 1}'
    with pytest.raises(ValueError, match="hand over the value itself, not its text"):
        encode("{a: 1}", "application/geo+json")


def test_tables_are_csv_with_an_index_that_means_something():
    table = pd.DataFrame({"2020-12-31": [1.5, np.nan]}, index=pd.Index(["A", "B"], name="ID"))
    assert encode(table).content == b"ID,2020-12-31\nA,1.5\nB,\n"
    assert encode(table.reset_index(drop=True)).content == b'2020-12-31\n1.5\n""\n'
    assert json.loads(encode(table, "application/json").content)[1] == {"ID": "B", "2020-12-31": None}


def test_geodata_is_geojson_in_wgs84_with_right_handed_rings():
    clockwise = shapely.Polygon([(0, 0), (0, 1), (1, 1), (1, 0)])
    frame = gpd.GeoDataFrame(
        {"d": [pd.Timestamp("2020-01-01")], "n": [np.nan]},
        geometry=gpd.GeoSeries([clockwise], index=["A"], crs=4326).to_crs(25832),
        index=pd.Index(["A"], name="ID"),
    )
    encoded = encode(frame)
    (feature,) = json.loads(encoded.content)["features"]
    assert encoded.media_type == "application/geo+json"
    assert (feature["id"], feature["properties"]) == ("A", {"ID": "A", "d": "2020-01-01T00:00:00", "n": None})
    ring = shapely.geometry.shape(feature["geometry"])
    assert ring.exterior.is_ccw and ring.equals_exact(shapely.orient_polygons(clockwise), 1e-6, normalize=True)


def test_geodata_of_which_nobody_knows_where_it_lies_is_refused():
    with pytest.raises(ValueError, match="no coordinate reference system"):
        encode(gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 2)]))


def test_an_empty_or_missing_geometry_is_null_or_empty():
    frame = gpd.GeoDataFrame(geometry=[None, shapely.Point()], crs=4326)
    first, second = json.loads(encode(frame).content)["features"]
    assert first["geometry"] is None and second["geometry"]["coordinates"] == []


def test_a_figure_is_a_picture():
    figure = Figure()
    assert encode(figure).content.startswith(b"\x89PNG")
    assert encode(figure, "application/pdf").content.startswith(b"%PDF")
    with pytest.raises(TypeError, match="a Figure has no form as text/csv"):
        encode(figure, "text/csv")


def test_bytes_are_what_they_are_said_to_be():
    assert encode(b"x").media_type == "application/octet-stream"
    assert encode(bytearray(b"x"), "image/tiff") == encode(b"x", "image/tiff")


def test_a_list_has_no_form_as_a_picture():
    with pytest.raises(TypeError, match="a list has no form as image/png; hand over bytes or a file"):
        encode([1], "image/png")


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/json", "json"),
        ("application/geo+json", "geojson"),
        ("application/vnd.x+json", "json"),
        ("text/csv; charset=utf-8", "csv"),
        ("application/x-unknown-thing", "bin"),
    ],
)
def test_a_file_has_the_extension_of_its_media_type(media_type, expected):
    assert extension(media_type) == expected


def test_a_media_type_is_known_by_the_name_of_a_file():
    assert media_type_of(PurePosixPath("a/karte.GPKG")) == "application/geopackage+sqlite3"
    assert media_type_of(PurePosixPath("x.unbekannt")) == "application/octet-stream"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(values)
def test_every_json_value_comes_back_with_null_for_what_is_no_number(value):
    def expected(part):
        if isinstance(part, float) and not math.isfinite(part):
            return None
        if isinstance(part, list):
            return [expected(item) for item in part]
        return {key: expected(item) for key, item in part.items()} if isinstance(part, dict) else part

    assert json.loads(dump_json(value)) == expected(value)
