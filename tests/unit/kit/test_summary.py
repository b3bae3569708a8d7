import json

import numpy as np
import pandas as pd
import pytest

from nbprocessor.errors import DataError, ResourceNotFound
from nbprocessor.kit import encoding, entries
from nbprocessor.kit.filters import condition
from nbprocessor.kit.geometry import count, points_within
from nbprocessor.kit.indicators import target_dates
from nbprocessor.kit.sources import open_source
from nbprocessor.kit.summary import Summary
from tests.unit.kit.towns import build

D20, D21 = "2020-12-31", "2021-12-31"
KEYS = {
    "type",
    "affectedResourceType",
    "affectedDatasetId",
    "affectedTimestamps",
    "affectedSpatialUnitFeatures",
    "errorMessage",
}
"""Of every error entry; the answer's status comes with it when the data source gave one."""


def series(**areas):
    return {area: dict(zip((D20, D21), values, strict=False)) for area, values in areas.items()}


@pytest.fixture
def town(tmp_path):
    """Two spatial units; `b` lacks an area on one of them, and the other one altogether."""
    build(
        tmp_path,
        areas={"teile": ["A", "B", "C"], "viertel": ["D", "E"]},
        indicators={
            "a": {"teile": series(A=[1, 2], B=[3, 4], C=[5, 6]), "viertel": series(D=[1, 1], E=[2, 2])},
            "b": {"teile": series(A=[10, 20], B=[0, 40])},
        },
        targets=["ziel"],
    )
    return open_source(tmp_path)


def run(source, units, inputs=("a", "b"), mode="ALL", **time):
    """Compute the sum of the inputs as a notebook does."""
    target, read = source.indicator("ziel"), [source.indicator(name) for name in inputs]
    dates = target_dates({"mode": mode, **time}, target, read)
    summary, results = Summary(source, dates), {}
    for unit in summary.units(units, read):
        results[unit] = sum(one.values(unit, dates) for one in read)
    summary.write(target, results)
    return summary


def told(summary):
    return [
        (error["type"], error["affectedDatasetId"], error["affectedTimestamps"], error["affectedSpatialUnitFeatures"])
        for entry in summary.to_output()
        for error in entry["errorsOccurred"]
    ]


def test_an_entry_has_the_form_of_the_processes_that_were_replaced(town):
    assert run(town, ["viertel"], ["a"]).to_output() == [
        {
            "spatialUnitId": "viertel",
            "modifiedResource": "indicators/ziel/viertel.csv",
            "numberOfIntegratedIndicatorFeatures": 2,
            "integratedTargetDates": [D20, D21],
            "errorsOccurred": [],
        }
    ]


def test_b3_an_error_has_a_camel_case_type_and_lists_what_it_affects(town):
    (entry,) = run(town, ["teile"]).to_output()
    assert [set(error) for error in entry["errorsOccurred"]] == [KEYS]
    assert entry["errorsOccurred"][0] | {"errorMessage": ""} == {
        "type": "missingSpatialUnitFeature",
        "affectedResourceType": "INDICATOR",
        "affectedDatasetId": "b",
        "affectedTimestamps": [],
        "affectedSpatialUnitFeatures": ["C"],
        "errorMessage": "",
    }


def test_areas_that_an_input_lacks_are_not_written(town):
    summary = run(town, ["teile"])
    (body,) = summary.result_data
    assert body == {
        "applicableSpatialUnit": "Teile",
        "permissions": ["p-1"],
        "isPublic": False,
        "ownerId": "org-1",
        "indicatorValues": [
            {
                "spatialReferenceKey": area,
                "valueMapping": [
                    {"indicatorValue": first, "timestamp": D20},
                    {"indicatorValue": second, "timestamp": D21},
                ],
            }
            for area, first, second in [("A", 11, 22), ("B", 3, 44)]
        ],
    }
    assert town.indicator("ziel").values("teile").to_dict("index") == {"A": {D20: 11, D21: 22}, "B": {D20: 3, D21: 44}}


def test_b6_a_spatial_unit_that_an_input_lacks_does_not_cost_another_its_result(town):
    summary = run(town, ["viertel", "teile"])
    first, second = summary.to_output()
    assert told(summary)[0] == ("missingSpatialUnit", "b", [], [])
    assert (first["modifiedResource"], first["numberOfIntegratedIndicatorFeatures"]) == (None, None)
    assert first["integratedTargetDates"] == []
    assert second["integratedTargetDates"] == [D20, D21]


def test_b6_an_input_that_cannot_be_read_does_not_cost_another_unit_its_result(town):
    (town.folder / "indicators" / "a" / "viertel.csv").write_text(f"ID,NAME,{D20}\nD,x,viel\n")
    summary = run(town, ["viertel", "teile"], ["a"])
    assert told(summary) == [("dataManagementApiError", "a", [], [])]
    first, second = summary.to_output()
    assert 'D, 2020-12-31: "viel" is not a number' in first["errorsOccurred"][0]["errorMessage"]
    assert first["modifiedResource"] is None and second["modifiedResource"] is not None


def test_b6_a_unit_that_does_not_exist_does_not_cost_another_its_result(town):
    summary = run(town, ["nirgends", "viertel"], ["a"])
    first, second = summary.to_output()
    assert [error["type"] for error in first["errorsOccurred"]] == ["missingSpatialUnit"]
    assert second["integratedTargetDates"] == [D20, D21]


def test_b8_values_that_are_not_accepted_reset_the_entry_of_their_unit_only(town):
    target, a = town.indicator("ziel"), town.indicator("a")
    summary = Summary(town, [D20, D21])
    results = {unit: a.values(unit) for unit in summary.units(["viertel", "teile"], [a])}
    (town.folder / "indicators" / "ziel" / "viertel.csv").mkdir()  # where the table would have to be
    summary.write(target, results)
    first, second = summary.to_output()
    assert [error["type"] for error in first["errorsOccurred"]] == ["dataManagementApiError"]
    assert first["errorsOccurred"][0]["affectedDatasetId"] == "ziel"
    assert (first["modifiedResource"], first["numberOfIntegratedIndicatorFeatures"]) == (None, None)
    assert first["integratedTargetDates"] == []
    assert second["numberOfIntegratedIndicatorFeatures"] == 3
    assert [body["applicableSpatialUnit"] for body in summary.result_data] == ["Teile"]
    summary.expect_results()


def test_b9_access_comes_from_the_target_itself_when_the_unit_is_new(town):
    assert run(town, ["teile"], ["a"]).result_data[0]["permissions"] == ["p-1"]


def test_with_no_date_to_compute_nothing_is_written_and_the_run_is_successful(town):
    summary = run(town, ["teile", "viertel"], ["a"], mode="DATES")
    assert [entry["modifiedResource"] for entry in summary.to_output()] == [None, None]
    assert summary.result_data == []
    assert not (town.folder / "indicators" / "ziel" / "teile.csv").exists()
    summary.expect_results()


def test_dates_an_input_lacks_are_told_for_every_unit(town):
    summary = run(town, ["teile", "viertel"], ["a"], mode="DATES", includeDates=["2019-12-31", D20])
    assert told(summary) == [("missingTimestamp", "a", ["2019-12-31"], [])] * 2
    assert [entry["integratedTargetDates"] for entry in summary.to_output()] == [[D20], [D20]]


def test_when_no_unit_has_a_result_the_run_fails_and_says_why(town):
    summary = run(town, ["viertel"])
    with pytest.raises(DataError, match=r'Für keine Raumebene gibt es ein Ergebnis\. Der Indikator "B" liegt auf'):
        summary.expect_results()


def test_d6_a_division_by_zero_is_a_gap_with_an_entry_of_its_own_for_area_and_date(town):
    target, a, b = (town.indicator(name) for name in ("ziel", "a", "b"))
    dates = target_dates({"mode": "ALL"}, target, [a, b])
    summary = Summary(town, dates)
    for unit in summary.units(["teile"], [a, b]):
        i_1, i_2 = a.values(unit, dates), b.values(unit, dates)
        summary.note_zero_division(unit, b, i_2)
        summary.write(target, {unit: i_1 / i_2.where(i_2 != 0)})
    assert told(summary)[1:] == [("processingError", "b", [D20], ["B"])]
    assert np.isnan(town.indicator("ziel").values("teile").at["B", D20])


def test_b11_a_result_that_is_not_finite_is_a_gap_and_costs_no_other_value(town):
    target, a = town.indicator("ziel"), town.indicator("a")
    summary = Summary(town, [D20, D21])
    for unit in summary.units(["viertel"], [a]):
        values = pd.DataFrame({D20: [np.inf, 1.0], D21: [2.0, -np.inf]}, index=["D", "E"])
        summary.write(target, {unit: values})
    assert told(summary) == [("processingError", "a", [D20], ["D"]), ("processingError", "a", [D21], ["E"])]
    written = town.indicator("ziel").values("viertel")
    assert (written.at["E", D20], written.at["D", D21]) == (1, 2)
    assert written.isna().sum().sum() == 2


def test_every_computed_pair_is_written_gaps_included(town):
    (town.folder / "indicators" / "a" / "viertel.csv").write_text(f"ID,NAME,{D20},{D21}\nD,x,1,\nE,y,,\n")
    (body,) = run(town, ["viertel"], ["a"]).result_data
    values = [[pair["indicatorValue"] for pair in row["valueMapping"]] for row in body["indicatorValues"]]
    assert values == [[1, None], [None, None]]


def test_a_unit_that_is_named_twice_is_computed_once(town):
    assert len(run(town, ["teile", "teile"], ["a"]).result_data) == 1


def test_b20_areas_are_written_once_and_not_for_dates_on_which_they_do_not_exist(tmp_path):
    areas = [
        {"ID": "A", "validStartDate": "2000-01-01", "validEndDate": "2021-06-30"},
        {"ID": "A", "validStartDate": "2021-07-01"},
        {"ID": "B", "validStartDate": "2021-01-01"},
        {"ID": "C", "validEndDate": "2010-12-31"},
    ]
    rows = {"teile": series(A=[1, 2], B=[3, 4], C=[5, 6])}
    source = open_source(build(tmp_path, areas={"teile": areas}, indicators={"a": rows}, targets=["ziel"]))
    summary = run(source, ["teile"], ["a"])
    assert told(summary) == []
    values = [
        (row["spatialReferenceKey"], [pair["indicatorValue"] for pair in row["valueMapping"]])
        for row in summary.result_data[0]["indicatorValues"]
    ]
    assert values == [("A", [1, 2]), ("B", [4])]


def test_values_of_dates_on_which_an_area_does_not_exist_stay_as_they_are_stored(tmp_path):
    areas = ["A", {"ID": "B", "validStartDate": "2021-01-01"}]
    rows = {"teile": series(A=[1, 2], B=[3, 4])}
    before = {"a": rows, "ziel": {"teile": series(A=[8, 8], B=[9, 9])}}
    source = open_source(build(tmp_path, areas={"teile": areas}, indicators=before))
    (entry,) = run(source, ["teile"], ["a"]).to_output()
    assert (entry["numberOfIntegratedIndicatorFeatures"], entry["integratedTargetDates"]) == (2, [D20, D21])
    assert source.indicator("ziel").values("teile").to_dict("index") == {"A": {D20: 1, D21: 2}, "B": {D20: 9, D21: 4}}


def test_dates_on_which_no_area_exists_are_told_and_not_integrated(tmp_path):
    areas = {"neu": [{"ID": "A", "validStartDate": "2021-01-01"}], "alt": [{"ID": "B", "validEndDate": "1999-12-31"}]}
    rows = {"neu": series(A=[1, 2]), "alt": series(B=[1, 2])}
    source = open_source(build(tmp_path, areas=areas, indicators={"a": rows}, targets=["ziel"]))
    summary = run(source, ["neu", "alt"], ["a"])
    assert told(summary) == [("missingTimestamp", "neu", [D20], []), ("missingTimestamp", "alt", [D20, D21], [])]
    assert [entry["integratedTargetDates"] for entry in summary.to_output()] == [[D21], []]
    with pytest.raises(DataError, match="Zu diesen Zeitpunkten gibt es auf der Raumebene kein Gebiet"):
        run(source, ["alt"], ["a"]).expect_results()


def test_without_a_date_to_compute_a_run_is_successful_also_where_an_id_has_two_periods(tmp_path):
    areas = [{"ID": "A", "validEndDate": "2009-12-31"}, {"ID": "A", "validStartDate": "2010-01-01"}, "B"]
    rows, points = {"a": {"teile": series(A=[1, 2], B=[3, 4])}}, {"punkte": [{"at": [0.5, 0.5]}]}
    source = open_source(
        build(tmp_path, areas={"teile": areas}, indicators=rows, georesources=points, targets=["ziel"])
    )
    for one in (source.indicator("a"), source.georesource("punkte")):
        summary = Summary(source, [])
        for unit in summary.units(["teile"], [one]):
            within = points_within(source, unit, source.georesource("punkte"), [])
            summary.write(source.indicator("ziel"), {unit: count(within)})
        (entry,) = summary.to_output()
        assert (entry["spatialUnitId"], entry["modifiedResource"], entry["errorsOccurred"]) == ("teile", None, [])
        summary.expect_results()


def test_a_value_too_large_for_32_bits_costs_only_itself(town):
    target, a = town.indicator("ziel"), town.indicator("a")
    summary = Summary(town, [D20])
    for unit in summary.units(["viertel"], [a]):
        summary.write(target, {unit: pd.DataFrame({D20: [3.5e38, -3.4e38]}, index=["D", "E"])})
    assert told(summary) == [("processingError", "a", [D20], ["D"])]
    assert town.indicator("ziel").values("viertel")[D20].fillna(0).to_dict() == {"D": 0, "E": -3.4e38}


def test_a_stored_value_that_is_infinite_is_a_gap_with_an_entry_and_costs_no_other_value(town):
    (town.folder / "indicators" / "a" / "viertel.csv").write_text(f"ID,{D20},{D21}\nD,Infinity,1\nE,2,-Infinity\n")
    summary = run(town, ["viertel"], ["a"])
    assert told(summary) == [("processingError", "a", [D20], ["D"]), ("processingError", "a", [D21], ["E"])]
    written = town.indicator("ziel").values("viertel").fillna(-1)
    assert written.to_dict("index") == {"D": {D20: -1, D21: 1}, "E": {D20: 2, D21: -1}}


def test_a_period_of_validity_that_cannot_be_read_is_told_and_counts_as_open(tmp_path):
    areas = ["A", {"ID": "B", "validEndDate": "unbekannt"}]
    points = [{"ID": "p", "at": [0.5, 0.5], "validEndDate": "bald"}, {"ID": "q", "at": [1.5, 0.5]}]
    source = open_source(build(tmp_path, areas={"teile": areas}, georesources={"punkte": points}))
    summary, georesource = Summary(source, [D20]), source.georesource("punkte")
    (unit,) = summary.units(["teile"], [georesource])
    assert told(summary) == [("processingError", "teile", [D20], ["B"]), ("processingError", "punkte", [D20], [])]
    assert count(points_within(source, unit, georesource, [D20]))[D20].to_dict() == {"A": 1, "B": 1}


def test_when_values_were_computed_and_none_is_accepted_the_run_is_successful_and_its_summary_tells_why(town):
    target, a = town.indicator("ziel"), town.indicator("a")
    (town.folder / "indicators" / "ziel" / "viertel.csv").mkdir()  # where the table would have to be
    summary = Summary(town, [D20])
    summary.write(target, {unit: a.values(unit, [D20]) for unit in summary.units(["viertel"], [a])})
    assert summary.result_data == [] and told(summary) == [("dataManagementApiError", "ziel", [], [])]
    summary.expect_results()


def test_when_a_run_fails_its_sentence_names_what_kept_it_from_computing_and_not_the_first_remark(town):
    summary = run(town, ["viertel"], mode="DATES", includeDates=["2019-12-31", D20])
    assert [error[0] for error in told(summary)] == ["missingTimestamp", "missingTimestamp", "missingSpatialUnit"]
    with pytest.raises(DataError, match='Der Indikator "B" liegt auf dieser Raumebene nicht vor'):
        summary.expect_results()


def test_b22_a_date_on_which_no_feature_exists_is_told(tmp_path):
    points = [{"at": [0.5, 0.5], "validStartDate": "2021-01-01"}]
    source = open_source(
        build(tmp_path, areas={"teile": ["A"]}, georesources={"punkte": points}, targets=["ziel"]),
    )
    summary = Summary(source, [D20, D21])
    assert list(summary.units(["teile"], [source.georesource("punkte")])) == ["teile"]
    assert told(summary) == [("missingTimestamp", "punkte", [D20], [])]
    assert summary.to_output()[0]["errorsOccurred"][0]["affectedResourceType"] == "GEORESOURCE"


def test_shapes_that_are_mended_are_told(tmp_path):
    bow_tie = {"ID": "A", "ring": [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]}
    source = open_source(
        build(tmp_path, areas={"teile": [bow_tie, "B"]}, georesources={"punkte": [{"at": [0.5, 0.2]}]})
    )
    summary = Summary(source, [D20])
    assert list(summary.units(["teile"], [source.georesource("punkte")])) == ["teile"]
    assert told(summary) == [("processingError", "teile", [D20], ["A"])]


def test_d10_a_filter_on_a_property_that_no_feature_has_is_told(tmp_path):
    points = {"punkte": [{"at": [0.5, 0.5], "art": "x", "leer": None}]}
    source = open_source(build(tmp_path, areas={"teile": ["A"]}, georesources=points))
    for prop, notes in [("art", 0), ("Art", 1), ("leer", 1)]:
        summary = Summary(source, [D20])
        where = condition(None, prop, "Equal", "x")
        assert list(summary.units(["teile"], [source.georesource("punkte")], where=where)) == ["teile"]
        assert told(summary) == [("processingError", "punkte", [D20], [])] * notes


def test_the_summary_is_handed_over_as_json(town):
    encoded = encoding.encode(run(town, ["teile"]))
    assert encoded.media_type == "application/json"
    assert json.loads(encoded.content)[0]["spatialUnitId"] == "teile"


def test_sentences_are_in_the_language_of_the_run(town, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_LANGUAGE", "en")
    (entry,) = run(town, ["teile"]).to_output()
    assert entry["errorsOccurred"][0]["errorMessage"] == 'The indicator "B" has no values for these areas.'


@pytest.mark.parametrize("kind", ["indicator", "georesource"])
def test_b7_b10_when_a_dataset_cannot_be_had_the_run_ends_and_its_summary_says_why(town, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("NBPROCESSOR_JOB_OUTPUTS", str(tmp_path / "outputs"))
    source = open_source(town.folder, summary_for=["teile", "viertel"])
    with pytest.raises(ResourceNotFound, match="nirgends"):
        getattr(source, kind)("nirgends")
    (entry,) = json.loads((tmp_path / "outputs" / "jobSummary.json").read_bytes())
    (error,) = entry["errorsOccurred"]
    assert (entry["spatialUnitId"], entry["modifiedResource"]) == ("teile", None)
    assert (error["type"], error["affectedResourceType"]) == ("missingDataset", kind.upper())
    assert error["affectedDatasetId"] == "nirgends"


def test_a_refused_dataset_is_an_error_of_the_api_with_its_status(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_JOB_OUTPUTS", str(tmp_path))
    entries.hand_over_failure("teile", "INDICATOR", "x", ResourceNotFound("x", 403, "nicht zu haben"))
    ((error,),) = [entry["errorsOccurred"] for entry in json.loads((tmp_path / "jobSummary.json").read_bytes())]
    assert (error["type"], error["dataManagementApiErrorCode"]) == ("dataManagementApiError", 403)


def test_b10_features_that_cannot_be_read_are_told_and_end_nothing_else(town):
    folder = town.folder / "georesources"
    folder.mkdir()
    (folder / "kaputt.geojson").write_text('{"type": "FeatureColl')
    (folder / "kaputt.json").write_text('{"datasetName": "Kaputt", "availablePeriodsOfValidity": []}')
    summary = Summary(town, [D20])
    assert list(summary.units(["teile", "viertel"], [town.georesource("kaputt")])) == []
    assert told(summary) == [("dataManagementApiError", "kaputt", [], [])] * 2
    with pytest.raises(DataError, match="Für keine Raumebene"):
        summary.expect_results()


def test_an_area_that_exists_twice_on_a_day_is_told_and_counted_once(tmp_path):
    areas = ["A", {"ID": "A", "validStartDate": "2010-01-01"}, "B"]
    points = {"punkte": [{"at": [0.5, 0.5]}]}
    source = open_source(build(tmp_path, areas={"teile": areas}, georesources=points))
    summary, georesource = Summary(source, [D20]), source.georesource("punkte")
    (unit,) = summary.units(["teile"], [georesource])
    assert told(summary) == [("processingError", "teile", [D20], ["A"])]
    found = count(points_within(source, unit, georesource, [D20]))
    assert found[D20].to_dict() == {"A": 1, "B": 0}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "there is no filter"),
        ({}, "there is no filter"),
        ({"compFilterProp": "art", "compFilterOperator": "None", "compFilterPropVal": "x"}, "there is no filter"),
        ({"compFilterProp": "", "compFilterOperator": "Equal", "compFilterPropVal": "x"}, "names no property"),
        ({"compFilterProp": "art", "compFilterOperator": "Less_than", "compFilterPropVal": "x"}, "which is no number"),
        ({"compFilterProp": "art", "compFilterOperator": "Range", "compFilterPropVal": "1 bis 2"}, "cannot be read"),
        ({"compFilterProp": "art", "compFilterOperator": "Contains", "compFilterPropVal": " , "}, "names no values"),
    ],
)
def test_a_filter_that_ends_the_run_is_told_in_a_summary(tmp_path, monkeypatch, given, says):
    monkeypatch.setenv("NBPROCESSOR_JOB_OUTPUTS", str(tmp_path / "outputs"))
    build(tmp_path, areas={"teile": ["A"]}, georesources={"punkte": [{"at": [0.5, 0.5]}]})
    georesource = open_source(tmp_path, summary_for=["teile"]).georesource("punkte")
    with pytest.raises(ValueError, match=says):
        condition(given, of=georesource, required=True)
    (entry,) = json.loads((tmp_path / "outputs" / "jobSummary.json").read_bytes())
    (error,) = entry["errorsOccurred"]
    assert (error["type"], error["affectedResourceType"]) == ("processingError", "GEORESOURCE")
    assert error["affectedDatasetId"] == "punkte" and says in error["errorMessage"]


@pytest.mark.parametrize("named", [None, ""])
def test_a_run_without_a_georesource_ends_and_its_summary_names_the_inputs(town, tmp_path, monkeypatch, named):
    monkeypatch.setenv("NBPROCESSOR_JOB_OUTPUTS", str(tmp_path / "outputs"))
    source = open_source(town.folder, summary_for=["teile"])
    with pytest.raises(ResourceNotFound, match="compGeoId_line, compGeoId"):
        source.georesource(named, given_as="compGeoId_line, compGeoId")
    (entry,) = json.loads((tmp_path / "outputs" / "jobSummary.json").read_bytes())
    assert [error["type"] for error in entry["errorsOccurred"]] == ["missingDataset"]
