"""The same cases on the platform's terms: a kernel, the job's gateway, Data Management, and what is stored there."""

from contextlib import closing
from math import isnan

import pytest

from nbprocessor import contract
from nbprocessor.kit.datamanagement import DataManagement
from tests.notebooks import cases, running
from tests.notebooks.running import NOTEBOOKS
from tests.servers.city import EDITOR
from tests.servers.datamanagement import QUICK, gateway
from tests.unit.kit import towns

RUNS = [run for path in NOTEBOOKS for run in cases.of(path.stem)[:1] if run.town]
SINGLE = 1.2e-7
"""Relative rounding of Data Management, which stores 32-bit numbers and writes as few of their digits as it can."""


def fill(city, town):
    """Put a town of a case file into the stand-in for the platform."""
    for unit, areas in town.get("areas", {}).items():
        city.add_unit(unit, unit.capitalize(), [towns.area_feature(area) for area in areas])
    for georesource, features in town.get("georesources", {}).items():
        shapes = [towns.georesource_feature(feature) for feature in features]
        city.add_georesource(georesource, georesource.capitalize(), shapes)
    for indicator, units in town.get("indicators", {}).items():
        city.add_indicator(indicator, indicator.capitalize(), units)
    for target in town.get("targets", ()):
        city.add_indicator(target, target.capitalize())


@pytest.mark.kernel
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_process_computes_its_cases_on_data_management_and_asks_no_more_than_it_needs(run, tmp_path, datamanagement):
    fill(datamanagement.city, run.town)
    with gateway(datamanagement, tmp_path / "gateway") as socket:
        environment = {contract.SOURCE: datamanagement.url, contract.SOURCE_SOCKET: str(socket)}
        outputs = running.execute(run, tmp_path, environment)
    asked = [(request.method, request.path) for request in datamanagement.requests if request.method == "GET"]
    assert len(asked) == len(set(asked)), "a resource was asked for twice"
    if run.outputs:
        running.expect_outputs(run, outputs)
        return
    running.expect_values(run, outputs)
    units = {case.unit for case in run.cases if case.values}
    assert len(datamanagement.bodies("PUT")) == len(units)
    with closing(DataManagement(datamanagement.url, token=EDITOR, patience=QUICK)) as source:
        target = source.indicator(run.inputs["target_indicator_id"])
        for case in run.cases:
            for day, expected in case.values.items():
                stored = target.values(case.unit).at[case.area, day]
                assert running.same(None if isnan(stored) else stored, expected, run.tolerance + SINGLE), case.name
