"""The closed room of isolation ``user``: furnished by the process that is to be in it, which then becomes its command.

``unshare`` has given it namespaces of its own, in which it has every right. Everything of the machine is hidden, what
may be seen is shown again, nothing but what is the run's can be written, and the rights are given up. It does what
bubblewrap does, for machines where users may make namespaces and that cannot be installed. Sources: unshare(1),
mount_setattr(2), bwrap(1).
"""

import ctypes
import json
import os
import socket
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from nbprocessor.execution import forking
from nbprocessor.execution.sandbox import keyring, namespaces
from nbprocessor.execution.sandbox.namespaces import BIND, NODEV, NOEXEC, NOSUID, SMALL, TEMPORARY, mount, must

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY = 442, -100, 0x8000, 1

_libc = ctypes.CDLL(None, use_errno=True)


class Room(TypedDict):
    """What is seen; absolute paths."""

    kept: list[str]
    """Folders of the system; those that lie at the root stay as they are."""
    shown: list[str]
    """What else may be read, as far as it is there."""
    writable: list[str]
    """What may be written."""
    folder: str
    """Where the command begins; empty: here."""


def main() -> None:
    """Close the room, and become the command."""
    room: Room = json.loads(sys.argv[1])
    command = sys.argv[2:]
    keyring.leave()
    _close(room)
    namespaces.set_loopback_up()
    socket.sethostname("nbprocessor")
    if room["folder"]:
        os.chdir(room["folder"])  # what stands there now is not what did
    namespaces.give_up_capabilities()
    forking.die_with_parent()
    os.execvp(command[0], command)  # noqa: S606  # the server's own


def _close(room: Room) -> None:
    kept = {Path(path) for path in room["kept"]}
    seen = [Path(path) for path in (*room["shown"], *room["kept"], *room["writable"])]
    seen = [path for path in seen if path.exists() and not _lies_at_root(path)]
    seen += [Path("/dev", name) for name in _DEVICES]
    behind = [(path, namespaces.opened(path)) for path in seen]
    _hide(Path(entry) for entry in os.scandir("/") if Path(entry) not in {*kept, Path("/proc")})
    for path in TEMPORARY:
        path.mkdir(exist_ok=True)
        mount("tmpfs", str(path), "tmpfs", NOSUID | NODEV, SMALL)
    for path, descriptor in behind:
        namespaces.show(path, descriptor)
    _furnish_devices()
    _set_read_only(Path("/"))
    for path in (*TEMPORARY, *map(Path, room["writable"]), Path("/proc"), Path("/dev/pts")):
        _set_writable(path)


def _lies_at_root(path: Path) -> bool:
    return path.parent == Path("/")


def _hide(paths: Iterable[Path]) -> None:
    # Files first: they are hidden by something of /dev. What links lead to is hidden, or may be seen.
    for path in sorted((path for path in paths if not path.is_symlink()), key=Path.is_dir):
        if path.is_dir():
            mount("tmpfs", str(path), "tmpfs", NOSUID | NODEV, "size=16m,mode=755")
        else:
            mount("/dev/null", str(path), "", BIND)


def _furnish_devices() -> None:
    terminals = Path("/dev/pts")
    terminals.mkdir()
    mount("devpts", str(terminals), "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    Path("/dev/ptmx").symlink_to("pts/ptmx")
    Path("/dev/fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        Path("/dev", name).symlink_to(f"/proc/self/fd/{number}")


def _set_read_only(path: Path) -> None:
    """Let nothing be written at a path, and in whatever is mounted below it."""
    _set_attributes(path, _AT_RECURSIVE, _ATTR_RDONLY, 0)


def _set_writable(path: Path) -> None:
    """Undo that for what is mounted at a path, and nothing below it."""
    _set_attributes(path, 0, 0, _ATTR_RDONLY)


def _set_attributes(path: Path, flags: int, added: int, taken: int) -> None:
    attributes = struct.pack("4Q", added, taken, 0, 0)
    size = ctypes.c_size_t(len(attributes))
    result = _libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), flags, attributes, size)
    must(result, f"mount_setattr {path}")


if __name__ == "__main__":
    main()
