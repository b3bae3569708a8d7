"""What a notebook would do that wants to get out: each attempt is tried, and what succeeds is told, and does no harm.

The text of this module is run as a cell by the executor that is tested; it uses nothing of this project.
"""

import ctypes
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path


def escapes(*, port: int, abstract: str, pid: int, command: str, secret: str, other: str) -> list[str]:
    """Try everything; return what could be done, as ends of a sentence that begins with *a run*.

    Args:
        port: A TCP port at which the server listens on 127.0.0.1.
        abstract: Name of an abstract unix socket at which it listens.
        pid: Number of the server's process.
        command: Its command line, as ``/proc`` has it.
        secret: A file that only the server's user may read.
        other: Folder of another job, with a file ``notebook.ipynb``.
    """
    attempts: dict[str, Callable[[], object]] = {
        "can read files of the server's user": lambda: Path(secret).read_bytes(),
        "sees another job's folder": lambda: Path(other, "notebook.ipynb").read_bytes(),
        "can write into another job's folder": lambda: Path(other, "left").write_text("here"),
        "can read the machine's passwords": lambda: Path("/etc/shadow").read_bytes(),
        "can change the system": lambda: tempfile.TemporaryFile(dir="/usr").close(),
        "can change the server's code": lambda: Path(os.__file__).open("a").close(),
        "reaches the machine's network": lambda: socket.create_connection(("127.0.0.1", port), 1).close(),
        "reaches sockets of the machine": lambda: _connected(abstract),
        "sees the server's process": lambda: _must(Path(f"/proc/{pid}/cmdline").read_text() == command),
        "can write its job's record": lambda: _must(_writable(Path.cwd().parent)),
        "reaches into the process that runs it": lambda: Path(f"/proc/{os.getppid()}/fd/0").readlink(),
        "can leave something for others": lambda: _must(_left()),
        "can take away what hides the rest": lambda: _must(_mounted()),
    }
    found = []
    for what, attempt in attempts.items():
        try:
            attempt()
        except Exception:  # noqa: BLE001, S112  # whatever keeps it from succeeding is welcome
            continue
        found.append(what)
    return found


def _must(succeeded: bool) -> None:  # it is all there is to say
    if not succeeded:
        raise PermissionError


def _connected(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"\0{name}")


def _left() -> bool:
    """Tell whether something can be written in a folder near the root that is not the run's own."""
    own = {"/tmp", "/var/tmp", "/dev/shm", "/proc"}  # noqa: S108  # each run has its own of them
    near = [Path("/"), *(path for path in Path("/").iterdir() if str(path) not in own)]
    near += [path for folder in near[1:] for path in _within(folder) if str(path) not in own]
    return any(_writable(path) for path in near)


def _within(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _writable(folder: Path) -> bool:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _mounted() -> bool:
    """Mount something on an empty folder of one's own, and take it away again: who can could unmount what hides."""
    libc = ctypes.CDLL(None)
    place = os.fsencode(tempfile.mkdtemp(dir="."))
    return bool(libc.mount(b"tmpfs", place, b"tmpfs", 0, None) == 0 and libc.umount2(place, 0) == 0)
