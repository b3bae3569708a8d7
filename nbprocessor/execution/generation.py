"""What is installed now, as a signature: a fork server that has imported something older is renewed."""

import hashlib
import sys
from pathlib import Path

import nbprocessor


def signature() -> str:
    """Return a digest that changes when a package is installed, upgraded or removed, or this project is edited.

    Installers add and remove folders, so the time of the folder of packages is enough for those.
    """
    folders = {Path(entry) for entry in sys.path if entry}
    own = Path(nbprocessor.__file__).parent
    files = [*(own / "kit").rglob("*.py"), *(own / "execution").glob("*.py")]
    facts = sorted(f"{path} {_changed(path)}" for path in {*folders, *files})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
