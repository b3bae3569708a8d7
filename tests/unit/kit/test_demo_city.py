import filecmp
from pathlib import Path

import pytest

from nbprocessor.kit import demo_city
from nbprocessor.kit.demo_city import generate
from nbprocessor.kit.sources import open_source


def compared(left: Path, right: Path) -> list[str]:
    """Return what differs between two folders, at all depths."""
    found = filecmp.dircmp(left, right)
    deeper = [name for common in found.common_dirs for name in compared(left / common, right / common)]
    differing = filecmp.cmpfiles(left, right, found.common_files, shallow=False)[1:]
    return [*found.left_only, *found.right_only, *(name for names in differing for name in names), *deeper]


def test_the_city_is_what_its_script_draws(tmp_path):
    generate.main(tmp_path)
    assert compared(tmp_path, demo_city.FOLDER) == []


@pytest.fixture
def city(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_SOURCE_WRITES", str(tmp_path))
    return open_source("demo")


def test_the_city_has_districts_and_quarters_that_do_not_overlap(city):
    districts, quarters = city.areas("stadtteile"), city.areas("quartiere")
    assert (len(districts), len(quarters)) == (9, 40)
    for areas in (districts, quarters):
        assert areas.geometry.is_valid.all() and areas.index.is_unique
        assert areas.to_crs(25832).area.sum() == pytest.approx(districts.to_crs(25832).area.sum(), rel=1e-3)


def test_the_city_has_gaps_zeros_and_a_late_beginning_as_real_data_has(city):
    people, young = city.indicator("einwohner"), city.indicator("einwohner-unter-18")
    assert people.dates == [f"{year}-12-31" for year in range(2020, 2025)]
    assert (people.values("stadtteile") == 0).any(axis=None)
    assert young.values("stadtteile").isna().any(axis=None)
    assert "S07" not in young.values("stadtteile").index
    assert city.indicator("arbeitslose").dates[0] == "2021-12-31"


def test_districts_are_the_sums_of_their_quarters(city):
    quarters, districts = (city.indicator("einwohner").values(unit) for unit in ("quartiere", "stadtteile"))
    of = city.areas("quartiere")["STADTTEIL"]
    assert quarters.groupby(of).sum().equals(districts.rename_axis("STADTTEIL"))


def test_the_city_is_never_written_to(city, tmp_path):
    target = city.indicator("anteil-unter-18")
    receipt = city.write(target, "stadtteile", city.indicator("einwohner").values("stadtteile"))
    assert receipt.resource == "indicators/anteil-unter-18/stadtteile.csv"
    assert (tmp_path / receipt.resource).is_file()
    assert not (demo_city.FOLDER / receipt.resource).exists()
