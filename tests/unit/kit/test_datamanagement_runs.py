"""A whole run against Data Management: how often it asks, and that one failure costs nobody else a result."""

import tracemalloc
from collections import Counter
from contextlib import closing

import numpy as np
import pytest

from nbprocessor.kit.connection import CHUNK, Connection
from nbprocessor.kit.datamanagement import DataManagement
from nbprocessor.kit.summary import Summary
from tests.servers.city import EDITOR, square
from tests.servers.datamanagement import QUICK, half

UNITS = ["blocks", "quarters", "districts"]
DATES = ["2020-12-31", "2021-12-31"]


@pytest.fixture
def city(datamanagement):
    city = datamanagement.city
    for unit in UNITS:
        city.add_unit(unit, unit.capitalize(), [square("1", 7, 51), square("2", 7.02, 51)])
    for name, factor in (("people", 1), ("children", 10)):
        values = {unit: {area: {day: factor * float(area) for day in DATES} for area in "12"} for unit in UNITS}
        city.add_indicator(name, name.capitalize(), values)
    city.add_indicator("sum", "Summe")
    return city


def run(source):
    """Add two indicators on three spatial units, as a process notebook does."""
    target, people, children = (source.indicator(name) for name in ("sum", "people", "children"))
    summary = Summary(source, DATES)
    results = {
        unit: people.values(unit, DATES) + children.values(unit, DATES)
        for unit in summary.units(UNITS, [people, children])
    }
    summary.write(target, results)
    return summary


def entry(summary, unit):
    return next(entry for entry in summary.to_output() if entry["spatialUnitId"] == unit)


def test_a_run_asks_for_each_resource_once_and_writes_each_unit_once(datamanagement, editor, city):
    summary = run(editor)
    assert [entry["numberOfIntegratedIndicatorFeatures"] for entry in summary.to_output()] == [2, 2, 2]
    asked = Counter((request.method, request.path) for request in datamanagement.requests)
    assert {path: times for (method, path), times in asked.items() if method == "GET" and times > 1} == {}
    assert asked["PUT", "/management/indicators/sum"] == len(UNITS)
    metadata, areas, series, description = 3 + len(UNITS), len(UNITS), 2 * len(UNITS), 1
    assert asked.total() == metadata + areas + series + description + len(UNITS)
    assert city.values["sum", "blocks"]["2"] == dict.fromkeys(DATES, 22.0)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503},
        {"status": 403},
        {"refuse": True},
        {"reset": True},
        {"rewrite": half},
        {"body": b"[NaN"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/spatial-units/quarters$", "/spatial-units/quarters/allFeatures", "/indicators/children/quarters/"]
)
def test_one_answer_that_fails_costs_only_its_unit_the_result(datamanagement, editor, city, path, fault):
    datamanagement.fault(path, **fault)
    summary = run(editor)
    failed = entry(summary, "quarters")
    assert failed["modifiedResource"] is None and len(failed["errorsOccurred"]) == 1
    assert failed["errorsOccurred"][0].get("dataManagementApiErrorCode") == fault.get("status")
    for unit in ("blocks", "districts"):
        assert entry(summary, unit)["modifiedResource"] == f"{datamanagement.url}/management/indicators/sum/{unit}"
    assert len(summary.result_data) == 2


def test_a_georesource_that_cannot_be_read_is_asked_for_once_and_told_for_every_unit(datamanagement, editor, city):
    city.add_georesource("places", "Orte", [])
    datamanagement.fault("/georesources/places/allFeatures", status=500)
    summary = Summary(editor, DATES)
    assert list(summary.units(UNITS, [editor.georesource("places")])) == []
    assert datamanagement.count("GET", "/management/georesources/places/allFeatures") == 1
    statuses = [one["errorsOccurred"][-1]["dataManagementApiErrorCode"] for one in summary.to_output()]
    assert statuses == [500] * len(UNITS)


def test_one_put_that_fails_costs_only_its_unit_the_result(datamanagement, editor, city):
    datamanagement.fault("/indicators/sum", method="PUT", status=500, times=1)
    summary = run(editor)
    assert entry(summary, "blocks")["errorsOccurred"][0]["dataManagementApiErrorCode"] == 500
    assert entry(summary, "blocks")["modifiedResource"] is None and len(summary.result_data) == 2
    assert [put["applicableSpatialUnit"] for put in summary.result_data] == ["Quarters", "Districts"]


def test_a_run_writes_the_same_values_whatever_passing_faults_it_meets(datamanagement, editor, city):
    run(editor)
    calm = {("sum", unit): city.values.pop(("sum", unit)) for unit in UNITS}
    with closing(DataManagement(datamanagement.url, token=EDITOR, patience=QUICK)) as source:
        for fault in ({"status": 503}, {"reset": True}, {"refuse": True}):
            datamanagement.fault("/management/", times=1, **fault)
        datamanagement.fault("/indicators/sum", method="PUT", refuse=True, after=True, times=1)
        summary = run(source)
    assert not any(entry["errorsOccurred"] for entry in summary.to_output())
    assert {key: table for key, table in city.values.items() if key[0] == "sum"} == calm


def test_a_large_answer_goes_through_a_file_and_never_through_memory(datamanagement, city, tmp_path):
    body = np.full(60_000_000, ord(" "), dtype="uint8").tobytes()
    datamanagement.fault("/allFeatures", body=body)
    with closing(Connection(datamanagement.url, token=EDITOR)) as connection:
        tracemalloc.start()
        try:
            connection.download("/management/spatial-units/blocks/allFeatures", "blocks", tmp_path / "answer", 10**9)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "answer").stat().st_size == len(body) and peak < 20 * CHUNK
