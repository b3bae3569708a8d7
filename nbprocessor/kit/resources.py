"""What a source hands out: indicators, spatial units, georesources, and receipts for what was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import geopandas as gpd

    from nbprocessor.kit.source import Source

Overview = Mapping[str, Any]
"""Metadata in the shape Data Management has it: IndicatorOverview, SpatialUnitOverview, GeoresourceOverview."""


@dataclass(frozen=True)
class Indicator:
    """An indicator: a number per area and date, on one or more spatial units."""

    id: str
    name: str
    unit: str
    """Unit of measurement: ``Anzahl``, ``%``."""
    dates: Sequence[str]
    """Dates that have values on any spatial unit: ISO dates, ascending."""
    spatial_units: Sequence[str]
    """Ids of the spatial units that have values."""
    overview: Overview = field(repr=False)
    source: "Source" = field(repr=False, compare=False)

    def values(self, unit: str, dates: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the values on a spatial unit: rows are area IDs, columns ISO dates, float64, NaN where there is none.

        A stored value that is infinite is none either; `Summary` notes it.

        Args:
            unit: id of the spatial unit.
            dates: which columns, in which order; a date without values is a column of NaN. None: all there are.

        Raises:
            ResourceNotFound: the indicator has no values on this spatial unit.
            InvalidData: the values cannot be used; the sentence names rows and columns.
        """
        table = self.source.time_series(self.id, unit)
        chosen = table if dates is None else table.reindex(columns=pd.Index(list(dates), dtype=table.columns.dtype))
        return chosen.where(np.isfinite(chosen))

    def access(self, unit: str) -> dict[str, Any]:
        """Return who may see the values on a spatial unit, as the body of a PUT has to repeat it.

        From the indicator's entry for this unit; from the indicator itself what that does not say, or null there.
        """
        entries = self.overview.get("applicableSpatialUnits") or ()
        entry: Mapping[str, Any] = next((entry for entry in entries if entry.get("spatialUnitId") == unit), {})
        keys = [
            key
            for key in ("permissions", "allowedRoles", "isPublic", "ownerId")
            if key in self.overview or key in entry
        ]
        return {key: self.overview.get(key) if entry.get(key) is None else entry[key] for key in keys}


@dataclass(frozen=True)
class SpatialUnit:
    """A division of the city into areas: districts, quarters."""

    id: str
    name: str
    """Its level's name, by which a PUT names the unit."""
    overview: Overview = field(repr=False)


@dataclass(frozen=True)
class Georesource:
    """Points, lines or areas in the city, each with its period of validity."""

    id: str
    name: str
    overview: Overview = field(repr=False)
    source: "Source" = field(repr=False, compare=False)

    def features(self, on: str | None = None) -> "gpd.GeoDataFrame":
        """Return the features that exist on a day (ISO date), or those of all times; WGS84, own properties as columns.

        Raises:
            DataError: the features cannot be read.
        """
        return self.source.features(self.id, on)


@dataclass(frozen=True)
class Receipt:
    """What a source has accepted."""

    resource: str
    """Where the values are now: a URL or a file."""
    body: Mapping[str, Any] = field(repr=False)
    """The PUT body: ``applicableSpatialUnit``, permissions, ``indicatorValues``."""
