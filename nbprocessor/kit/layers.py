"""Results as a map layer: areas with their values, one property per date."""

import re
from collections.abc import Mapping

import geopandas as gpd
import pandas as pd

from nbprocessor.kit.source import Source
from nbprocessor.kit.timeseries import LARGEST

UNIT = "spatialUnitId"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def result_layer(source: Source, results: Mapping[str, pd.DataFrame]) -> gpd.GeoDataFrame:
    """Return the areas of all computed spatial units with their values, in WGS84.

    Rows are areas, index ``ID``; columns are ``spatialUnitId``, ``NAME``, a column per ISO date and ``geometry``. An
    area that was not computed is there, without values; so are values that cannot be stored (see `usable`).

    Args:
        source: where the areas come from.
        results: by the id of the spatial unit, rows area IDs, columns ISO dates.

    Raises:
        DataError: the areas cannot be read.
    """
    layers = []
    for unit, values in results.items():
        areas = source.areas(unit)
        table = pd.concat([areas[["NAME"]], usable(values.reindex(areas.index))], axis=1)
        table.insert(0, UNIT, unit)
        layers.append(gpd.GeoDataFrame(table, geometry=areas.geometry.to_numpy(), crs=areas.crs))
    if not layers:
        return gpd.GeoDataFrame({UNIT: [], "NAME": []}, geometry=[], crs="EPSG:4326").rename_axis("ID")
    return gpd.GeoDataFrame(pd.concat(layers), geometry="geometry", crs=layers[0].crs).rename_axis("ID")


def first_unit(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the part of a result layer that belongs to its first spatial unit."""
    return layer if layer.empty else layer[layer[UNIT] == layer[UNIT].iloc[0]]


def of_first_unit(layer: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the values of the first spatial unit: rows are area IDs, columns ISO dates, ascending."""
    return usable(pd.DataFrame(first_unit(layer)[dates(layer)]))


def usable(values: pd.DataFrame) -> pd.DataFrame:
    """Return values as float64, NaN in place of those that are infinite or larger than Data Management stores."""
    numbers = values.astype("float64")
    return numbers.where(numbers.abs() <= LARGEST)


def dates(layer: gpd.GeoDataFrame) -> list[str]:
    """Return the dates a result layer has values of, ascending."""
    return sorted(column for column in layer.columns if _DATE.fullmatch(str(column)))
