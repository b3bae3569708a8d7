"""The rules all processes share, as a table: every combination of what may be missing and what may fail."""

from itertools import product

import pytest

from nbprocessor.kit.folder import FolderSource
from nbprocessor.kit.geometry import count, points_within
from nbprocessor.kit.indicators import target_dates
from nbprocessor.kit.sources import open_source
from nbprocessor.kit.summary import Summary
from tests.unit.kit.towns import build

D19, D20, D21 = "2019-12-31", "2020-12-31", "2021-12-31"
UNITS = ["teile", "viertel"]
"""What is missing or fails concerns the first; the second has to be as if nothing had happened."""
AREAS = {"teile": ["A", "B"], "viertel": ["C"]}


def town(folder, missing_date, missing_unit, missing_area, failing_get):
    """Two inputs; `b` is the one that lacks something."""
    rows = {unit: {area: {D19: 1, D20: 2, D21: 3} for area in areas} for unit, areas in AREAS.items()}
    lacking = {unit: {area: dict(values) for area, values in areas.items()} for unit, areas in rows.items()}
    if missing_date:
        for areas in lacking.values():
            for values in areas.values():
                del values[D21]
    if missing_area:
        del lacking["teile"]["B"]
    if failing_get:
        lacking["teile"]["A"][D20] = "viel"
    if missing_unit:
        del lacking["teile"]
    targets = {"viertel": {"C": {D19: 9}}}
    return build(folder, areas=AREAS, indicators={"a": rows, "b": lacking, "ziel": targets})


def expected_dates(mode, missing_date):
    """Return computed and missing dates, read off the table of the contract by hand."""
    return {
        ("ALL", False): ([D19, D20, D21], []),
        ("ALL", True): ([D19, D20], [D21]),
        ("DATES", False): ([D20, D21], []),
        ("DATES", True): ([D20], [D21]),
        ("MISSING", False): ([D20, D21], []),
        ("MISSING", True): ([D20], [D21]),
    }[mode, missing_date]


@pytest.mark.parametrize(
    ("mode", "missing_date", "missing_unit", "missing_area", "failing_get", "failing_put"),
    list(product(["ALL", "DATES", "MISSING"], *[[False, True]] * 5)),
)
def test_whatever_is_missing_or_fails_is_told_and_costs_no_other_unit_its_result(
    tmp_path, mode, missing_date, missing_unit, missing_area, failing_get, failing_put
):
    source = open_source(town(tmp_path, missing_date, missing_unit, missing_area, failing_get))
    target, inputs = source.indicator("ziel"), [source.indicator("a"), source.indicator("b")]
    dates = target_dates({"mode": mode, "includeDates": [D20, D21]}, target, inputs)
    summary = Summary(source, dates)
    results = {unit: sum(one.values(unit, dates) for one in inputs) for unit in summary.units(UNITS, inputs)}
    if failing_put:
        (tmp_path / "indicators" / "ziel" / "teile.csv").mkdir()
    summary.write(target, results)
    summary.expect_results()

    computed, missing = expected_dates(mode, missing_date)
    first, second = summary.to_output()
    lacks_dates = [("missingTimestamp", missing, [])] if missing else []
    assert told(second) == lacks_dates
    assert (second["numberOfIntegratedIndicatorFeatures"], second["integratedTargetDates"]) == (1, computed)

    expected = list(lacks_dates)
    if missing_unit:
        expected.append(("missingSpatialUnit", [], []))
    elif failing_get:
        expected.append(("dataManagementApiError", [], []))
    else:
        expected += [("missingSpatialUnitFeature", [], ["B"])] * missing_area
        expected += [("dataManagementApiError", [], [])] * failing_put
    assert told(first) == expected
    if missing_unit or failing_get or failing_put:
        assert (first["modifiedResource"], first["numberOfIntegratedIndicatorFeatures"]) == (None, None)
        assert first["integratedTargetDates"] == []
    else:
        assert first["numberOfIntegratedIndicatorFeatures"] == 2 - missing_area
        assert first["integratedTargetDates"] == computed
    accepted = [body["applicableSpatialUnit"] for body in summary.result_data]
    assert accepted == (["Viertel"] if first["modifiedResource"] is None else ["Teile", "Viertel"])


def told(entry):
    return [
        (error["type"], error["affectedTimestamps"], error["affectedSpatialUnitFeatures"])
        for error in entry["errorsOccurred"]
    ]


class CountingFolder(FolderSource):
    """A folder source that counts what is read from it and written to it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.done = []

    def read_indicator(self, indicator_id):
        self.done.append(("indicator", indicator_id))
        return super().read_indicator(indicator_id)

    def read_georesource(self, georesource_id):
        self.done.append(("georesource", georesource_id))
        return super().read_georesource(georesource_id)

    def read_areas(self, unit_id):
        self.done.append(("areas", unit_id))
        return super().read_areas(unit_id)

    def read_features(self, georesource_id):
        self.done.append(("features", georesource_id))
        return super().read_features(georesource_id)

    def read_time_series(self, indicator_id, unit_id):
        self.done.append(("time series", indicator_id, unit_id))
        return super().read_time_series(indicator_id, unit_id)

    def put(self, indicator, unit_id, body):
        self.done.append(("put", indicator.id, unit_id))
        return super().put(indicator, unit_id, body)


def test_b28_each_resource_is_read_once_and_each_unit_written_once_whatever_the_number_of_dates(tmp_path):
    build(tmp_path, areas=AREAS, georesources={"punkte": [{"at": [0.5, 0.5]}, {"at": [2.5, 0.5]}]}, targets=["ziel"])
    source = CountingFolder(tmp_path)
    target, georesource = source.indicator("ziel"), source.georesource("punkte")
    dates = [f"20{year}-12-31" for year in range(10, 24)]
    summary = Summary(source, dates)
    results = {
        unit: count(points_within(source, unit, georesource, dates)) for unit in summary.units(UNITS, [georesource])
    }
    summary.write(target, results)
    assert sorted(source.done) == [
        ("areas", "teile"),
        ("areas", "viertel"),
        ("features", "punkte"),
        ("georesource", "punkte"),
        ("indicator", "ziel"),
        ("put", "ziel", "teile"),
        ("put", "ziel", "viertel"),
    ]
    assert [entry["integratedTargetDates"] for entry in summary.to_output()] == [dates, dates]


def test_b28_indicators_are_read_once_for_each_unit(tmp_path):
    source = CountingFolder(town(tmp_path, False, False, False, False))
    target, inputs = source.indicator("ziel"), [source.indicator("a"), source.indicator("b")]
    dates = target_dates({"mode": "ALL"}, target, inputs)
    summary = Summary(source, dates)
    summary.write(
        target, {unit: sum(one.values(unit, dates) for one in inputs) for unit in summary.units(UNITS, inputs)}
    )
    series = [done for done in source.done if done[0] == "time series"]
    assert sorted(series) == [("time series", name, unit) for name in "ab" for unit in UNITS]
