"""What a process notebook imports, ``from nbprocessor import kit``: data, rules, views and outputs.

Runs inside the kernel and sees only contract and errors. Names are fetched from their module when they are
first used, so a notebook that draws no map does not wait for geopandas and matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprocessor.kit.outputs import output, progress

__all__ = [
    "output",
    "progress",
]

_HOME = {
    "output": "outputs",
    "progress": "outputs",
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
