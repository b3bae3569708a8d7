import io
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbprocessor.kit import encoding
from nbprocessor.kit.charts import chart
from nbprocessor.kit.indicators import target_dates
from nbprocessor.kit.layers import result_layer
from nbprocessor.kit.maps import choropleth, class_limits
from nbprocessor.kit.sources import open_source
from nbprocessor.kit.tables import describe, overview
from tests.unit.kit.towns import build

D20, D21 = "2020-12-31", "2021-12-31"


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    rows = {"A": {D20: 1, D21: 2}, "B": {D20: 3.5, D21: None}}
    many = [{"ID": f"A{x}-{y}", "square": [x, y]} for x in range(7) for y in range(7)]
    build(
        folder,
        areas={"teile": ["A", "B", "C"], "viele": many},
        indicators={"a": {"teile": rows}},
        georesources={"punkte": [{"at": [0.5, 0.5]}]},
        targets=["ziel"],
    )
    return open_source(folder)


@pytest.fixture
def result(town):
    return result_layer(town, {"teile": town.indicator("a").values("teile")})


def picture(view):
    data, about = view._repr_mimebundle_()
    image = Image.open(io.BytesIO(data["image/png"]))
    assert about["image/png"]["width"] < image.width < 2000
    assert about["image/png"]["alt"] == data["text/plain"] == repr(view)
    return image.convert("RGB")


def test_a_result_layer_has_every_area_of_every_unit_with_its_values(town, result):
    assert result.index.tolist() == ["A", "B", "C"]
    assert list(result.columns) == ["spatialUnitId", "NAME", D20, D21, "geometry"]
    assert result.crs == "EPSG:4326"
    assert np.isnan(result.at["C", D20]) and result.at["B", D20] == 3.5
    more = result_layer(town, {"teile": town.indicator("a").values("teile"), "viele": pd.DataFrame()})
    assert more["spatialUnitId"].value_counts().to_dict() == {"viele": 49, "teile": 3}
    assert isinstance(more, gpd.GeoDataFrame)


def test_a_map_says_what_it_shows_and_hatches_areas_without_a_value(result):
    view = choropleth(result, column=D20, title="Test", unit="Anzahl")
    assert repr(view) == "Karte Test, 2020-12-31: 3 Gebiete, 1 ohne Wert, 1,00 bis 3,50 Anzahl"
    colours = {colour for _, colour in picture(view).getcolors(1 << 24)}
    assert {(0xD9, 0xDD, 0xE2), (0xB3, 0xBA, 0xC3)} <= colours


def test_a_map_shows_the_newest_date_that_has_values(result):
    assert "2021-12-31" in repr(choropleth(result))
    assert "2020-12-31" in repr(choropleth(result.assign(**{D21: np.nan})))


def test_a_map_of_many_areas_or_of_a_single_value_or_of_none_is_drawn(town):
    areas = town.areas("viele").index
    for values in [
        np.arange(49.0),
        np.full(49, 3.0),
        np.full(49, np.nan),
        np.linspace(-5, 5, 49),
        np.linspace(-9, -1, 49),
    ]:
        picture(choropleth(result_layer(town, {"viele": pd.DataFrame({D20: values}, index=areas)}), title="x"))


def test_a_chart_shows_the_course_of_few_areas_or_the_spread_of_many(town, result):
    assert repr(chart(result, title="Test")) == (
        "Diagramm Test: 2 Gebiete, 2020-12-31 bis 2021-12-31, Werte von 1,00 bis 3,50"
    )
    picture(chart(result))
    areas = town.areas("viele").index
    values = pd.DataFrame({D20: np.arange(49.0), D21: np.arange(49.0) ** 2}, index=areas)
    picture(chart(result_layer(town, {"viele": values})))


def test_a_chart_of_one_date_ranks_the_areas_or_shows_their_distribution(town, result):
    assert "3 Gebiete" not in repr(chart(result.drop(columns=D21)))
    picture(chart(result.drop(columns=D21), title="x", unit="km"))
    values = pd.DataFrame({D20: np.arange(49.0)}, index=town.areas("viele").index)
    picture(chart(result_layer(town, {"viele": values})))


def test_a_table_describes_the_values_of_every_date(result):
    assert str(describe(result)).splitlines()[1].split() == [
        "2020-12-31", "3", "1", "1,00", "1,62", "2,25", "2,25", "2,88", "3,50",
    ]  # fmt: skip
    assert describe(result, digits=0)._repr_html_().count("<tr>") == 3


def test_without_results_every_view_says_so(town):
    nothing = result_layer(town, {})
    for view in (choropleth(nothing), chart(nothing), describe(nothing)):
        assert repr(view).startswith("Es gibt keine Ergebnisse")
        assert view._repr_html_().startswith("<p>")
    no_dates = result_layer(town, {"teile": pd.DataFrame(index=["A", "B"])})
    for view in (choropleth(no_dates), chart(no_dates), describe(no_dates)):
        assert repr(view).startswith("Es gibt keine Ergebnisse")
    assert encoding.encode(nothing).content.startswith(b'{"type":"FeatureCollection"')


def test_an_overview_names_datasets_dates_and_what_is_missing(town):
    target, a = town.indicator("ziel"), town.indicator("a")
    dates = target_dates({"mode": "DATES", "includeDates": [D20, "2019-12-31"]}, target, [a])
    text = repr(overview(target, a, town.georesource("punkte"), dates=dates))
    assert re.search(r"Ziel +Ziel +Anzahl +noch keine +0", text)
    assert re.search(r"A +Eingang +Anzahl +2: 2020-12-31 bis 2021-12-31 +1", text)
    assert "Berechnet wird: 2020-12-31." in text and "In „A“ fehlt: 2019-12-31." in text
    assert "Es ist kein Zeitpunkt zu berechnen." in repr(overview(target, a, dates=[]))


def test_what_a_table_shows_is_text_and_never_markup(town):
    target = town.indicator("ziel")
    from dataclasses import replace

    html = overview(replace(target, name="<script>alert(1)</script>"), dates=[])._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_views_are_in_the_language_of_the_run(result, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_LANGUAGE", "en")
    assert repr(choropleth(result, column=D20, title="Test")) == (
        "Map of Test, 2020-12-31: 3 areas, 1 without a value, 1.00 to 3.50"
    )
    assert describe(result).columns[0] == "Date"


def test_a_picture_is_handed_over_as_an_image(result):
    assert encoding.encode(chart(result)).media_type == "image/png"
    assert encoding.encode(chart(result), "image/svg+xml").content.startswith(b"<?xml")


@settings(deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20))
def test_classes_cover_every_value_and_ascend(values):
    limits = class_limits(pd.Series(values))
    assert limits[0] <= min(values) and max(values) <= limits[-1]
    assert limits == sorted(limits)
    assert 2 <= len(limits) <= 10


def test_areas_without_a_shape_are_left_out_of_a_map(result):
    shapeless = result.set_geometry([*result.geometry[:-1], None])
    picture(choropleth(shapeless, column=D20))
    assert repr(choropleth(result.set_geometry([None] * 3))).startswith("Es gibt keine Ergebnisse")


def test_names_with_dollars_are_no_formulas_and_long_headings_are_broken(result):
    named = result.assign(NAME=[r"a $\frac{1}", "b$ $c", "$$"])
    title = "Kosten in $ je Einwohnerin und Einwohner, im Mittel der letzten $n$ Jahre, ohne Investitionen und Zinsen"
    single = named.drop(columns=D21)
    for view in (
        choropleth(named, title=title, unit="$"),
        chart(named, title=title, unit="$"),
        chart(single, unit="$"),
    ):
        picture(view)
    assert choropleth(named, title=title).figure.axes[0].get_title(loc="left").count("\n") == 1


@pytest.mark.parametrize(
    "values",
    [[1e37, 2e37, -3e38], [np.inf, 1.0, 2.0], [np.inf, -np.inf, np.nan], [1e300, -1.7e308, 1e-40], [1e-30, 3e-30, 0]],
)
def test_values_that_cannot_be_drawn_or_stored_cost_a_run_no_view(town, values):
    shown = result_layer(town, {"teile": pd.DataFrame({D20: values, D21: values}, index=["A", "B", "C"])})
    picture(choropleth(shown, title="x"))
    assert repr(chart(shown, title="x")) and repr(describe(shown))
    assert np.isfinite(class_limits(pd.Series(values))).all()
    stored = [value for value in values if abs(value) <= 3.4e38]
    assert shown[D20].dropna().tolist() == stored


def test_what_cannot_be_drawn_is_a_sentence_and_no_error(result):
    broken = result.assign(**{D20: ["viel", "mehr", "am meisten"]})
    assert repr(choropleth(broken)).startswith("Das lässt sich nicht zeichnen: ")
    assert repr(chart(broken)).startswith("Das lässt sich nicht zeichnen: ")
