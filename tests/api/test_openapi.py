"""The OpenAPI document: valid, complete, and true of every answer that schemathesis provokes."""

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV30SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nbprocessor.api.documents import DocumentRoutes
from nbprocessor.api.routes import StandardRoutes
from nbprocessor.api.schedules import ScheduleRoutes
from tests.servers.nbprocessor import Server

MEDIA_TYPE = "application/vnd.oai.openapi+json;version=3.0"
EXAMPLES = 4
"""Requests schemathesis makes of each operation."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    """The document as it is served."""
    answer = server.get("/openapi")
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    return answer.json()


def test_the_document_is_valid_openapi_3_0(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.0.")
    faults = [
        f"{list(fault.absolute_path)}: {fault.message}" for fault in OpenAPIV30SpecValidator(document).iter_errors()
    ]
    assert not faults, "\n".join(faults)


def test_the_landing_page_leads_to_the_document_and_to_its_page(server: Server) -> None:
    found = {link["rel"]: link for link in server.get("/").json()["links"]}
    assert found["service-desc"]["type"] == MEDIA_TYPE
    assert server.get("/openapi?f=html").headers["Content-Type"].startswith("text/html")


def test_every_route_of_the_server_is_in_the_document_and_no_other(document: dict[str, Any]) -> None:
    routes = [*StandardRoutes(None).routes(), *DocumentRoutes(None).routes(), *ScheduleRoutes(None).routes()]
    names = {"process_id": "processID", "job_id": "jobID", "output_id": "outputID", "schedule_id": "scheduleID"}
    served = {
        (re.sub(r"{(\w+)}", lambda found: f"{{{names[found[1]]}}}", route.path), method.lower())
        for route in routes
        for method in (route.methods or ()) - {"HEAD"}
    }
    described = {
        (path, method)
        for path, resource in document["paths"].items()
        for method in {"get", "post", "put", "patch", "delete"} & resource.keys()
    }
    of_processes = {(path, method) for path, method in described if re.fullmatch(r"/processes/[^{/]+/execution", path)}
    assert described - of_processes == served


def test_every_process_on_offer_has_an_operation_that_says_what_it_takes(
    server: Server, document: dict[str, Any]
) -> None:
    for process in server.get("/processes").json()["processes"]:
        operation = document["paths"][f"/processes/{process['id']}/execution"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        described = server.get(f"/processes/{process['id']}").json()
        assert body["properties"]["inputs"]["properties"].keys() == described["inputs"].keys()


def test_every_operation_has_an_id_of_its_own_and_says_how_it_fails(document: dict[str, Any]) -> None:
    operations = [
        operation
        for resource in document["paths"].values()
        for method, operation in resource.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    for operation in operations:
        assert {"421", "500", "503"} <= operation["responses"].keys()


def test_examples_of_the_document_are_requests_that_work(server: Server, document: dict[str, Any]) -> None:
    for process in ("echo", "hello_world"):
        body = document["paths"][f"/processes/{process}/execution"]["post"]["requestBody"]
        example = body["content"]["application/json"]["schema"]["example"]
        assert server.post(f"/processes/{process}/execution", json=example).status_code == 200


def _asked(document: dict[str, Any], job_id: str, schedule_id: str) -> dict[str, Any]:
    """Return the document with two cheap processes only, and ids that there are beside those there are not."""
    known = {"processID": "echo", "jobID": job_id, "outputID": "stringInput", "scheduleID": schedule_id}
    for name, value in known.items():
        parameter = document["components"]["parameters"][name]
        parameter["schema"] = {"anyOf": [{"type": "string", "enum": [value]}, parameter["schema"]]}
    kept = ("/processes/only_sync/execution", "/processes/several/execution")
    paths = document["paths"]
    for path in [path for path in paths if re.fullmatch(r"/processes/[^{/]+/execution", path) and path not in kept]:
        del paths[path]
    # Streams until the job has ended; looked at in the tests of documents.
    del paths["/jobs/{jobID}/events"]
    return document


def test_whatever_schemathesis_sends_is_answered_as_the_document_says(server: Server, echoed: dict) -> None:
    yearly = {"inputs": {"stringInput": "x"}, "schedule": {"cron": "0 0 1 1 *"}}
    schedule = server.post("/processes/echo/schedule", json=yearly)
    document = _asked(server.get("/openapi").json(), echoed["jobID"], schedule.json()["scheduleID"])
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url)
    schema.config.output.sanitization.update(enabled=False)
    failures: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
        for mode in modes:
            strategy = operation.as_strategy(generation_mode=mode)

            @seed(20260131)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy)
            def ask(case: schemathesis.Case) -> None:
                response = case.call(timeout=60)
                case.validate_response(response, checks=CHECKS)

            try:
                ask()
            except Unsatisfiable:
                continue  # nothing can be wrong where nothing is taken
            except Exception as error:  # noqa: BLE001  # whatever the check finds is told with its request
                failures.append(f"{operation.label} ({mode.name}): {error}")
    assert not failures, "\n\n".join(failures)
