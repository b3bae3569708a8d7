"""Entries of a job summary: what is known of one spatial unit, in the form KomMonitor has given it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nbprocessor.errors import DataError, ResourceNotFound
from nbprocessor.kit import outputs

SUMMARY = "jobSummary"
"""Id of the output."""
ErrorType = Literal[
    "missingTimestamp", "missingDataset", "missingSpatialUnit", "missingSpatialUnitFeature", "dataManagementApiError",
    "processingError",
]  # fmt: skip
ResourceType = Literal["INDICATOR", "GEORESOURCE", "SPATIAL_UNIT"]


@dataclass(slots=True)
class Entry:
    """What is known of one spatial unit."""

    unit: str
    resource: str | None = None
    features: int | None = None
    dates: Sequence[str] = ()
    errors: list[dict[str, Any]] = field(default_factory=list)

    def to_output(self) -> dict[str, Any]:
        """Return the entry as clients read it."""
        return {
            "spatialUnitId": self.unit,
            "modifiedResource": self.resource,
            "numberOfIntegratedIndicatorFeatures": self.features,
            "integratedTargetDates": list(self.dates),
            "errorsOccurred": self.errors,
        }


def error(
    kind: ErrorType, resource_type: ResourceType, dataset: str, text: str,
    dates: Sequence[str] = (), areas: Sequence[str] = (), status: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return an error of an entry; ``status`` is that of the data source's answer, when it gave one."""
    document: dict[str, Any] = {
        "type": kind,
        "affectedResourceType": resource_type,
        "affectedDatasetId": dataset,
        "affectedTimestamps": [str(day) for day in dates],
        "affectedSpatialUnitFeatures": [str(area) for area in areas],
        "errorMessage": text,
    }
    return document if status is None else {**document, "dataManagementApiErrorCode": status}


def hand_over_failure(unit: str, resource_type: ResourceType, dataset: str, fault: Exception) -> None:
    """Hand over a job summary that only says which dataset cannot be had or used; the run ends after that."""
    status = getattr(fault, "status", None)
    unknown = isinstance(fault, ResourceNotFound) and status in (None, 404)
    other: ErrorType = "dataManagementApiError" if isinstance(fault, DataError) else "processingError"
    kind: ErrorType = "missingDataset" if unknown else other
    entry = Entry(unit, errors=[error(kind, resource_type, dataset, str(fault), status=status)])
    outputs.output(SUMMARY, [entry.to_output()])
