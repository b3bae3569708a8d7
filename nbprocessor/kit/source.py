"""Where data comes from and results go: the contract of a source. A notebook opens one with `sources.open_source`.

A source is written by subclassing `Source` and giving it the ``read_…``, ``known``, ``address`` and ``put`` methods,
and `prefetch` where reading takes long; everything a notebook calls is here and the same for all sources. Two exist:
`folder` (local files) and `datamanagement` (KomMonitor's API).
"""

import difflib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import geopandas as gpd
import pandas as pd

from nbprocessor.errors import DataError, InvalidData, ResourceNotFound
from nbprocessor.kit import lifespans, wording
from nbprocessor.kit.resources import Georesource, Indicator, Overview, Receipt, SpatialUnit
from nbprocessor.kit.timeseries import time_series

Kind = Literal["indicator", "spatial unit", "georesource"]
T = TypeVar("T")


class Source(ABC):
    """Contract and common part of every source. Reads each resource at most once, whichever thread asks first."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, ...], Any] = {}
        self._reading: dict[tuple[str, ...], threading.Lock] = {}
        self.on_failure: Callable[[Kind, str, Exception], None] | None = None
        """Called with kind, id and error when a dataset cannot be had or used, which ends the run; see `tell`."""

    # ------------------------------------------------------------ for notebooks

    def indicator(self, indicator_id: str) -> Indicator:
        """Return an indicator by its id.

        Raises:
            ResourceNotFound: there is none; the sentence lists similar ids.
        """
        overview = self._required("indicator", indicator_id, self.read_indicator)
        units = [entry["spatialUnitId"] for entry in overview.get("applicableSpatialUnits") or ()]
        return Indicator(
            id=indicator_id,
            name=overview.get("indicatorName") or indicator_id,
            unit=overview.get("unit") or "",
            dates=sorted(overview.get("applicableDates") or ()),
            spatial_units=units,
            overview=overview,
            source=self,
        )

    def spatial_unit(self, unit_id: str) -> SpatialUnit:
        """Return a spatial unit by its id.

        Raises:
            ResourceNotFound: there is none; the sentence lists similar ids.
        """
        overview = self._once(("spatial unit", unit_id), lambda: self.read_spatial_unit(unit_id))
        return SpatialUnit(unit_id, overview.get("spatialUnitLevel") or unit_id, overview)

    def georesource(self, georesource_id: str | None, *, given_as: str = "") -> Georesource:
        """Return a georesource by its id.

        Args:
            georesource_id: its id.
            given_as: the inputs that may name it, where there are several; told when it is empty.

        Raises:
            ResourceNotFound: there is none; the sentence lists similar ids.
        """
        if given_as and not georesource_id:
            de = f"Es ist keine Georessource angegeben; nötig ist eine der Eingaben {given_as}."
            en = f"No georesource is named; one of the inputs {given_as} has to be given."
            fault = ResourceNotFound("georesource", None, wording.choose(de, en))
            self.tell("georesource", "", fault)
            raise fault
        georesource_id = georesource_id or ""
        overview = self._required("georesource", georesource_id, self.read_georesource)
        return Georesource(georesource_id, overview.get("datasetName") or georesource_id, overview, self)

    def areas(self, unit: str, on: str | None = None) -> gpd.GeoDataFrame:
        """Return the areas of a spatial unit in WGS84, one row per ID, with ``NAME`` and ``geometry``.

        Args:
            unit: id of the spatial unit.
            on: only areas that exist on this day (ISO date); None: the newest shape of every area there ever was.

        Raises:
            DataError: the areas cannot be read.
        """
        every = self.areas_of_all_times(unit)
        chosen = every if on is None else lifespans.alive(every, on)
        return lifespans.latest(chosen).set_index("ID").copy()

    def areas_of_all_times(self, unit: str) -> gpd.GeoDataFrame:
        """Return the areas of a spatial unit, one row per ID and period of validity; not to be changed by who gets it.

        Raises:
            DataError: the areas cannot be read.
        """
        return self._once(("areas", unit), lambda: self.read_areas(unit))

    def time_series(self, indicator_id: str, unit: str) -> pd.DataFrame:
        """Return what `Indicator.values` returns, all dates; called by it, not to be changed by who gets it."""
        return self._once(("time series", indicator_id, unit), lambda: self.read_time_series(indicator_id, unit))

    def features(self, georesource_id: str, on: str | None = None) -> gpd.GeoDataFrame:
        """Return what `Georesource.features` returns; called by it."""
        every = self.features_of_all_times(georesource_id)
        return (every if on is None else lifespans.alive(every, on)).copy()

    def features_of_all_times(self, georesource_id: str) -> gpd.GeoDataFrame:
        """Return the features of all times; not to be changed by who gets it.

        Raises:
            DataError: the features cannot be read.
        """
        return self._once(("features", georesource_id), lambda: self.read_features(georesource_id))

    def prefetch(  # noqa: B027 - not abstract: a source that reads quickly has nothing to do here
        self, units: Sequence[str], inputs: Sequence[Indicator | Georesource]
    ) -> None:
        """Begin to read what computing ``units`` from ``inputs`` takes; called before a loop over spatial units.

        Returns at once. What cannot be read is told by the method that asks for it.
        """

    def write(
        self, indicator: Indicator, unit: str, frame: pd.DataFrame, existing: pd.DataFrame | None = None
    ) -> Receipt:
        """Store computed values of an indicator: existing dates are replaced, areas that are not in ``frame`` stay.

        Args:
            indicator: the target.
            unit: id of the spatial unit.
            frame: rows are area IDs, columns ISO dates; NaN is stored as "no data".
            existing: which pairs of area and date are written (bool); what is stored of the others stays. None: all.

        Raises:
            DataError: the source did not accept the values.
        """
        body = time_series(frame, self.spatial_unit(unit).name, indicator.access(unit), existing)
        body = self.addressed(indicator, body)
        resource = self.put(indicator, unit, body)
        self._read.pop(("time series", indicator.id, unit), None)
        self._read.pop(("indicator", indicator.id), None)
        return Receipt(resource, body)

    # -------------------------------------------------------- what a source does

    @abstractmethod
    def read_indicator(self, indicator_id: str) -> Overview:
        """Return an IndicatorOverview, complete with dates and spatial units; called once by `indicator`."""

    @abstractmethod
    def read_spatial_unit(self, unit_id: str) -> Overview:
        """Return a SpatialUnitOverview; called once by `spatial_unit`."""

    @abstractmethod
    def read_georesource(self, georesource_id: str) -> Overview:
        """Return a GeoresourceOverview; called once by `georesource`."""

    @abstractmethod
    def read_areas(self, unit_id: str) -> gpd.GeoDataFrame:
        """Return the areas of all times in WGS84, with ``ID``, ``NAME`` and lifespans; called once by `areas`."""

    @abstractmethod
    def read_features(self, georesource_id: str) -> gpd.GeoDataFrame:
        """Return the features of all times in WGS84 with their properties; called once by `features`."""

    @abstractmethod
    def read_time_series(self, indicator_id: str, unit_id: str) -> pd.DataFrame:
        """Return a float64 table, index ``ID``, columns ISO dates ascending; called once by `time_series`."""

    def addressed(self, indicator: Indicator, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - for sources
        """Return a PUT body as this source takes it; called by `write`, and what `put` is given."""
        return body

    @abstractmethod
    def put(self, indicator: Indicator, unit_id: str, body: dict[str, Any]) -> str:
        """Store a PUT body whole or not at all and return where its values are; called by `write`."""

    @abstractmethod
    def address(self, indicator_id: str, unit_id: str) -> str:
        """Return where the values of an indicator on a spatial unit are: a URL or a file."""

    @abstractmethod
    def known(self, kind: Kind) -> Sequence[str]:
        """Return the ids there are; called when one was asked for that is not there. May be empty."""

    # ------------------------------------------------------------- for sources

    def tell(self, kind: Kind, wanted: str, fault: Exception) -> None:
        """Tell `on_failure` of an error that is about to end the run."""
        if self.on_failure is not None:
            self.on_failure(kind, wanted, fault)

    def not_found(self, kind: Kind, wanted: str, status: int | None = None) -> ResourceNotFound:
        """Return the error for an id that is not there, with a sentence that lists similar ids."""
        known = sorted(self.known(kind))
        similar = difflib.get_close_matches(wanted, known, n=5, cutoff=0.5) or known[:10]
        hint = f" Similar: {', '.join(similar)}." if similar else ""
        message = f'There is no {kind} "{wanted}", or no permission to see it.{hint}'
        return ResourceNotFound(f"{kind} {wanted}", status, message)

    def expect_areas(self, unit: str, areas: Sequence[str], resource: str) -> None:
        """Refuse to write values of areas that a spatial unit does not have: they would be stored and never seen.

        Raises:
            InvalidData: there are such areas; the sentence names up to five.
            DataError: the areas of the unit cannot be read.
        """
        known = set(self.areas_of_all_times(unit)["ID"])
        if strange := [area for area in areas if area not in known]:
            raise InvalidData(resource, [f'"{area}" is no area of spatial unit {unit}' for area in strange[:5]])

    def _required(self, kind: Kind, wanted: str, read: Callable[[str], Overview]) -> Overview:
        try:
            return self._once((kind, wanted), lambda: read(wanted))
        except DataError as fault:
            self.tell(kind, wanted, fault)
            raise

    def _once(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        with self._reading.setdefault(key, threading.Lock()):
            if key not in self._read:
                self._read[key] = read()
            value: T = self._read[key]
            return value
