"""Runs a process notebook as a job does, and compares what came out with what a case expects."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import papermill
import pytest

from nbprocessor import contract
from nbprocessor.notebook import describe
from nbprocessor.notebook.values import complete
from tests.notebooks.cases import Run

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [
    path for folder in ("examples", "kommonitor") for path in sorted((ROOT / "notebooks" / folder).glob("[!_]*.ipynb"))
]
TOLD = (contract.SOURCE, contract.SOURCE_WRITES, contract.SOURCE_SOCKET, contract.SOURCE_PUBLIC, contract.LANGUAGE)
Summary = Sequence[Mapping[str, Any]]


def execute(run: Run, folder: Path, environment: Mapping[str, str]) -> dict[str, bytes]:
    """Run the notebook in a kernel of its own, with all inputs as a job has them; return its outputs by file name."""
    (path,) = [path for path in NOTEBOOKS if path.stem == run.process]
    inputs = complete(describe.read(path), run.inputs)
    (folder / "work").mkdir()
    own = {contract.JOB_OUTPUTS: str(folder / "outputs"), "PYTHONWARNINGS": "default"}
    with pytest.MonkeyPatch.context() as patch:
        for name in TOLD:
            patch.delenv(name, raising=False)
        for name, value in {**own, **environment}.items():
            patch.setenv(name, value)
        executed = papermill.execute_notebook(
            str(path), str(folder / "executed.ipynb"), parameters=inputs, cwd=str(folder / "work"),
            progress_bar=False,
        )  # fmt: skip
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    streams = [output["text"] for output in outputs if output.output_type == "stream"]
    assert streams == [], "a run prints nothing and warns of nothing"
    return {file.name: file.read_bytes() for file in (folder / "outputs").iterdir()}


def expect_values(run: Run, outputs: Mapping[str, bytes]) -> None:
    """Compare ``jobSummary`` and ``resultData`` with the cases of a run: all of what they name, and nothing else."""
    summary, values = json.loads(outputs["jobSummary.json"]), written(json.loads(outputs["resultData.json"]))
    for case in run.cases:
        found = values.get(case.unit.capitalize(), {}).pop(case.area, {})
        assert set(found) == set(case.values), case.name
        for day, expected in case.values.items():
            assert same(found[day], expected, run.tolerance), f"{case.name}, {day}: {found[day]} instead of {expected}"
        assert sorted(told(summary, case.unit, case.area)) == sorted(case.errors), case.name
    assert not any(values.values()), "values that no case expects"
    others = [error for unit in run.inputs["target_spatial_units"] for error in told(summary, unit, None)]
    assert sorted(others) == sorted(run.errors)
    assert set(areas_told(summary)) <= {(case.unit, case.area) for case in run.cases}


def expect_outputs(run: Run, outputs: Mapping[str, bytes]) -> None:
    """Compare outputs of a process's own with what a run expects: texts whole, geodata by properties."""
    for file, expected in run.outputs.items():
        content = outputs[file].decode()
        if not file.endswith(".geojson"):
            assert content == expected
            continue
        names = expected["properties"]
        features = [feature["properties"] for feature in json.loads(content)["features"]]
        found = {one["ID"]: {name: one[name] for name in names if name in one} for one in features}
        assert found == {area: dict(zip(names, values, strict=True)) for area, values in expected["areas"].items()}


def written(bodies: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return values by the spatial unit's name, area and date."""
    return {
        body["applicableSpatialUnit"]: {
            row["spatialReferenceKey"]: {pair["timestamp"]: pair["indicatorValue"] for pair in row["valueMapping"]}
            for row in body["indicatorValues"]
        }
        for body in bodies
    }


def told(summary: Summary, unit: str, area: str | None) -> list[tuple[str, ...]]:
    """Return type, dataset and dates of the entries about an area; about none in particular, for None."""
    (entry,) = [entry for entry in summary if entry["spatialUnitId"] == unit]
    return [
        (error["type"], error["affectedDatasetId"], *error["affectedTimestamps"])
        for error in entry["errorsOccurred"]
        if (area in error["affectedSpatialUnitFeatures"] if area else not error["affectedSpatialUnitFeatures"])
    ]


def areas_told(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield spatial unit and area of everything that is told about an area."""
    for entry in summary:
        for error in entry["errorsOccurred"]:
            for area in error["affectedSpatialUnitFeatures"]:
                yield entry["spatialUnitId"], area


def same(found: float | None, expected: float | None, tolerance: float) -> bool:
    """Tell whether a value is the expected one; None is a gap and equals only that."""
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)
