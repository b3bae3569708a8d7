"""The OpenAPI document as a readable list of operations."""

from collections.abc import Iterator, Mapping
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web.schemas import summary
from nbprocessor.web.texts import translate
from nbprocessor.web.views import Page

_METHODS = ("get", "put", "post", "delete", "patch", "options", "head")


def view(page: Page) -> dict[str, Any]:
    """Group the operations by tag, in the document's order."""
    document = page.data
    info = _mapping(document.get("info"))
    text = translate(page.language)
    groups: dict[str, list[dict[str, Any]]] = {str(_mapping(tag).get("name")): [] for tag in document.get("tags") or ()}
    for tag, operation in _operations(document, page.language):
        groups.setdefault(tag or text("operations-of"), []).append(operation)
    described = {
        str(tag.get("name")): str(tag.get("description") or "") for tag in map(_mapping, document.get("tags") or ())
    }
    return {
        "api_title": str(info.get("title") or ""),
        "api_version": str(info.get("version") or ""),
        "api_description": str(info.get("description") or ""),
        "groups": [
            {"name": name, "description": described.get(name, ""), "operations": operations}
            for name, operations in groups.items()
            if operations
        ],
    }


def _operations(document: Mapping[str, Json], language: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, value in _mapping(document.get("paths")).items():
        item = _mapping(value)
        for method in _METHODS:
            operation = _mapping(item.get(method))
            if operation:
                shared = [*(item.get("parameters") or ()), *(operation.get("parameters") or ())]
                tag = next(iter(operation.get("tags") or ()), "")
                yield (
                    str(tag),
                    {
                        "method": method.upper(),
                        "path": path,
                        "summary": str(operation.get("summary") or ""),
                        "description": str(operation.get("description") or ""),
                        "parameters": [_parameter(document, parameter, language) for parameter in shared],
                        "bodies": sorted(_mapping(_resolved(document, operation.get("requestBody")).get("content"))),
                        "responses": [
                            _response(document, *pair) for pair in _mapping(operation.get("responses")).items()
                        ],
                    },
                )


def _parameter(document: Mapping[str, Json], value: Json, language: str) -> dict[str, Any]:
    parameter = _resolved(document, value)
    return {
        "name": str(parameter.get("name") or ""),
        "where": str(parameter.get("in") or ""),
        "required": bool(parameter.get("required")),
        "type": summary(_resolved(document, parameter.get("schema")), language),
        "description": str(parameter.get("description") or ""),
    }


def _response(document: Mapping[str, Json], status: str, value: Json) -> dict[str, Any]:
    response = _resolved(document, value)
    return {
        "status": str(status),
        "description": str(response.get("description") or ""),
        "types": ", ".join(sorted(_mapping(response.get("content")))),
    }


def _resolved(document: Mapping[str, Json], value: Json) -> Mapping[str, Json]:
    """Follow references within the document, a few steps at most."""
    found = _mapping(value)
    for _ in range(8):
        reference = found.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target: Json = document
        for part in reference[2:].split("/"):
            target = _mapping(target).get(part.replace("~1", "/").replace("~0", "~"))
        found = _mapping(target)
    return found


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
