"""A folder as a source: what it reads, what it says when it cannot, and what is written where."""

import json
from importlib.util import find_spec

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from nbprocessor.errors import DataError, DataUnavailable, InvalidData, ResourceNotFound
from nbprocessor.kit.folder import FolderSource

PYARROW = find_spec("pyarrow") is not None

AREAS = {
    "ID": ["1", "2", "2"],
    "NAME": ["Mitte", "Süd", "Süd"],
    "validStartDate": ["2000-01-01", "2000-01-01", "2011-01-01"],
    "validEndDate": [None, "2010-12-31", None],
}


def frame(crs="EPSG:4326", **columns):
    columns = columns or AREAS
    shapes = [shapely.box(7 + place / 10, 51, 7.05 + place / 10, 51.05) for place in range(len(columns["ID"]))]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326").to_crs(crs)


def write(geodata, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        geodata.to_parquet(path)
    else:
        geodata.to_file(path)


@pytest.fixture
def folder(tmp_path):
    """A folder with one spatial unit, one georesource and one indicator."""
    source = tmp_path / "source"
    write(frame(), source / "spatial-units" / "quarters.geojson")
    write(frame(ID=["a", "b"], plaetze=[25, 0]), source / "georesources" / "kitas.geojson")
    table(source, "ID,NAME,2019-12-31,2020-12-31\n1,Mitte,0,1.5\n2,Süd,,NaN\n")
    return source


def table(folder, text, encoding="utf-8"):
    path = folder / "indicators" / "people" / "quarters.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def values(*areas, day="2021-12-31", value=7.0):
    return pd.DataFrame({day: [value] * len(areas)}, index=list(areas))


@pytest.mark.parametrize(
    "extension",
    ["geojson", "gpkg", pytest.param("parquet", marks=pytest.mark.skipif(not PYARROW, reason="no pyarrow"))],
)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:25832"])
def test_areas_are_the_same_in_every_format_and_reference_system(tmp_path, extension, crs):
    areas = frame(crs)
    if extension != "geojson":  # real dates, which GeoJSON does not have
        areas = areas.assign(
            validStartDate=pd.to_datetime(areas["validStartDate"]), validEndDate=pd.to_datetime(areas["validEndDate"])
        )
    write(areas, tmp_path / "spatial-units" / f"quarters.{extension}")
    source = FolderSource(tmp_path)
    read = source.areas_of_all_times("quarters")
    assert read.crs.to_epsg() == 4326 and read["ID"].tolist() == ["1", "2", "2"]
    assert read["validStartDate"].tolist() == AREAS["validStartDate"]
    assert (
        read["validEndDate"].astype(object).where(read["validEndDate"].notna(), None).tolist() == AREAS["validEndDate"]
    )
    assert shapely.equals_exact(read.geometry.to_numpy(), frame().geometry.to_numpy(), tolerance=1e-7).all()
    assert source.areas("quarters", on="2010-12-31").index.tolist() == ["1", "2"]


@pytest.mark.skipif(PYARROW, reason="pyarrow is installed")
def test_parquet_without_the_package_that_reads_it_is_told_with_the_mend(tmp_path):
    path = tmp_path / "spatial-units" / "quarters.parquet"
    path.parent.mkdir()
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"spatial-units/quarters\.parquet: reading Parquet needs the package pyarrow"):
        FolderSource(tmp_path).areas("quarters")


@pytest.mark.parametrize("extension", ["geojson", "gpkg", "parquet"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"<OGRVRTDataSource/>", b'{"type":"FeatureCollection","features":[{', b"\0" * 200]
)
def test_a_file_that_is_none_of_its_format_is_told_by_its_place(tmp_path, extension, content):
    path = tmp_path / "spatial-units" / f"quarters.{extension}"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^spatial-units/quarters.{extension}: ") as caught:
        FolderSource(tmp_path).areas("quarters")
    assert str(tmp_path) not in str(caught.value)


def test_a_geopackage_of_several_layers_wants_one_that_is_called_as_the_file(tmp_path):
    path = tmp_path / "spatial-units" / "quarters.gpkg"
    path.parent.mkdir()
    frame().to_file(path, layer="other")
    frame(ID=["9"], NAME=["Nord"]).to_file(path, layer="third")
    with pytest.raises(InvalidData, match=r"several layers \(other, third\)"):
        FolderSource(tmp_path).areas("quarters")
    frame(ID=["7"], NAME=["West"]).to_file(path, layer="quarters")
    assert FolderSource(tmp_path).areas("quarters").index.tolist() == ["7"]


def test_a_table_without_geometries_is_no_geodata(tmp_path):
    path = tmp_path / "spatial-units" / "quarters.geojson"
    path.parent.mkdir()
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"NAME":"x"},"geometry":null}]}'
    )
    with pytest.raises(InvalidData, match="no property ID"):
        FolderSource(tmp_path).areas("quarters")


def test_ids_are_text_whether_the_file_has_numbers_or_not(tmp_path):
    write(frame(ID=[1, 2], NAME=["a", "b"]), tmp_path / "spatial-units" / "whole.gpkg")
    write(frame(ID=[1.0, 2.5], NAME=["a", "b"]), tmp_path / "spatial-units" / "broken.gpkg")
    source = FolderSource(tmp_path)
    assert source.areas("whole").index.tolist() == ["1", "2"]
    assert source.areas("broken").index.tolist() == ["1", "2.5"]


@pytest.mark.parametrize("start", ["2000-01-01", None])
def test_an_area_that_is_there_twice_at_the_same_time_is_one_area(tmp_path, start):
    columns = {"ID": ["1", "2", "2"], "NAME": ["a", "b", "c"], "validStartDate": [start] * 3}
    write(frame(**columns), tmp_path / "spatial-units" / "quarters.geojson")
    assert FolderSource(tmp_path).areas("quarters")["NAME"].to_dict() == {"1": "a", "2": "c"}


@pytest.mark.parametrize("names", [{}, {"NAME": [None, "", None]}])
def test_an_area_without_a_name_is_called_by_its_id(tmp_path, names):
    areas = frame(ID=[1, 2, 3]).drop(columns="NAME", errors="ignore").assign(**names)
    write(areas, tmp_path / "spatial-units" / "quarters.geojson")
    assert FolderSource(tmp_path).areas("quarters")["NAME"].to_dict() == {"1": "1", "2": "2", "3": "3"}


def test_values_are_numbers_zero_is_a_value_and_empty_cells_are_none(folder):
    people = FolderSource(folder).indicator("people")
    assert (people.name, people.dates, people.spatial_units) == ("people", ["2019-12-31", "2020-12-31"], ["quarters"])
    np.testing.assert_array_equal(people.values("quarters").to_numpy(), [[0, 1.5], [np.nan, np.nan]])


def test_an_infinite_value_is_no_value_and_stays_what_it_is_when_others_are_written(folder):
    table(folder, "ID,2020-12-31\n1,Infinity\n2,-inf\n")
    source = FolderSource(folder)
    people = source.indicator("people")
    assert people.values("quarters").isna().all(axis=None)
    source.write(people, "quarters", pd.DataFrame({"2021-12-31": [1.0, 2.0]}, index=["1", "2"]))
    written = (folder / "indicators" / "people" / "quarters.csv").read_text()
    assert written == "ID,2020-12-31,2021-12-31\n1,inf,1.0\n2,-inf,2.0\n"


def test_pairs_that_are_not_written_keep_what_is_stored(folder):
    source = FolderSource(folder)
    people, day = source.indicator("people"), "2019-12-31"
    stored = people.values("quarters")[day]
    existing = pd.DataFrame({day: [False, True]}, index=["1", "2"])
    receipt = source.write(people, "quarters", pd.DataFrame({day: [np.nan, 7.0]}, index=["1", "2"]), existing)
    assert [row["spatialReferenceKey"] for row in receipt.body["indicatorValues"]] == ["2"]
    assert source.indicator("people").values("quarters")[day].to_dict() == {"1": stored["1"], "2": 7.0}


def test_a_georesource_without_metadata_has_the_periods_of_its_features(folder):
    write(frame(), folder / "georesources" / "kitas.geojson")
    periods = FolderSource(folder).georesource("kitas").overview["availablePeriodsOfValidity"]
    assert {(period["startDate"], period["endDate"]) for period in periods} == {
        ("2000-01-01", None), ("2000-01-01", "2010-12-31"), ("2011-01-01", None),
    }  # fmt: skip


def test_metadata_beside_the_data_are_used_and_dates_come_from_the_tables(folder):
    (folder / "indicators" / "people" / "metadata.json").write_text(
        json.dumps({"indicatorName": "Einwohner", "unit": "Anzahl", "applicableDates": ["1999-01-01"]})
    )
    (folder / "spatial-units" / "quarters.json").write_text('{"spatialUnitLevel": "Stadtteile"}')
    source = FolderSource(folder)
    people = source.indicator("people")
    assert (people.name, people.unit, people.dates[0]) == ("Einwohner", "Anzahl", "2019-12-31")
    assert source.spatial_unit("quarters").name == "Stadtteile"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", 'has no column "ID"'),
        ("NAME,2020-12-31\nx,1\n", 'has no column "ID"'),
        ("ID;2020-12-31\n1;1\n", "columns are separated by commas"),
        ("ID,2020-12-31\n1,1\n1,2\n", 'the area "1" occurs twice'),
        ("ID,2020-12-31\n,1\n", "1 of 1 rows have no ID"),
        ("ID,2020-12-31,2020-12-31\n1,1,2\n", 'has the column "2020-12-31" twice'),
        ("ID,2020-12-31\n1,1,2\n", "more fields than the first line"),
        ("ID,2020-12-31\n1,1\n2,1,2\n", "cannot be read as a table"),
        ('ID,2020-12-31\n1,"1,5"\n', '"1,5" is not a number'),
        ("ID,2020-12-31\n1,viele\n", '1, 2020-12-31: "viele" is not a number'),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_its_place_and_reason(folder, text, says):
    table(folder, text)
    with pytest.raises(InvalidData, match=r"^indicators/people/quarters\.csv: ") as caught:
        FolderSource(folder).indicator("people").values("quarters")
    assert says in str(caught.value)


def test_a_table_in_another_encoding_is_told(folder):
    table(folder, "ID,NAME,2020-12-31\n1,Süd,1\n", encoding="latin-1")
    with pytest.raises(InvalidData, match="cannot be read as a table"):
        FolderSource(folder).indicator("people")


def test_a_byte_order_mark_and_quotes_are_read_over(folder):
    table(folder, '\ufeff"ID","2020-12-31"\r\n"1","5"\r\n')
    assert FolderSource(folder).indicator("people").values("quarters").at["1", "2020-12-31"] == 5


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"applicableSpatialUnits": [1]}', '{"applicableSpatialUnits": {"a": 1}}', "[" * 100_000]
)
def test_metadata_that_cannot_be_used_are_told(folder, content):
    (folder / "indicators" / "people" / "metadata.json").write_text(content)
    with pytest.raises(InvalidData, match="people"):
        FolderSource(folder).indicator("people")


def test_what_is_not_there_is_told_with_ids_like_it(folder):
    source = FolderSource(folder)
    with pytest.raises(ResourceNotFound, match="Similar: people"):
        source.indicator("peple")
    with pytest.raises(ResourceNotFound, match="Similar: quarters"):
        source.spatial_unit("quarter")
    with pytest.raises(ResourceNotFound, match="Similar: kitas"):
        source.georesource("kita")
    with pytest.raises(ResourceNotFound):
        source.indicator("people").values("blocks")


@pytest.mark.parametrize(
    "wanted", ["", ".", "..", "../secret", "a/b", "a\\b", "C:", ".hidden", "nul\0", "x" * 300, "ä" * 150]
)
def test_an_id_never_leads_out_of_the_folder(folder, wanted):
    (folder.parent / "secret.json").write_text("{}")
    source = FolderSource(folder)
    for read in (source.spatial_unit, source.georesource, source.indicator, source.areas):
        with pytest.raises(DataError):
            read(wanted)


def test_written_values_are_merged_and_names_stay(folder):
    source = FolderSource(folder)
    people = source.indicator("people")
    receipt = source.write(people, "quarters", values("2", day="2020-12-31"))
    assert receipt.resource == "indicators/people/quarters.csv"
    assert (folder / receipt.resource).read_text() == "ID,NAME,2019-12-31,2020-12-31\n1,Mitte,0.0,1.5\n2,Süd,,7.0\n"
    source.write(source.indicator("people"), "quarters", values("1", value=np.nan))
    assert source.indicator("people").dates == ["2019-12-31", "2020-12-31", "2021-12-31"]
    assert source.indicator("people").values("quarters").at["1", "2019-12-31"] == 0


def test_null_replaces_a_value(folder):
    source = FolderSource(folder)
    source.write(source.indicator("people"), "quarters", values("1", day="2020-12-31", value=np.nan))
    assert np.isnan(source.indicator("people").values("quarters").at["1", "2020-12-31"])


def test_numbers_are_read_back_exactly_as_they_were_written(folder):
    source = FolderSource(folder)
    numbers = [1 / 3, 1e-300, 1.7976931348623157e308, -0.1, 123456789.123456789]
    frame = pd.DataFrame([numbers], index=["1"], columns=[f"200{year}-01-01" for year in range(len(numbers))])
    source.write(source.indicator("people"), "quarters", frame)
    assert source.indicator("people").values("quarters", list(frame.columns)).loc["1"].tolist() == numbers


def test_areas_the_unit_does_not_have_are_refused(folder):
    source = FolderSource(folder)
    with pytest.raises(InvalidData, match='"99" is no area of spatial unit quarters'):
        source.write(source.indicator("people"), "quarters", values("1", "99"))


def test_with_a_folder_for_writes_the_source_is_never_changed_and_writes_are_seen_first(folder, tmp_path):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    source = FolderSource(folder, writes=tmp_path / "writes")
    source.write(source.indicator("people"), "quarters", values("1"))
    assert source.indicator("people").values("quarters").at["1", "2021-12-31"] == 7
    assert FolderSource(folder).indicator("people").dates == ["2019-12-31", "2020-12-31"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_that_cannot_be_written_is_told(folder, tmp_path):
    (tmp_path / "writes").write_text("a file where a folder should be")
    source = FolderSource(folder, writes=tmp_path / "writes")
    with pytest.raises(DataUnavailable, match=r"indicators/people/quarters\.csv: cannot be written"):
        source.write(source.indicator("people"), "quarters", values("1"))
