import gc

import pytest

from nbprocessor.errors import DataError, ResourceNotFound
from nbprocessor.kit import demo_city
from nbprocessor.kit.sources import open_source
from tests.unit.kit.towns import build

VARIABLES = ["NBPROCESSOR_SOURCE", "NBPROCESSOR_SOURCE_WRITES"]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_without_anything_said_the_invented_city_is_opened():
    assert open_source().indicator("einwohner").name == "Einwohnerinnen und Einwohner"


def test_what_is_tried_out_on_the_city_is_gone_with_the_source():
    source = open_source()
    target, values = source.indicator("anteil-unter-18"), source.indicator("einwohner").values("stadtteile")
    source.write(target, "stadtteile", values)
    assert source.indicator("anteil-unter-18").dates == list(values.columns)
    writes = source.writes
    assert writes != demo_city.FOLDER and any(writes.rglob("*.csv"))
    del source, target
    gc.collect()
    assert not writes.exists()
    assert open_source().indicator("anteil-unter-18").dates == []


def test_a_job_says_where_data_comes_from_and_where_results_go(monkeypatch, tmp_path):
    build(tmp_path / "town", areas={"teile": ["A"]}, targets=["ziel"])
    monkeypatch.setenv("NBPROCESSOR_SOURCE", str(tmp_path / "town"))
    monkeypatch.setenv("NBPROCESSOR_SOURCE_WRITES", str(tmp_path / "writes"))
    source = open_source()
    assert (source.folder, source.writes) == (tmp_path / "town", tmp_path / "writes")
    assert source.areas("teile").index.tolist() == ["A"]


def test_a_folder_that_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match='a source is "demo", a folder, or a URL beginning with http'):
        open_source(tmp_path / "fehlt")


def test_an_id_that_is_not_there_is_answered_with_similar_ones():
    with pytest.raises(ResourceNotFound, match=r'There is no indicator "einwoner".* Similar: einwohner,'):
        open_source().indicator("einwoner")
    with pytest.raises(ResourceNotFound, match=r"Similar: stadtteile\."):
        open_source().spatial_unit("stadteil")
