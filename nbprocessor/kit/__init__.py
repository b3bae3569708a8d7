"""What a process notebook imports, ``from nbprocessor import kit``: data, rules, views and outputs.

==============  ==================================================================================================
data            `open_source` → a source with ``indicator``, ``georesource``, ``areas``; `target_dates`
over time       `earlier_values`, `reference_values`, `window` → `trend`, `continuity`
in areas        `points_within`, `lines_within` → `matching` a `condition`, `count`, `length`, `statistic`
the record      `Summary`: spatial units one by one, what was missing, what was written; `progress`
to look at      `overview`, `result_layer` → `choropleth`, `chart`, `describe`
to hand over    `output`, `time_series`
from outside    `secret`
==============  ==================================================================================================

Values are frames: rows are areas, columns are ISO dates, NaN is "no data". A function that takes several frames takes
them of one spatial unit, and pandas brings rows and columns together.

Runs inside the kernel and sees only contract and errors. Names are fetched from their module when they are
first used, so a notebook that draws no map does not wait for geopandas and matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprocessor.kit.charts import chart
    from nbprocessor.kit.filters import condition
    from nbprocessor.kit.geometry import count, length, lines_within, matching, points_within
    from nbprocessor.kit.handles import secret
    from nbprocessor.kit.indicators import target_dates
    from nbprocessor.kit.layers import result_layer
    from nbprocessor.kit.maps import choropleth
    from nbprocessor.kit.outputs import output
    from nbprocessor.kit.sources import open_source
    from nbprocessor.kit.statistics import continuity, statistic, trend, window
    from nbprocessor.kit.summary import Summary
    from nbprocessor.kit.tables import describe, overview
    from nbprocessor.kit.telling import progress
    from nbprocessor.kit.timeseries import time_series
    from nbprocessor.kit.timespans import earlier_values, reference_values

__all__ = [
    "Summary",
    "chart",
    "choropleth",
    "condition",
    "continuity",
    "count",
    "describe",
    "earlier_values",
    "length",
    "lines_within",
    "matching",
    "open_source",
    "output",
    "overview",
    "points_within",
    "progress",
    "reference_values",
    "result_layer",
    "secret",
    "statistic",
    "target_dates",
    "time_series",
    "trend",
    "window",
]

_HOME = {
    "Summary": "summary",
    "chart": "charts",
    "choropleth": "maps",
    "condition": "filters",
    "continuity": "statistics",
    "count": "geometry",
    "describe": "tables",
    "earlier_values": "timespans",
    "length": "geometry",
    "lines_within": "geometry",
    "matching": "geometry",
    "open_source": "sources",
    "output": "outputs",
    "overview": "tables",
    "points_within": "geometry",
    "progress": "telling",
    "reference_values": "timespans",
    "result_layer": "layers",
    "secret": "handles",
    "statistic": "statistics",
    "target_dates": "indicators",
    "time_series": "timeseries",
    "trend": "statistics",
    "window": "statistics",
}
"""In which module a public name lives; a test holds it, ``__all__`` and the imports above together."""


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"the kit has no {name!r}; it has: {', '.join(__all__)}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
