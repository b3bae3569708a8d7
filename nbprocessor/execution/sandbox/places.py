"""What is seen in the room of sealed runs: a system to read, Python and the kernels, nothing of a user's."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from jupyter_core.paths import jupyter_path

import nbprocessor

SYSTEM = [Path(p) for p in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")]
"""Folders of programs and libraries; some may be links."""
CONFIGURED = (
    "alternatives", "ca-certificates", "conda", "crypto-policies", "fonts", "group", "host.conf", "hosts",
    "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "jupyter", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "locale.alias", "locale.conf", "localtime", "machine-id", "magic", "magic.mime", "mime.types", "nsswitch.conf",
    "OpenCL", "passwd", "pki", "profile", "protocols", "python3", "R", "services", "ssl", "timezone",
)  # fmt: skip
"""What is seen of ``/etc``; passwords, keys and settings of other programs are not."""
CPUS = Path("/sys/devices/system/cpu")
"""What libraries count the processors by; of ``/sys`` nothing else is seen."""
NOBODY = "65534"
"""Number of the user and of the group that a run takes itself for."""
_FILES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "PROJ_DATA",
    "PROJ_LIB",
)
_PATHS = ("LD_LIBRARY_PATH", "JUPYTER_PATH")


def needed(environment: Mapping[str, str], writable: Sequence[Path]) -> Iterator[Path]:
    """Yield what Python and the kernels are made of, where it does not lie in the system's own folders.

    Args:
        environment: Of what is to run; it names files that have to be there.
        writable: Folders that are shown besides: what else lies around them is not.
    """
    shown = list(SYSTEM)
    working_copy = _own_package().parent
    parts = {working_copy}
    for path in sorted(set(_places(environment)) - {Path("/"), working_copy}):
        if any(other.is_relative_to(path) for other in writable):
            parts.add(path)
        elif path.exists() and not _lies_in(path, shown):
            shown.append(path)
            yield path
    # Folders with modules in which results lie, and so perhaps settings: their modules alone.
    for module in {module for folder in parts for module in _modules(folder)}:
        if not _lies_in(module, shown):  # it does if the package is installed in an environment
            yield module


def _lies_in(path: Path, places: Sequence[Path]) -> bool:
    """Return whether a path lies in one of some places, and so does what it is a link to."""
    return all(any(each.is_relative_to(place) for place in places) for each in (path, path.resolve()))


def _places(environment: Mapping[str, str]) -> Iterable[Path]:
    yield _own_package()
    for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix):
        yield from (Path(prefix), Path(prefix).resolve())
    yield from (Path(entry) for entry in sys.path if entry)
    yield from map(Path, jupyter_path("kernels"))
    for name in _FILES:
        if environment.get(name):
            yield Path(environment[name])
    for name in _PATHS:
        yield from (Path(entry) for entry in environment.get(name, "").split(os.pathsep) if entry)


def _own_package() -> Path:
    return Path(nbprocessor.__file__).parent


def _modules(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.py")
    yield from (path.parent for path in folder.glob("*/__init__.py"))
