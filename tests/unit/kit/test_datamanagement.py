"""Reading from Data Management: addresses, shapes, text that is numbers, and errors that name what they are about."""

import json
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from nbprocessor import contract
from nbprocessor.errors import DataError, DataUnavailable, InvalidData, ResourceNotFound
from nbprocessor.kit.datamanagement import DataManagement
from tests.servers.city import EDITOR, STRANGER, square
from tests.servers.datamanagement import QUICK, gateway

POINT = {"type": "Point", "coordinates": [7.01, 51.01]}
TABLE = {"1": {"2019-12-31": 0.0, "2020-12-31": 1 / 3}, "2": {"2019-12-31": None, "2020-12-31": 1e6}}


@pytest.fixture
def city(datamanagement):
    city = datamanagement.city
    city.add_unit("quarters", "Stadtteile", [square("1", 7, 51), square("2", 7.02, 51)])
    city.add_indicator("people", "Einwohner", {"quarters": TABLE})
    return city


def rows(stand_in, content):
    """Let the time series be these rows."""
    stand_in.fault("/without-geometry", body=json.dumps(content).encode())


@pytest.mark.parametrize("end", ["", "/", "/management", "/management/"])
def test_the_address_may_have_management_at_its_end_and_it_is_never_doubled(datamanagement, city, end):
    with closing(DataManagement(f"{datamanagement.url}{end}", token=EDITOR, patience=QUICK)) as source:
        assert source.spatial_unit("quarters").name == "Stadtteile"
        assert source.address("i", "u") == f"{datamanagement.url}/management/indicators/i/u"


def test_an_api_below_a_path_keeps_it(editor):
    with closing(DataManagement("https://city.example/data-management/management/")) as source:
        assert source.address("i", "u") == "https://city.example/data-management/management/indicators/i/u"


@pytest.mark.parametrize(
    "place",
    ["http://", "https://:80", "ftp://city.example", "http://city.example:port", "http://me:secret@city.example"],
)
def test_what_is_no_address_is_refused_with_a_sentence(place):
    with pytest.raises(DataError) as caught:
        DataManagement(place)
    assert "secret" not in str(caught.value)


def test_metadata_are_those_of_the_server(editor, city):
    people = editor.indicator("people")
    assert (people.name, people.unit, list(people.dates)) == ("Einwohner", "Anzahl", ["2019-12-31", "2020-12-31"])
    assert people.spatial_units == ["quarters"]
    schools = editor.georesource("7f036bc2-785e-48ae-a241-8895831aab03")
    assert (schools.name, len(schools.features())) == ("Schulen", 12)


def test_text_becomes_numbers_null_becomes_nan_and_zero_stays_zero(editor, city):
    values = editor.indicator("people").values("quarters")
    assert values.index.tolist() == ["1", "2"] and values.columns.tolist() == ["2019-12-31", "2020-12-31"]
    assert values.dtypes.eq("float64").all()
    np.testing.assert_array_equal(values.to_numpy(), [[0.0, 0.33333334], [np.nan, 1e6]])


@pytest.mark.parametrize("nothing", [None, "", " ", "NaN", float("nan")])
def test_every_form_of_no_data_is_nan(datamanagement, editor, city, nothing):
    rows(datamanagement, [{"ID": "1", "DATE_2020-12-31": nothing}, {"ID": 2, "DATE_2020-12-31": 5}])
    values = editor.indicator("people").values("quarters")
    assert values.loc["1"].isna().all() and values.at["2", "2020-12-31"] == 5


@pytest.mark.parametrize("wrong", ["1,5", "many", True, [1], {"a": 1}])
def test_text_that_is_no_number_is_told_with_area_and_date(datamanagement, editor, city, wrong):
    rows(datamanagement, [{"ID": "Mitte", "DATE_2020-12-31": wrong}])
    with pytest.raises(InvalidData, match="indicator people on spatial unit quarters: Mitte, 2020-12-31"):
        editor.indicator("people").values("quarters")


def test_an_area_with_two_lifespans_has_one_row_of_values(datamanagement, editor, city):
    city.features["quarters"] = [
        square("1", 7, 51, validEndDate="2019-12-31"),
        square("1", 7, 52, validStartDate="2020-01-01"),
    ]
    city.features["quarters"].append(square("2", 8, 51))
    assert editor.indicator("people").values("quarters").index.tolist() == ["1", "2"]


def test_two_rows_of_one_area_that_differ_are_told_and_never_chosen_from(datamanagement, editor, city):
    rows(datamanagement, [{"ID": "1", "DATE_2020-12-31": "1"}, {"ID": "1", "DATE_2020-12-31": "2"}])
    with pytest.raises(InvalidData, match='the area "1" has two rows with different values'):
        editor.indicator("people").values("quarters")


def test_rows_without_an_id_are_named(datamanagement, editor, city):
    rows(datamanagement, [{"ID": "1"}, {"NAME": "x"}, {"ID": None}])
    with pytest.raises(InvalidData, match=r"2 of 3 rows have no ID \(row 2, 3\)"):
        editor.indicator("people").values("quarters")


@pytest.mark.parametrize("content", [{"a": 1}, [1], "text", None])
def test_a_time_series_that_is_no_list_of_rows_is_told(datamanagement, editor, city, content):
    rows(datamanagement, content)
    with pytest.raises(InvalidData, match="no list of rows"):
        editor.indicator("people").values("quarters")


def test_an_empty_time_series_is_an_empty_table(datamanagement, editor, city):
    rows(datamanagement, [])
    assert editor.indicator("people").values("quarters", ["2020-12-31"]).shape == (0, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("applicableDates", [1]),
        ("applicableDates", "2020"),
        ("applicableSpatialUnits", [{}]),
        ("applicableSpatialUnits", 7),
    ],
)
def test_metadata_of_another_shape_are_told(datamanagement, editor, city, key, value):
    datamanagement.fault("/indicators/people", body=json.dumps({key: value}).encode())
    with pytest.raises(InvalidData, match=f"indicator people: {key} is no list"):
        editor.indicator("people")


def test_metadata_that_are_no_object_are_told(datamanagement, editor, city):
    datamanagement.fault("/spatial-units/quarters", body=b"[]")
    with pytest.raises(InvalidData, match="spatial unit quarters: the metadata is no JSON object"):
        editor.spatial_unit("quarters")


def test_areas_are_wgs84_with_text_as_ids_and_dates_as_text(editor, city):
    areas = editor.areas("quarters")
    assert areas.index.tolist() == ["1", "2"] and areas.crs.to_epsg() == 4326
    assert areas["validStartDate"].tolist() == ["2000-01-01", "2000-01-01"]


def test_areas_exist_as_long_as_their_lifespans_say(editor, city):
    city.features["quarters"] = [square("1", 7, 51, validEndDate="2019-12-31"), square("2", 8, 51, validStartDate=None)]
    assert editor.areas("quarters", on="2019-12-31").index.tolist() == ["1", "2"]
    assert editor.areas("quarters", on="2020-01-01").index.tolist() == ["2"]


def test_areas_without_ids_are_told_by_row(editor, city):
    city.features["quarters"] = [square("1", 7, 51), square(None, 8, 51)]
    with pytest.raises(InvalidData, match=r"spatial unit quarters: 1 of 2 rows have no ID \(row 2\)"):
        editor.areas("quarters")


@pytest.mark.parametrize("features", [b'{"type":"FeatureCollection","features":[]}', None])
def test_no_features_at_all_are_an_empty_frame(datamanagement, editor, city, features):
    if features is None:
        message = (
            b'{"type":"Exception","label":"java.lang.Exception","message":"No valid features could be retrieved."}'
        )
        datamanagement.fault("/allFeatures", status=500, body=message)
    else:
        datamanagement.fault("/allFeatures", body=features)
    city.add_georesource("empty", "Nichts", [])
    assert editor.areas("quarters").empty and editor.areas("quarters", on="2020-01-01").empty
    assert editor.georesource("empty").features().empty
    assert editor.georesource("empty").features(on="2020-01-01").crs.to_epsg() == 4326


def test_an_unclosed_ring_is_told_with_the_area(editor, city):
    broken = square("2", 8, 51)
    del broken["geometry"]["coordinates"][0][0][3:]
    city.features["quarters"] = [square("1", 7, 51), broken]
    with pytest.raises(InvalidData, match='the geometry of "2" is no shape'):
        editor.areas("quarters")


def test_a_file_of_another_format_is_never_opened_as_one(datamanagement, editor, city):
    datamanagement.fault("/allFeatures", body=b'<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>')
    with pytest.raises(InvalidData, match="no JSON object"):
        editor.areas("quarters")


@pytest.mark.parametrize("unknown", ["abc", "00000000-0000-4000-8000-000000000000", "ä/ö ?#%2f", ".", "..", ""])
def test_an_unknown_indicator_is_told_as_not_found_or_not_permitted(editor, city, unknown):
    with pytest.raises(ResourceNotFound, match="or no permission to see it") as caught:
        editor.indicator(unknown)
    assert caught.value.status == (403 if unknown.strip(".") else None)


def test_a_404_is_missing_too(datamanagement, editor, city):
    datamanagement.fault("/georesources/", status=404)
    with pytest.raises(ResourceNotFound) as caught:
        editor.georesource("anything")
    assert caught.value.status == 404


def test_an_unknown_id_is_answered_with_ids_like_it(editor, city):
    with pytest.raises(ResourceNotFound, match="Similar: people"):
        editor.indicator("peple")


def test_a_unit_without_values_is_told_as_not_found(editor, city):
    city.add_unit("blocks", "Blöcke", [square("1", 7, 51)])
    with pytest.raises(ResourceNotFound, match='"people on spatial unit blocks"') as caught:
        editor.indicator("people").values("blocks")
    assert caught.value.status == 403


def test_without_permission_only_what_is_public_is_there(datamanagement, city):
    city.add_unit("public", "Gesamtstadt", [square("1", 7, 51)], public=True)
    with closing(DataManagement(datamanagement.url, token=STRANGER, patience=QUICK)) as source:
        assert source.areas("public").index.tolist() == ["1"]
        with pytest.raises(ResourceNotFound):
            source.indicator("people")


def test_a_token_that_has_expired_is_told_as_a_matter_of_signing_in(datamanagement, city):
    with closing(DataManagement(datamanagement.url, token="expired", patience=QUICK)) as source:
        with pytest.raises(DataUnavailable, match="sign-in") as caught:
            source.indicator("people")
        assert caught.value.status == 401


def test_nobody_signed_in_reads_the_public_twin(datamanagement, city):
    city.add_unit("public", "Gesamtstadt", [square("1", 7, 51)], public=True)
    city.add_indicator("known", "Bekannt", {"public": {"1": {"2020-12-31": 4}}}, public=True)
    with closing(DataManagement(datamanagement.url, patience=QUICK)) as source:
        assert source.indicator("known").values("public").at["1", "2020-12-31"] == 4
        assert source.areas("public").index.tolist() == ["1"]
        with pytest.raises(ResourceNotFound, match="Similar: known") as caught:
            source.indicator("people")
        assert caught.value.status == 500  # as the real server answers what is not public
        assert not any(request.authorization for request in datamanagement.requests)
        assert all(request.path.startswith("/management/public/") for request in datamanagement.requests)


def test_through_a_gateway_no_token_is_needed_and_results_name_the_real_address(
    datamanagement, city, tmp_path, monkeypatch
):
    with gateway(datamanagement, tmp_path / "gateway") as socket:
        monkeypatch.setenv(contract.SOURCE_SOCKET, str(socket))
        with closing(DataManagement("https://city.example/dm/management", patience=QUICK)) as source:
            people = source.indicator("people")
            receipt = source.write(people, "quarters", pd.DataFrame({"2021-12-31": [7.0]}, index=["1"]))
            assert receipt.resource == "https://city.example/dm/management/indicators/people/quarters"
            assert source.indicator("people").values("quarters").at["1", "2021-12-31"] == 7
    assert {request.authorization for request in datamanagement.requests} == {f"Bearer {EDITOR}"}


def test_a_gateway_that_is_gone_is_told(tmp_path):
    with (
        closing(DataManagement("https://city.example", socket=str(tmp_path / "none"), patience=QUICK)) as source,
        pytest.raises(DataUnavailable, match="No such file"),
    ):
        source.indicator("people")


def test_a_token_is_not_shown(editor):
    assert EDITOR not in repr(editor)
