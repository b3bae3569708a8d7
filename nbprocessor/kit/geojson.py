"""Geodata as GeoJSON after RFC 7946: WGS84 longitude and latitude, right-handed rings, dates in ISO 8601."""

import json
from typing import Any

import geopandas as gpd
import shapely

from nbprocessor.kit.jsonvalues import Value, dump_json, plain

WGS84 = "EPSG:4326"


def dump(value: Value) -> bytes:
    """Return a GeoDataFrame or GeoSeries as a FeatureCollection, a shapely geometry as the geometry it is.

    Properties are the frame's other columns; an index with a name is the features' ``id`` and a property too.

    Raises:
        ValueError: the frame has no coordinate reference system, so nobody can tell where it lies. A bare
            geometry has none either and is taken as longitude and latitude.
    """
    if isinstance(value, shapely.Geometry):
        return str(shapely.to_geojson(shapely.orient_polygons(value))).encode()
    frame = value.to_frame("geometry") if isinstance(value, gpd.GeoSeries) else value
    if frame.crs is None:
        raise ValueError('the GeoDataFrame has no coordinate reference system; say which: .set_crs("EPSG:4326")')
    frame = frame.to_crs(WGS84)
    ids = frame.index.tolist()
    properties = frame.drop(columns=frame.geometry.name)
    if frame.index.name is not None and frame.index.name not in properties.columns:
        properties = properties.reset_index()
    geometries = shapely.to_geojson(shapely.orient_polygons(frame.geometry.to_numpy()))
    records = properties.to_dict(orient="records")
    features = [_feature(*parts) for parts in zip(ids, records, geometries, strict=True)]
    return b'{"type":"FeatureCollection","features":[\n' + ",\n".join(features).encode() + b"\n]}"


def _feature(feature_id: Value, record: dict[str, Any], geometry: str | None) -> str:
    return (
        f'{{"type":"Feature","id":{json.dumps(plain(feature_id))},'
        f'"properties":{dump_json({str(key): value for key, value in record.items()}).decode()},'
        f'"geometry":{geometry or "null"}}}'
    )
