"""What is installed now, as a signature: a fork server that has imported something older is renewed."""

import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path

import nbprocessor

INSTALLED = (".dist-info", ".egg-info", ".pth")
"""What an installer adds, replaces or removes beside the packages themselves."""


def signature() -> str:
    """Return a digest that changes when a package is installed, upgraded or removed, or this project is edited."""
    own = Path(nbprocessor.__file__).parent
    edited = [*(own / "kit").rglob("*.py"), *(own / "execution").rglob("*.py")]
    facts = {f"{path} {_changed(path)}" for path in edited}
    facts.update(*(_installed(folder, _changed(folder)) for folder in sys.path if folder))
    return hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest()


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
