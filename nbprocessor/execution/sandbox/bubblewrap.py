"""The command line of bubblewrap: a room with a read-only system and nothing of the user's, no network.

Source: bwrap(1).
"""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from jupyter_core.paths import jupyter_path

import nbprocessor

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
CONFIGURED = (
    "alternatives", "ca-certificates", "conda", "crypto-policies", "fonts", "group", "host.conf", "hosts",
    "java-11-openjdk", "java-17-openjdk", "java-21-openjdk", "jupyter", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "locale.alias", "locale.conf", "localtime", "machine-id", "magic", "magic.mime", "mime.types", "nsswitch.conf",
    "OpenCL", "passwd", "pki", "profile", "protocols", "python3", "R", "services", "ssl", "timezone",
)  # fmt: skip
"""What is seen of ``/etc``; passwords, keys and settings of other programs are not."""
NOBODY = "65534"
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


def program() -> str | None:
    """Return where bubblewrap is installed; None: nowhere."""
    return shutil.which("bwrap")


def command(
    bwrap: str,
    *,
    writable: Sequence[Path],
    environment: Mapping[str, str],
    options: Sequence[str],
) -> list[str]:
    """Return what stands before a command that is to run in a room of its own.

    Args:
        bwrap: The program.
        writable: Folders and files of the machine that can be written there, at the same places.
        environment: Of the command; it names files that have to be there.
        options: Further ones: which process space, which ``/proc``.
    """
    parts = [bwrap, "--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    parts += ["--uid", NOBODY, "--gid", NOBODY, "--hostname", "nbprocessor", "--die-with-parent", "--new-session"]
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            parts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            parts += ["--ro-bind", str(path), str(path)]
    for name in CONFIGURED:
        parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    parts += ["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--dir", "/var/tmp"]  # noqa: S108  # it is its own
    parts += ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
    for path in sorted(set(_needed(environment, writable))):
        parts += ["--ro-bind", str(path), str(path)]
    for path in writable:
        parts += ["--bind", str(path), str(path)]
    return [*parts, *options, "--"]


def _needed(environment: Mapping[str, str], writable: Sequence[Path]) -> Iterator[Path]:
    """Yield what Python and the kernels are made of, where it does not lie in the system's own folders."""
    shown = [Path(system) for system in SYSTEM]
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
