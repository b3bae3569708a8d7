"""Every process describes itself, is clean, has cases and computes them: in a fresh kernel, on data of a small town."""

import json
import re
import subprocess
import sys
from math import isnan

import pytest

from nbprocessor import contract
from nbprocessor.kit.sources import open_source
from nbprocessor.notebook import describe, document, inputs, values
from tests.notebooks import cases, running
from tests.notebooks.running import NOTEBOOKS
from tests.unit.kit import towns

KOMMONITOR = [path for path in NOTEBOOKS if path.parent.name == "kommonitor"]
WITH_BOXES = [path for path in KOMMONITOR if path.stem not in {"aggregate_sum", "hello_world"}]  # those never had any
RUNS = [run for path in NOTEBOOKS for run in cases.of(path.stem)]
LINES, CELLS = 40, 12
BOXES = {
    "percentage-share": ("indicator_share_percentage", ["reference_id", "computation_ids"]),
    "km_georesource_count_pointsWithinPolygon": ("georesource_pointsInPolygon", ["georesource_id", "comp_filter"]),
    "km_georesource_length_lineSegmentsWithinPolygon": (
        "georesource_length_lineSegmentsWithinPolygon",
        ["georesource_id_line", "comp_filter"],
    ),
    "km_georesource_miscStatistics": ("georesource_miscStatistics", ["georesource_id", "compProp", "comp_meth"]),
    "km_georesource_share_byPropertyValue": ("georesource_subset_share", ["georesource_id", "comp_filter"]),
    "km_indicator_absChange_nTemporalItems": ("indicator_change_absolute", ["computation_id", "temporal_options"]),
    "km_indicator_absChange_refDate": ("indicator_change_absolute_refDate", ["computation_id", "reference_date"]),
    "km_indicator_continuity_nTemporalItems": ("indicator_continuity", ["computation_id", "temporal_options"]),
    "km_indicator_divide": ("indicator_division", ["reference_id", "computation_id"]),
    "km_indicator_multiply": ("indicator_multiplication", ["computation_ids"]),
    "km_indicator_percentage": ("indicator_percentage", ["reference_id", "computation_ids"]),
    "km_indicator_promille": ("indicator_promille", ["reference_id", "computation_ids"]),
    "km_indicator_relChange_nTemporalItems": ("indicator_change_relative", ["computation_id", "temporal_options"]),
    "km_indicator_relChange_refDate": ("indicator_relChange_refDate", ["computation_id", "reference_date"]),
    "km_indicator_share": ("indicator_share", ["reference_id", "computation_ids"]),
    "km_indicator_subtract": ("indicator_subtract", ["reference_id", "computation_ids"]),
    "km_indicator_sum": ("indicator_sum", ["computation_ids"]),
    "km_indicator_trend_nTemporalItems": ("indicator_trend_nTemporalItems", ["computation_id", "temporal_options"]),
}
"""Script type and input boxes of KomMonitor's web client."""


def named(path):
    return path.stem


def read(path):
    return describe.examine(document.load(path), describe.shared_front_matter(path))


def texts(description):
    """Yield every text for people in a process description, with where it stands."""
    for part in ("title", "description"):
        yield part, description[part]
    for kind in ("inputs", "outputs"):
        for name, declared in description[kind].items():
            yield f"{kind}.{name}.title", declared["title"]
            yield f"{kind}.{name}.description", declared["description"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_process_describes_itself_in_german_and_english(path):
    reading = read(path)
    assert list(reading.findings) == []
    for place, text in texts(describe.description(reading.process)):
        assert set(text) == {"de", "en"} and all(text.values()), place


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_b33_the_id_of_a_process_is_that_of_its_description_and_its_file(path):
    assert read(path).process.id == path.stem


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_b1_the_ids_of_inputs_have_no_blanks(path):
    assert all(re.fullmatch(r"\w+", name) for name in read(path).process.inputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_notebook_is_clean_and_names_its_cells(path):
    run = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--verify", "--keep-id", path], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert ids[0] == "front-matter" and all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell) for cell in ids)


@pytest.mark.parametrize("path", KOMMONITOR, ids=named)
def test_a_notebook_is_short_and_shows_only_what_an_expert_reads(path):
    reading = read(path)
    code = [cell.source for cell in reading.document.cells if cell.kind == "code"]
    lines = [line for source in code for line in source.splitlines() if line.strip() and not line.startswith("#")]
    assert len(reading.document.cells) <= CELLS and len(lines) <= LINES
    assert not re.search(r"\btry\b|\bdef\b|\blambda\b|http|iterrows|itertuples|\brequests\b", "\n".join(code))


@pytest.mark.parametrize("path", WITH_BOXES, ids=named)
def test_the_boxes_of_the_web_client_name_inputs_that_there_are(path):
    process = read(path).process
    (parameter,) = process.additional_parameters["parameters"]
    (ui,) = parameter["value"]
    assert parameter["name"] == "kommonitorUiParams"
    assert ui["apiName"] and ui["inputBoxes"]
    shown = [name for box in ui["inputBoxes"] for name in box["contents"]]
    assert set(shown) <= set(process.inputs)
    assert all(box["title"] for box in ui["inputBoxes"])
    common = {"target_indicator_id", "target_spatial_units", "target_time", "execution_interval"}
    flat = {"compFilterProp", "compFilterOperator", "compFilterPropVal"}
    other_names = {"compGeoId"} if "compGeoId_line" in process.inputs else set()
    assert set(process.inputs) - set(shown) == common | (flat & set(process.inputs)) | other_names


@pytest.mark.parametrize("path", WITH_BOXES, ids=named)
def test_the_web_client_finds_each_process_under_its_own_name_with_its_boxes(path):
    ((ui,),) = [entry["value"] for entry in read(path).process.additional_parameters["parameters"]]
    assert (ui["apiName"], [box["id"] for box in ui["inputBoxes"]]) == BOXES[path.stem]


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_the_inputs_of_every_case_are_what_the_process_declares(run):
    (path,) = [path for path in NOTEBOOKS if path.stem == run.process]
    declared = read(path).process.inputs
    required = {name for name, one in declared.items() if one.min_occurs > 0}
    assert required <= set(run.inputs) <= set(declared)
    for name, value in run.inputs.items():
        assert inputs.problems(declared[name], value) == [], name


COMMON = {"target_indicator_id": "t", "target_spatial_units": ["u"]}
FLAT = {"compFilterProp": "art", "compFilterOperator": "Equal", "compFilterPropVal": True}
SUMMED = {**COMMON, "computation_ids": ["a"]}
SPAN = {**COMMON, "computation_id": "a", "number_of_temporal_items": 1}
PLACES = {**COMMON, "compGeoId": "g"}


@pytest.mark.parametrize(
    ("process", "given"),
    [
        ("km_indicator_sum", {**SUMMED, "target_time": {"mode": "ALL", "includeDates": None, "excludeDates": None}}),
        ("km_indicator_sum", {**SUMMED, "execution_interval": {"cron": "@daily"}}),
        ("km_indicator_trend_nTemporalItems", SPAN),
        ("km_indicator_trend_nTemporalItems", {**SPAN, "temporal_type": None}),
        ("km_indicator_trend_nTemporalItems", {**SPAN, "temporal_type": {"apiName": "DAYS", "displayName": None}}),
        ("km_georesource_count_pointsWithinPolygon", {**PLACES, "comp_filter": None}),
        ("km_georesource_count_pointsWithinPolygon", {**PLACES, "comp_filter": FLAT}),
        ("km_georesource_share_byPropertyValue", {**PLACES, **FLAT}),
        ("km_georesource_share_byPropertyValue", {**PLACES, "comp_filter": {}, **FLAT}),
        ("km_georesource_miscStatistics", {**PLACES, "compProp": "x"}),
        ("km_georesource_miscStatistics", {**PLACES, "compProp": "x", "compMeth": None}),
        ("km_georesource_length_lineSegmentsWithinPolygon", {**COMMON, "compGeoId": "", "compGeoId_line": "g"}),
        ("km_georesource_length_lineSegmentsWithinPolygon", {**COMMON, "compGeoId": "g", "compGeoId_line": None}),
    ],
)
def test_what_clients_leave_out_or_send_as_nothing_is_accepted(process, given):
    (path,) = [path for path in NOTEBOOKS if path.stem == process]
    declared = read(path).process
    found = values.complete(declared, given)
    assert {name: found[name] for name in given} == given
    assert values.problems(declared, found) == []


def test_no_example_of_a_notebook_is_computed_in_place_of_what_was_left_out():
    found = {path.stem: read(path).process for path in KOMMONITOR}
    lines = values.complete(found["km_georesource_length_lineSegmentsWithinPolygon"], COMMON)
    assert (lines["compGeoId"], lines["compGeoId_line"]) == (None, None)
    share = values.complete(found["km_georesource_share_byPropertyValue"], PLACES)
    assert share["comp_filter"] == {"compFilterProp": "", "compFilterOperator": "", "compFilterPropVal": ""}
    statistics = values.complete(found["km_georesource_miscStatistics"], {**PLACES, "compProp": "x"})
    assert statistics["compMeth"] == "MIN"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_process_has_cases(path):
    assert cases.of(path.stem)


@pytest.mark.kernel
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_process_computes_its_cases(run, tmp_path):
    town = towns.build(tmp_path / "town", **{"areas": {}, **run.town})
    outputs = running.execute(run, tmp_path, {contract.SOURCE: str(town)})
    if run.outputs:
        running.expect_outputs(run, outputs)
        return
    running.expect_values(run, outputs)
    target = open_source(town).indicator(run.inputs["target_indicator_id"])
    for case in run.cases:
        for day, expected in case.values.items():
            stored = target.values(case.unit).at[case.area, day]
            assert running.same(None if isnan(stored) else stored, expected, run.tolerance), case.name
