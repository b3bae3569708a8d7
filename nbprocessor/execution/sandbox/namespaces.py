"""Linux namespaces for a slot and for a job, entered by a process itself; needs no right but that of a user.

Every function raises OSError where the system does not allow it. Sources: namespaces(7), user_namespaces(7),
mount_namespaces(7), capabilities(7).
"""

import ctypes
import errno
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from nbprocessor.execution.sandbox import keyring

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_RDONLY, NOSUID, NODEV, NOEXEC, _REMOUNT, _NOATIME, _NODIRATIME, BIND, _REC, _PRIVATE, _RELATIME = (
    1, 2, 4, 8, 32, 1024, 2048, 4096, 16384, 1 << 18, 1 << 21,
)  # fmt: skip
_KEPT = _RDONLY | NOSUID | NODEV | NOEXEC | _NOATIME | _NODIRATIME | _RELATIME
"""Flags of a mount that a remount has to repeat; ``statvfs`` tells them by the same numbers, but for RELATIME."""
_ST_RELATIME = 4096
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _AMBIENT_CLEAR = 4, 24, 38, 47, 4
_CAPABILITIES = 64
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
SMALL = "size=16m,mode=1777"
"""Options of the empty folders that stand where others' files are, and of ``/dev/shm``."""

TEMPORARY = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108  # they are what is hidden
"""Folders that every program writes; each job has them empty."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class View:
    """What a job sees of the folders that are hidden; paths are absolute and the same inside as outside."""

    folder: Path
    """The job's folder, read-only but for ``writable``."""
    writable: Sequence[str]
    """Its folders that the run may write, by name."""
    scratch: Path
    """The run's temporary folder."""

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"folder": str(self.folder), "writable": list(self.writable), "scratch": str(self.scratch)}

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Self:
        """Return what :meth:`plain` made JSON of."""
        return cls(Path(plain["folder"]), plain["writable"], Path(plain["scratch"]))


@cache
def mounted_in(places: tuple[Path, ...]) -> Sequence[Path]:
    """Return what has been mounted below some folders; in a room nothing is added later."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        path = Path(line.split()[4].encode().decode("unicode_escape"))  # blanks are written \\040
        if any(path != place and path.is_relative_to(place) for place in places) and path.exists():
            found.append(path)  # if it does not, something has been mounted above it
    return found


def leave_for_slot() -> None:
    """Leave the namespaces this process is in; its next child is the first process of a slot's own process space."""
    _unshare(_NEWUSER | _NEWNS | _NEWPID | _NEWIPC | _NEWNET | _NEWUTS)


def furnish_slot() -> None:
    """Give a slot's process space what belongs to it; called by its first process."""
    mount("none", "/", "", _REC | _PRIVATE)
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    mount("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    set_loopback_up()


class Retreat:
    """A process that sees nothing of others' folders, and then of its own job what is admitted; it cannot come back.

    In two steps, because the first, which takes longer, can be done before there is a job.
    """

    def __init__(self, hidden: Sequence[Path]) -> None:
        """Leave the common view.

        Args:
            hidden: Folders whose contents are others'; they are empty from now on, as are the temporary folders, but
                for what has been mounted below them.
        """
        _unshare(_NEWUSER | _NEWNS | _NEWIPC)
        keyring.leave()
        mount("none", "/", "", _REC | _PRIVATE)
        self._behind = {path: opened(path) for path in hidden}
        kept = [path for path in mounted_in((*TEMPORARY, *hidden)) if path not in hidden]
        shown = [(path, opened(path)) for path in kept]
        self._empty = [place for place in _without_nested([*TEMPORARY, *hidden]) if place.is_dir()]
        for place in self._empty:
            mount("tmpfs", str(place), "tmpfs", NOSUID | NODEV, SMALL)
        for path, descriptor in shown:
            show(path, descriptor)

    def admit(self, view: View) -> None:
        """Let what is the job's own be seen, and take away from this process and its descendants what could undo it.

        Raises:
            OSError: It is not to be had, or does not lie in what is hidden.
        """
        own = [view.folder, *(view.folder / name for name in view.writable), view.scratch]
        for path in own:
            try:
                descriptor = self._found(path)
            except FileNotFoundError:
                if path in {view.folder, view.scratch}:
                    raise
                continue  # not every job has each of its folders
            show(path, descriptor)
            if path == view.folder:
                _remount_read_only(path)
        for place in self._empty:
            if place not in {*TEMPORARY, *own}:
                _remount_read_only(place)
        for descriptor in self._behind.values():
            os.close(descriptor)
        give_up_capabilities()

    def _found(self, path: Path) -> int:
        """Open what lies behind a hidden folder."""
        for place, descriptor in self._behind.items():
            if path.is_relative_to(place):
                return os.open(path.relative_to(place), os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=descriptor)
        raise PermissionError(errno.EPERM, "not in a folder of jobs", str(path))


def opened(path: Path) -> int:
    """Open what stands at a path now, to be shown when that is hidden."""
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def show(path: Path, descriptor: int) -> None:
    """Mount what a descriptor stands for at its path, which is hidden, and close it."""
    _make_place(path, descriptor)
    mount(f"/proc/self/fd/{descriptor}", str(path), "", BIND | _REC)
    os.close(descriptor)


def _make_place(path: Path, descriptor: int) -> None:
    """Make what something is to be mounted on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        path.mkdir(exist_ok=True)
    elif not path.exists():  # it does, in a folder that is shown as well, and cannot be written
        path.touch()


def _without_nested(paths: Iterable[Path]) -> list[Path]:
    """Leave out what lies below another of the paths: it is hidden with it."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _unshare(flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    must(_libc.unshare(flags), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount something; source: mount(2)."""
    arguments = [os.fsencode(text) or None for text in (source, target, kind)]
    must(_libc.mount(*arguments, ctypes.c_ulong(flags), os.fsencode(options) or None), f"mount {target}")


def _remount_read_only(path: Path) -> None:
    found = os.statvfs(path).f_flag
    kept = found & _KEPT & ~_RELATIME | (_RELATIME if found & _ST_RELATIME else 0)
    mount("none", str(path), "", _REMOUNT | BIND | _RDONLY | kept)


def set_loopback_up() -> None:
    """Let this network space reach itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def give_up_capabilities() -> None:
    """Drop every capability for good: what has been mounted could be taken away with them."""
    must(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    for number in range(_CAPABILITIES):
        if _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0 and ctypes.get_errno() == errno.EINVAL:
            break  # the last one there is has been dropped
    _libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    must(_libc.capset(header, struct.pack("<6I", *[0] * 6)), "drop capabilities")
    # A process whose rights have changed would not be allowed to look at itself in /proc.
    must(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")


def must(result: int, what: str) -> None:
    """Raise OSError if a system call has failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
