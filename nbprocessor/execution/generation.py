"""What is installed now, as a signature: a fork server that has imported something older is renewed."""

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import nbprocessor

INSTALLED = (".dist-info", ".egg-info", ".pth")
"""What an installer adds, replaces or removes beside the packages themselves."""


def signature() -> str:
    """Return a digest that changes when a package is installed, upgraded or removed, or this project is edited."""
    own = Path(nbprocessor.__file__).parent
    facts = {f"{path} {changed}" for room in ("kit", "execution") for path, changed in _modules(str(own / room))}
    facts.update(*(_installed(folder, _changed(folder)) for folder in sys.path if folder))
    return hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest()


def _modules(folder: str) -> Iterator[tuple[str, int]]:
    """Yield path and time of every module in a folder and below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield entry.path, entry.stat().st_mtime_ns
            elif entry.is_dir() and not entry.name.startswith("__"):
                yield from _modules(entry.path)


@lru_cache(maxsize=64)
def _installed(folder: str, changed: int) -> frozenset[str]:  # noqa: ARG001  # while it is the same, so is what it tells
    """Return what is installed in a folder; whatever is added or removed changes the folder itself."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name.endswith(INSTALLED)]
    except OSError:
        return frozenset()
    return frozenset(f"{entry.path} {_changed(entry.path)}" for entry in found)


def _changed(path: str | Path) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  # before every run, for names that come from sys.path
    except OSError:
        return 0
