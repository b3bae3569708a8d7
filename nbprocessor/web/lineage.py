"""The data lineage of a run, as a report shows it: what was asked of Data Management, and what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbprocessor.model import Json
from nbprocessor.web import formats

MAX_ROWS = 100
DIGEST = 12
"""Characters of a digest that are shown; the whole is in the manifest."""


@dataclass(frozen=True, slots=True)
class Row:
    """One request."""

    request: str
    status: str
    size: str
    digest: str
    duration: str
    note: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The first requests of a run, and how many more there were."""

    rows: Sequence[Row] = ()
    more: int = 0


def lineage(run: Mapping[str, Json], language: str) -> Lineage:
    """Return what a manifest's ``data`` and ``data_left_out`` tell; nothing where they are not known."""
    data = run.get("data") or ()
    left_out = int(run.get("data_left_out") or 0)
    rows = [_row(request, language) for request in data[:MAX_ROWS]]
    return Lineage(rows, left_out + len(data) - len(rows))


def _row(request: Mapping[str, Json], language: str) -> Row:
    sent = bool(request["sent_bytes"])
    return Row(
        request=f"{request['method']} {request['path']}",
        status=str(request["status"] or "–"),
        size=formats.size(request["sent_bytes"] if sent else request["bytes"], language),
        digest=str(request["sent_sha256"] if sent else request["sha256"])[:DIGEST],
        duration=formats.duration(request["seconds"], language),
        note=str(request["problem"]),
    )
