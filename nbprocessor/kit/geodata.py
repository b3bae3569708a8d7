"""Geodata files as frames: WGS84, an ``ID`` that is text, dates in ISO 8601, whatever the format of the file."""

import logging
import threading
import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from nbprocessor.errors import DataError, InvalidData
from nbprocessor.kit.geojson import WGS84

EXTENSIONS = (".geojson", ".gpkg", ".parquet")
"""Files that can be read: GeoJSON, GeoPackage, GeoParquet."""
NAMED = 5
"""How many rows a sentence names; a person mends the first and sees the pattern."""

_log = logging.getLogger(__name__)
_reading = threading.Lock()
"""Warnings are caught for the whole process, so files are read one at a time."""


def read(path: Path, resource: str) -> gpd.GeoDataFrame:
    """Return the features of a file in WGS84: properties as columns, ``geometry`` last.

    Files of any size are read as a stream (GDAL); the memory taken is that of the frame. A file that does not say its
    coordinate reference system is taken as longitude and latitude. Days become text like ``2020-12-31``, as in GeoJSON,
    so a property means the same in every format. Invalid shapes (self-intersections) are kept as they are.

    Raises:
        DataError: the file is Parquet and the package that reads it is not installed.
        InvalidData: it is no whole file of its format, has no geometries, or has shapes that are none; ``resource`` is
            what the sentence calls it.
    """
    try:
        frame = _read_parquet(path) if path.suffix == ".parquet" else _read_by_gdal(path, resource)
    except ImportError as error:
        mend = "pip install nbprocessor[parquet]"
        text = f"{resource}: reading Parquet needs the package pyarrow; {mend}"
        raise DataError(text, resource=resource) from error
    except (OSError, ValueError, RuntimeError) as error:  # pyogrio's and pyproj's errors are RuntimeErrors
        raise InvalidData(resource, [f"cannot be read as geodata: {_why(error, path)}"]) from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        raise InvalidData(resource, ["has no geometries"])
    if frame.crs is None:
        frame = frame.set_crs(WGS84)
    if frame.active_geometry_name != "geometry":
        frame = frame.rename_geometry("geometry")
    return _with_dates_as_text(frame.to_crs(WGS84))


def areas(features: gpd.GeoDataFrame, resource: str) -> gpd.GeoDataFrame:
    """Return the features of a spatial unit as areas: IDs as text, and the ID as ``NAME`` of those that have none.

    An ID may occur once per period of validity. Where it occurs more often, `lifespans.effective_on` tells which row
    counts.

    Raises:
        InvalidData: there is no property ``ID``, or rows without one; the sentence names them.
    """
    if features.empty:
        return empty("ID", "NAME")
    if "ID" not in features.columns:
        raise InvalidData(resource, ["the areas have no property ID"])
    known = ids(features["ID"].tolist(), resource)
    names = features["NAME"].tolist() if "NAME" in features.columns else [None] * len(known)
    texts = [area if _is_nothing(name) else name for area, name in zip(known, names, strict=True)]
    return features.assign(ID=known, NAME=texts)


def ids(values: Sequence[Any], resource: str) -> list[str]:
    """Return area IDs as text, ``1`` and ``1.0`` as ``"1"``.

    Raises:
        InvalidData: a row has none; the sentence names up to five rows, counted from 1.
    """
    text = [_id(value) for value in values]
    if nameless := [row for row, value in enumerate(text, start=1) if not value]:
        rows = ", ".join(map(str, nameless[:NAMED])) + (" …" if len(nameless) > NAMED else "")
        raise InvalidData(resource, [f"{len(nameless)} of {len(text)} rows have no ID (row {rows})"])
    return text


def empty(*columns: str) -> gpd.GeoDataFrame:
    """Return a frame without features, with these properties as text."""
    properties = {column: pd.Series(dtype=str) for column in columns}
    return gpd.GeoDataFrame(properties, geometry=gpd.GeoSeries([], crs=WGS84), crs=WGS84)


def _why(error: Exception, path: Path) -> str:
    """Return the reason without GDAL's advice and the file's place, which means nothing when it is a temporary one."""
    text = str(error).replace(f"'{path}'", "the file").replace(str(path), "the file")
    return text.partition("; It might help")[0].rstrip(";.") or type(error).__name__


def _is_nothing(value: object) -> bool:
    return value is None or value is pd.NA or value == "" or (isinstance(value, float) and bool(np.isnan(value)))


def _id(value: object) -> str:
    if _is_nothing(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _read_parquet(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(path)


def _read_by_gdal(path: Path, resource: str) -> gpd.GeoDataFrame:
    options: dict[str, Any] = {"DATE_AS_STRING": "YES"}
    if path.suffix == ".gpkg":
        options = {"layer": _layer(path)}
    elif not _begins_as_json(path):  # GDAL goes by content, and other formats may name files and addresses to read
        raise ValueError("it is no JSON object")
    with _reading, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            frame = gpd.read_file(path, **options)
        except shapely.errors.GEOSException as error:
            shapeless = gpd.read_file(path, on_invalid="ignore", **options)
            raise InvalidData(resource, _without_shape(shapeless) or [str(error)]) from error
    for warning in told:
        _log.info("GDAL remarked on a file resource=%s remark=%s", resource, warning.message)
    return frame


def _layer(path: Path) -> str:
    """Return the only layer, or the one that is called as the file is."""
    layers = [str(name) for name in gpd.list_layers(path)["name"]]
    if len(layers) > 1 and path.stem not in layers:
        raise ValueError(f"it has several layers ({', '.join(layers)}) and none is called {path.stem}")
    return layers[0] if len(layers) == 1 else path.stem


def _begins_as_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _without_shape(features: gpd.GeoDataFrame) -> list[str]:
    names = features["ID"].tolist() if "ID" in features.columns else list(range(1, len(features) + 1))
    shapeless = [name for name, shape in zip(names, features.geometry, strict=True) if shape is None]
    return [f'the geometry of "{name}" is no shape: a ring is not closed or too short' for name in shapeless[:NAMED]]


def _with_dates_as_text(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    dated = {}
    for column in frame.columns.drop("geometry"):
        values = frame[column]
        if pd.api.types.is_datetime64_any_dtype(values):
            days = values.dropna()
            form = "%Y-%m-%d" if (days == days.dt.normalize()).all() else "%Y-%m-%dT%H:%M:%S"
            dated[column] = values.dt.strftime(form).astype(object).where(values.notna(), None)
        elif values.dtype == object and any(isinstance(value, date) for value in values):
            dated[column] = [value.isoformat() if isinstance(value, date) else value for value in values]
    return frame.assign(**dated) if dated else frame
