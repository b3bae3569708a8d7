"""The same cases through the whole product: HTTP, a job, Data Management, and what is stored there."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.notebooks import running
from tests.notebooks.test_platform import RUNS, fill
from tests.servers.datamanagement import gateway
from tests.servers.nbprocessor import REPOSITORY, Server, start

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def product(datamanagement_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server on the project's own notebooks, with the stand-in for Data Management behind a gateway."""
    folder = tmp_path_factory.mktemp("product")
    with ExitStack() as stack:
        socket = stack.enter_context(gateway(datamanagement_server, folder / "gateway"))
        data = {"KOMMONITOR_DATA_MANAGEMENT_URL": datamanagement_server.url, "NBPROCESSOR_DATA__GATEWAY": str(socket)}
        yield stack.enter_context(start(REPOSITORY / "notebooks", folder / "results", env=data))


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_a_request_ends_as_values_in_data_management(run, product: Server, datamanagement):
    fill(datamanagement.city, run.town)
    job = product.job(run.process, run.inputs)
    assert job["status"] == "successful", job["message"]
    files = {path.name: path.read_bytes() for path in Path(product.results, job["jobID"], "outputs").iterdir()}
    if run.outputs:
        running.expect_outputs(run, files)
        return
    running.expect_values(run, files)
    units = {case.unit for case in run.cases if case.values}
    assert len(datamanagement.bodies("PUT")) == len(units)
    asked = [request.path for request in datamanagement.requests if request.method == "GET"]
    assert len(asked) == len(set(asked)), "a resource was asked for twice"
    lineage = product.get(f"/jobs/{job['jobID']}/manifest").json()["data"]
    known = sorted((request.method, request.path) for request in datamanagement.requests)
    assert sorted((entry["method"], entry["path"]) for entry in lineage) == known
    assert "/management/" in product.get(f"/jobs/{job['jobID']}/report").text


def test_without_a_gateway_public_data_is_read_and_a_refused_put_is_told(datamanagement, tmp_path: Path):
    (run,) = [run for run in RUNS if run.process == "km_indicator_sum"]
    fill(datamanagement.city, run.town)
    for overview in [one for kind in datamanagement.city.overviews.values() for one in kind.values()]:
        for access in (overview, *overview.get("applicableSpatialUnits", ())):
            access["isPublic"] = True
    data = {"KOMMONITOR_DATA_MANAGEMENT_URL": datamanagement.url}
    with start(REPOSITORY / "notebooks", tmp_path / "results", env=data) as server:
        job = server.job(run.process, run.inputs)
        assert all(
            request.path.startswith(("/management/public/", "/v3/"))
            for request in datamanagement.requests
            if request.method == "GET"
        )
        summary = server.get(f"/jobs/{job['jobID']}/results?f=json").json()["jobSummary"]
    errors = [error for entry in summary for error in entry["errorsOccurred"]]
    assert {"dataManagementApiError"} <= {error["type"] for error in errors}
    assert {401} == {error["dataManagementApiErrorCode"] for error in errors if "dataManagementApiErrorCode" in error}
