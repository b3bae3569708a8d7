"""What is installed now, as a signature: a fork server that has imported something older is renewed."""

import hashlib
import os
import sys
from pathlib import Path

import nbprocessor

INSTALLED = (".dist-info", ".egg-info", ".pth")
"""What an installer adds, replaces or removes beside the packages themselves."""


def signature() -> str:
    """Return a digest that changes when a package is installed, upgraded or removed, or this project is edited."""
    own = Path(nbprocessor.__file__).parent
    edited = [*(own / "kit").rglob("*.py"), *(own / "execution").glob("*.py")]
    installed = [path for folder in sys.path if folder for path in _installed(folder)]
    facts = sorted(f"{path} {_changed(path)}" for path in {*edited, *installed})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _installed(folder: str) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.name.endswith(INSTALLED)]
    except OSError:
        return []


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
