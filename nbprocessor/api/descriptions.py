"""A process as its description is published: in one language, and with nothing the standard's schemas do not know."""

from typing import Any

from nbprocessor.language import localise
from nbprocessor.model import Json
from nbprocessor.model.process import Process
from nbprocessor.notebook.describe import description


def published(process: Process, language: str) -> dict[str, Json]:
    """Return the process description (OGC 18-062r2, process.yaml).

    Extensions of a schema (``x-kommonitor: indicator``) become metadata of the input or output: schema.yaml allows no
    members of its own, and clients that check it would refuse the whole process.
    """
    document: dict[str, Any] = localise(description(process), language)
    for field in (*document["inputs"].values(), *document["outputs"].values()):
        extensions = _taken_out(field["schema"])
        if extensions:
            field["metadata"] = [*field.get("metadata", []), *extensions]
    return document


def _taken_out(schema: Json) -> list[dict[str, str]]:
    """Take the extensions out of a schema, at all levels, and return them as metadata."""
    if not isinstance(schema, dict):
        return []
    found = [{"role": key, "title": str(schema.pop(key))} for key in list(schema) if key.startswith("x-")]
    parts = [schema.get(key) for key in ("items", "not", "additionalProperties")]
    parts += [part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key) or []]
    parts += (schema.get("properties") or {}).values()
    return found + [extension for part in parts for extension in _taken_out(part)]
