"""The record of a run per spatial unit: what was written, what was missing, what could not be computed.

Holds spatial units apart: an input that cannot be read for one, or values that are not accepted for one, is an entry in
the summary and never costs another unit its result.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from nbprocessor.errors import DataError
from nbprocessor.kit import entries, indicators, lifespans, tables, telling, wording
from nbprocessor.kit.entries import Entry, ErrorType, ResourceType
from nbprocessor.kit.filters import EVERYTHING, Condition
from nbprocessor.kit.indicators import TargetDates
from nbprocessor.kit.resources import Georesource, Indicator, Receipt
from nbprocessor.kit.source import Source
from nbprocessor.kit.timeseries import LARGEST
from nbprocessor.kit.views import Table

Resource = Indicator | Georesource
_TYPES: Mapping[type, ResourceType] = {Indicator: "INDICATOR", Georesource: "GEORESOURCE"}
_CAUSES: Sequence[ErrorType] = (
    "dataManagementApiError", "missingDataset", "missingSpatialUnit", "missingSpatialUnitFeature", "missingTimestamp",
)  # fmt: skip
"""What keeps a spatial unit from being computed; the more it explains, the earlier."""


class Summary:
    """The record of a run; ``kit.output("jobSummary", summary)`` hands it over."""

    def __init__(self, source: Source, dates: Sequence[str]) -> None:
        self.source = source
        self.dates = dates
        self.entries: dict[str, Entry] = {}
        self.result_data: list[Mapping[str, Any]] = []
        """The PUT bodies that were accepted: the output ``resultData``."""
        self._existing: dict[str, pd.DataFrame] = {}
        self._computed: set[str] = set()
        self._unreadable: dict[str, DataError] = {}
        """Georesources that could not be read, by id: all units need them, and one attempt is enough."""
        self._inputs: dict[str, Sequence[Resource]] = {}

    def units(self, units: Sequence[str], inputs: Sequence[Resource], where: Condition = EVERYTHING) -> Iterator[str]:
        """Yield the ids of those spatial units that can be computed, one after the other, each once.

        Before a unit is yielded, everything it needs has been read, and what is missing is in the summary: dates and
        areas an input does not have, the whole unit, or an answer of the data source. What cannot be computed at all is
        left out. The loop's body therefore needs no error handling.

        Args:
            units: ids of the target spatial units.
            inputs: the indicators and georesources to be read.
            where: the condition the features of georesources have to satisfy; noted when none has its property.
        """
        chosen = list(dict.fromkeys(units))
        self.source.prefetch(chosen, inputs)
        for done, unit in enumerate(chosen):
            telling.progress(done, len(chosen), unit)
            if self.check_inputs(unit, inputs):
                if self.dates:
                    self._note_unknown_property(unit, inputs, where)
                yield unit

    def check_inputs(self, unit: str, inputs: Sequence[Resource]) -> bool:
        """Read what a spatial unit needs and note what is missing; tell whether it can be computed."""
        self.entries.setdefault(unit, Entry(unit))
        inputs = list({resource.id: resource for resource in inputs}.values())
        resource: Resource | str = unit
        lacking = [one for one in inputs if isinstance(one, Indicator) and unit not in one.spatial_units]
        self._note_missing_dates(unit, inputs)
        for one in lacking:
            text = f'Der Indikator "{one.name}" liegt auf dieser Raumebene nicht vor.'
            self.note(
                unit, "missingSpatialUnit", one,
                wording.choose(text, f'The indicator "{one.name}" is not available on this spatial unit.'),
            )  # fmt: skip
        if lacking:  # that explains it; whether there is such a spatial unit at all need not be asked
            return False
        try:
            self.source.spatial_unit(unit)
            areas = indicators.existing(self.source, unit, self.dates)
            if self.dates:
                self._note_areas(unit, areas)
            known = areas
            for resource in inputs:
                if isinstance(resource, Indicator):
                    rows = self.source.time_series(resource.id, unit).index
                    self._note_missing_areas(unit, resource, areas.index.difference(rows, sort=False))
                    known = known[known.index.isin(rows)]
                else:
                    self._note_features(unit, resource)
        except DataError as error:
            if isinstance(resource, Georesource):
                self._unreadable[resource.id] = error
            self.note_failure(unit, resource, error)
            return False
        self._existing[unit], self._inputs[unit] = known, inputs
        self._note_infinite(unit, inputs)
        return True

    def write(self, target: Indicator, results: Mapping[str, pd.DataFrame]) -> None:
        """Write each spatial unit's values to the target indicator, and note what became of them.

        Written are the areas that exist and have a row in every input, on the dates on which they exist: what is stored
        of others stays. Values that are not finite, or too large to be stored, are written as "no data".

        Args:
            target: the indicator to be computed.
            results: by the id of the spatial unit, rows area IDs, columns ISO dates.
        """
        for unit, frame in results.items():
            values = self.computed(unit, frame)
            if values.empty:
                continue
            self._computed.add(unit)
            try:
                self.wrote(unit, values, self.source.write(target, unit, values, self._existing[unit]))
            except DataError as error:
                self.note_failure(unit, target, error)

    def computed(self, unit: str, values: pd.DataFrame) -> pd.DataFrame:
        """Return what `write` writes of ``values``, without dates on which no area exists.

        Values that are infinite, or too large for what Data Management stores, are noted and become NaN.
        """
        existing = self._existing[unit]
        values = values.reindex(index=existing.index, columns=existing.columns).astype("float64")
        infinite, large = np.isinf(values), values.abs() > LARGEST
        text = "Das Ergebnis ist keine endliche Zahl.", "The result is not a finite number."
        self.note_where(unit, self._inputs[unit][0], infinite, wording.choose(*text))
        text = "Das Ergebnis ist zu groß, um gespeichert zu werden.", "The result is too large to be stored."
        self.note_where(unit, self._inputs[unit][0], large & ~infinite, wording.choose(*text))
        return values.where(existing & ~large).loc[:, existing.any(axis=0)]

    def wrote(self, unit: str, values: pd.DataFrame, receipt: Receipt) -> None:
        """Note that the source has accepted the values of a spatial unit."""
        entry = self.entries.setdefault(unit, Entry(unit))
        entry.resource, entry.features = receipt.resource, len(values)
        entry.dates = [str(day) for day in values.columns]
        self.result_data.append(receipt.body)

    def note(
        self, unit: str, kind: ErrorType, resource: Resource | str, text: str,
        dates: Sequence[str] = (), areas: Sequence[str] = (), status: int | None = None,
    ) -> None:  # fmt: skip
        """Note something about a spatial unit.

        Args:
            unit: its id.
            kind: the type of the entry.
            resource: the dataset it is about; the id of a spatial unit is text.
            text: a sentence for people.
            dates: points in time it is about.
            areas: IDs of the areas it is about.
            status: HTTP status of the data source's answer, when it gave one.
        """
        kind_of: ResourceType = "SPATIAL_UNIT" if isinstance(resource, str) else _TYPES[type(resource)]
        dataset = resource if isinstance(resource, str) else resource.id
        entry = self.entries.setdefault(unit, Entry(unit))
        entry.errors.append(entries.error(kind, kind_of, dataset, text, dates, areas, status))

    def note_where(self, unit: str, resource: Resource, where: pd.DataFrame, text: str) -> None:
        """Note a processing error for every area and date at which ``where`` (bool) is true and the area exists."""
        if unit in self._existing:
            existing = self._existing[unit]
            where = where.reindex(index=existing.index, columns=existing.columns, fill_value=False) & existing
        for row, column in zip(*np.nonzero(where.to_numpy()), strict=True):
            self.note(unit, "processingError", resource, text, [where.columns[column]], [where.index[row]])

    def note_zero_division(self, unit: str, resource: Resource, divisor: pd.DataFrame) -> None:
        """Note a processing error for every area and date at which the divisor is 0."""
        text = f'"{resource.name}" ist 0; durch 0 lässt sich nicht teilen.'
        self.note_where(
            unit, resource, divisor == 0, wording.choose(text, f'"{resource.name}" is 0; one cannot divide by it.')
        )

    def note_not_after(self, unit: str, resource: Resource, reference_date: str) -> None:
        """Note a processing error for every area and each date that is not later than the reference date."""
        existing = self._existing[unit]
        early = existing & [day <= reference_date for day in existing.columns]
        text = f"Der Zeitpunkt liegt nicht nach dem Referenz-Zeitpunkt {reference_date}."
        other = f"The date is not later than the reference date {reference_date}."
        self.note_where(unit, resource, early, wording.choose(text, other))

    def note_empty(self, unit: str, resource: Resource, values: pd.DataFrame) -> None:
        """Note a processing error for every area and date without a value: there is nothing to compute it from."""
        text = f'In "{resource.name}" gibt es hier nichts, woraus sich ein Wert berechnen ließe.'
        other = f'There is nothing here in "{resource.name}" to compute a value from.'
        self.note_where(unit, resource, values.isna(), wording.choose(text, other))

    def note_failure(self, unit: str, resource: Resource | str, error: DataError) -> None:
        """Note that the data source failed; whatever was written of this unit counts as not written."""
        entry = self.entries.setdefault(unit, Entry(unit))
        entry.resource, entry.features, entry.dates = None, None, ()
        self.note(unit, "dataManagementApiError", resource, str(error), status=getattr(error, "status", None))

    def expect_results(self) -> None:
        """End the run as failed when there was something to compute and no spatial unit could be computed.

        What was computed and not accepted is no reason: the job summary tells that.

        Raises:
            DataError: no unit could be; the sentence tells why the first could not.
        """
        if not self.dates or self._computed or self.result_data or not self.entries:
            return
        reasons = [error for entry in self.entries.values() for error in entry.errors if error["type"] in _CAUSES]
        first = min(reasons, key=lambda error: _CAUSES.index(error["type"]), default=None)
        text = wording.choose("Für keine Raumebene gibt es ein Ergebnis.", "There is no result for any spatial unit.")
        if first is None:
            raise DataError(text)
        raise DataError(f"{text} {first['errorMessage']}", resource=first["affectedDatasetId"])

    def to_output(self) -> list[dict[str, Any]]:
        """Return the job summary: an entry per target spatial unit, in their order."""
        return [entry.to_output() for entry in self.entries.values()]

    def to_preview(self) -> Table:
        """Return what the executed notebook shows of the summary."""
        return tables.job_summary(list(self.entries.values()))

    def _note_missing_dates(self, unit: str, inputs: Sequence[Resource]) -> None:
        missing = self.dates.missing if isinstance(self.dates, TargetDates) else {}
        for resource in inputs:
            if dates := missing.get(resource.id):
                self.note(unit, "missingTimestamp", resource, _no_values(resource), dates)

    def _note_missing_areas(self, unit: str, indicator: Indicator, areas: Sequence[str]) -> None:
        if len(areas):
            text = f'Der Indikator "{indicator.name}" hat für diese Gebiete keine Werte.'
            other = f'The indicator "{indicator.name}" has no values for these areas.'
            self.note(unit, "missingSpatialUnitFeature", indicator, wording.choose(text, other), areas=areas)

    def _note_infinite(self, unit: str, inputs: Sequence[Resource]) -> None:
        """Note stored values that are infinite: `Indicator.values` has a gap in their place."""
        text = "Der gespeicherte Wert ist keine endliche Zahl; er gilt als fehlend."
        other = "The stored value is not a finite number; it counts as missing."
        for resource in inputs if self.dates else ():
            if isinstance(resource, Indicator):
                values = self.source.time_series(resource.id, unit)
                values = values[values.index.isin(self._existing[unit].index)]
                for row, column in zip(*np.nonzero(np.isinf(values.to_numpy())), strict=True):
                    where = [values.columns[column]], [values.index[row]]
                    self.note(unit, "processingError", resource, wording.choose(text, other), *where)

    def _note_features(self, unit: str, georesource: Georesource) -> None:
        if georesource.id in self._unreadable:
            raise self._unreadable[georesource.id].with_traceback(None)
        features = self.source.features_of_all_times(georesource.id)
        if not self.dates:
            return
        alive = lifespans.alive_on(features, self.dates).any(axis=0)
        if not alive.all():
            dates = [day for day, some in zip(self.dates, alive, strict=True) if not some]
            self.note(unit, "missingTimestamp", georesource, _no_values(georesource), dates)
        areas = self.source.areas_of_all_times(unit)
        if mended := _names(areas, _invalid(areas)):
            text = "Die Geometrie dieser Gebiete ist ungültig; gerechnet wurde mit der reparierten (make_valid)."
            other = "The geometry of these areas is invalid; computed with the mended one (make_valid)."
            self.note(unit, "processingError", unit, wording.choose(text, other), self.dates, mended)
        if listed := _listed(invalid := _names(features, _invalid(features))):
            text = f"Die Geometrie von {len(invalid)} Objekten ist ungültig und wurde repariert: {listed}"
            other = f"The geometry of {len(invalid)} features is invalid and was mended: {listed}"
            self.note(unit, "processingError", georesource, wording.choose(text, other), self.dates)
        if listed := _listed(undated := _names(features, lifespans.unreadable(features))):
            text = f"Der Gültigkeitszeitraum von {len(undated)} Objekten ist nicht lesbar und gilt als offen: {listed}"
            other = f"The period of validity of {len(undated)} features cannot be read and counts as open: {listed}"
            self.note(unit, "processingError", georesource, wording.choose(text, other), self.dates)

    def _note_unknown_property(self, unit: str, inputs: Sequence[Resource], where: Condition) -> None:
        for resource in inputs:
            if isinstance(resource, Georesource) and not where.applies(self.source.features_of_all_times(resource.id)):
                text = f'Kein Objekt in "{resource.name}" hat die Eigenschaft "{where.prop}"; der Filter trifft keines.'
                other = f'No feature of "{resource.name}" has the property "{where.prop}"; the filter matches none.'
                self.note(unit, "processingError", resource, wording.choose(text, other), self.dates)

    def _note_areas(self, unit: str, existing: pd.DataFrame) -> None:
        if dates := [day for day, some in existing.any(axis=0).items() if not some]:
            text = "Zu diesen Zeitpunkten gibt es auf der Raumebene kein Gebiet."
            other = "On these dates the spatial unit has no areas."
            self.note(unit, "missingTimestamp", unit, wording.choose(text, other), dates)
        areas = self.source.areas_of_all_times(unit)
        if undated := _names(areas, lifespans.unreadable(areas)):
            text = "Der Gültigkeitszeitraum dieser Gebiete ist nicht lesbar; er gilt als offen."
            other = "The period of validity of these areas cannot be read; it counts as open."
            self.note(unit, "processingError", unit, wording.choose(text, other), self.dates, undated)
        if areas["ID"].is_unique:
            return
        spare = lifespans.alive_on(areas, self.dates) & ~lifespans.effective_on(areas, self.dates)
        if twice := _names(areas, spare.any(axis=1)):
            dates = [day for day, some in zip(self.dates, spare.any(axis=0), strict=True) if some]
            text = "Diese Gebiete gibt es an einem Tag mehrfach; gerechnet wurde mit dem, das zuletzt begann."
            other = "These areas exist several times on one day; computed with the one that began last."
            self.note(unit, "processingError", unit, wording.choose(text, other), dates, twice)


def _invalid(features: gpd.GeoDataFrame) -> np.ndarray:
    wrong: np.ndarray = (~features.geometry.is_valid & features.geometry.notna()).to_numpy(dtype=bool)
    return wrong


def _names(features: gpd.GeoDataFrame, which: np.ndarray) -> list[str]:
    """Return the IDs of some features; their row, counted from 1, where they have no ID."""
    names = features["ID"].to_numpy() if "ID" in features.columns else np.arange(1, len(features) + 1)
    return [str(name) for name in dict.fromkeys(names[which])]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")


def _no_values(resource: Resource) -> str:
    return wording.choose(
        f'"{resource.name}" liegt zu diesen Zeitpunkten nicht vor.',
        f'"{resource.name}" is not available at these dates.',
    )
