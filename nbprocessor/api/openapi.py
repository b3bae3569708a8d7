"""The OpenAPI 3.0 document: the ``.yml`` files beside this module, and one execute operation per process on offer."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from importlib import metadata, resources
from typing import Any

from ruamel.yaml import YAML

from nbprocessor.api.access import ACTIONS, PUBLIC
from nbprocessor.auth.policy import Action
from nbprocessor.config import Auth, Settings
from nbprocessor.language import localise, text
from nbprocessor.model import Json
from nbprocessor.model.process import Input, Process

MEDIA_TYPE = "application/vnd.oai.openapi+json;version=3.0"
_EXTRA_KEYWORDS = frozenset(
    {"contentMediaType", "contentEncoding", "contentSchema", "$defs", "$schema", "$id", "const", "examples"}
)
"""JSON Schema keywords that OpenAPI 3.0 does not have; process descriptions keep them, this document cannot."""


_NEVER_CACHED = frozenset({"/health", "/jobs/{jobID}/events", "/processes/{processID}/check"})


def openapi_document(settings: Settings, base_url: str, processes: Mapping[str, Process]) -> dict[str, Json]:
    """Return the document for the processes that somebody sees now, complete in itself."""
    language = settings.server.language
    document = deepcopy(_static("openapi.yml"))
    if settings.auth.on:
        _add_sign_in(document)
    document["info"] = {
        "title": settings.metadata.title,
        "description": settings.metadata.description,
        "version": metadata.version("nbprocessor"),
        "license": {"name": settings.metadata.license, "url": settings.metadata.license_url},
    }
    document["servers"] = [{"url": base_url}]
    for path, resource in document["paths"].items():
        for method in {"get", "post", "put", "patch", "delete"} & resource.keys():
            resource[method]["responses"] = _common_responses(method, path) | resource[method]["responses"]
    for process in processes.values():
        document["paths"][f"/processes/{process.id}/execution"] = {"post": _execute_operation(process, language)}
    if settings.auth.on:
        _secure(document, settings.auth)
    return document


def _add_sign_in(document: dict[str, Any]) -> None:
    """Add what there is only while sign-in is on."""
    more = deepcopy(_static("openapi_signin.yml"))
    document["paths"] |= more["paths"]
    for path, parameters in more["parameters"].items():
        operation = document["paths"][path]["get"]
        operation["parameters"] = [*operation.get("parameters", ()), *parameters]
    for kind, named in more["components"].items():
        document["components"][kind] |= named


def _secure(document: dict[str, Any], auth: Auth) -> None:
    """Say how to sign in, and for what it is needed."""
    document["components"]["securitySchemes"] = {
        "keycloak": {
            "type": "openIdConnect",
            "openIdConnectUrl": f"{auth.issuer_url}/.well-known/openid-configuration",
        },
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }
    document["security"] = [{"keycloak": []}, {"token": []}]
    for path, resource in document["paths"].items():
        action = ACTIONS.get(_route(path), Action.ADMINISTER)
        for method in {"get", "post", "put", "patch", "delete"} & resource.keys():
            operation = resource[method]
            operation["responses"]["401"] = {"$ref": "#/components/responses/NotSignedIn"}
            if action is PUBLIC:
                operation["security"] = []
                continue
            operation["responses"]["403"] = {"$ref": "#/components/responses/Refused"}
            if auth.public_processes and action is Action.LOOK:
                operation["security"] = [*document["security"], {}]


def _route(path: str) -> str:
    """Return the route that answers a path of the document."""
    if path.startswith("/processes/") and path.endswith("/execution"):
        return "/processes/{process_id}/execution"
    return path.replace("ID}", "_id}")


def _common_responses(method: str, path: str) -> dict[str, Json]:
    """Return the answers every operation may give (OGC 18-062r2, /req/oas30/completeness)."""
    faults = {"421": "Refused", "500": "ServerError", "503": "Unavailable"}
    if method != "get":
        faults["403"] = "Refused"
    elif path not in _NEVER_CACHED:
        faults["304"] = "NotModified"
    return _references(faults)


def _references(responses: Mapping[str, str]) -> dict[str, Json]:
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in responses.items()}


def _execute_operation(process: Process, language: str) -> dict[str, Json]:
    return {
        "tags": ["processes"],
        "operationId": f"execute_{process.id}",
        "summary": text(process.title, language),
        "description": text(process.description, language),
        "parameters": [{"$ref": "#/components/parameters/Prefer"}],
        "requestBody": {
            "required": bool([field for field in process.inputs.values() if field.min_occurs > 0]),
            "content": {"application/json": {"schema": _execute_schema(process, language)}},
        },
        "responses": deepcopy(_static("openapi.yml")["paths"]["/processes/{processID}/execution"]["post"]["responses"])
        | _common_responses("post", ""),
    }


def _execute_schema(process: Process, language: str) -> dict[str, Json]:
    inputs: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.id: _input_schema(field, language) for field in process.inputs.values()},
    }
    required = [field.id for field in process.inputs.values() if field.min_occurs > 0]
    if required:
        inputs["required"] = required
    outputs: dict[str, Any] = {
        "type": "object",
        "additionalProperties": {"$ref": "#/components/schemas/requestedOutput"},
    }
    if process.outputs:
        outputs = {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"$ref": "#/components/schemas/requestedOutput"} for name in process.outputs},
        }
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "inputs": inputs,
            "outputs": outputs,
            "response": {"type": "string", "enum": ["raw", "document"], "default": "raw"},
            "subscriber": {"$ref": "#/components/schemas/subscriber"},
        },
    }
    if required:
        schema["required"] = ["inputs"]
    if process.example:
        schema["example"] = localise(process.example, language)
    return schema


def _input_schema(field: Input, language: str) -> dict[str, Json]:
    schema: dict[str, Any] = _openapi_30(field.schema)
    if field.max_occurs != 1:
        several: dict[str, Any] = {"type": "array", "items": schema, "minItems": max(field.min_occurs, 1)}
        if isinstance(field.max_occurs, int):
            several["maxItems"] = field.max_occurs
        schema = several if field.min_occurs > 1 else {"oneOf": [schema, several]}
    if title := text(field.title, language):
        schema = {"title": title} | schema
    return schema


def _openapi_30(schema: Json) -> Json:
    """Leave out what OpenAPI 3.0's schema objects do not know; what remains accepts no less."""
    if isinstance(schema, Mapping):
        kept = {key: _openapi_30(value) for key, value in schema.items() if key not in _EXTRA_KEYWORDS}
        if "const" in schema:
            kept["enum"] = [schema["const"]]
        return kept
    if isinstance(schema, list | tuple):
        return [_openapi_30(item) for item in schema]
    return schema


@cache
def _static(file: str) -> dict[str, Json]:
    source = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    document: dict[str, Json] = YAML(typ="safe", pure=True).load(source)
    return document
