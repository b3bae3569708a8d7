"""Linux namespaces, entered by a process itself, and what is mounted in them; needs no right but that of a user.

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
from pathlib import Path

NEWNS, _NEWUTS, NEWIPC, NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_RDONLY, NOSUID, NODEV, NOEXEC, _REMOUNT, _NOATIME, _NODIRATIME, BIND, REC, PRIVATE, _RELATIME = (
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


def leave_for_slot() -> None:
    """Leave the namespaces this process is in; its next child is the first process of a slot's own process space."""
    leave(NEWUSER | NEWNS | _NEWPID | NEWIPC | _NEWNET | _NEWUTS)


def furnish_slot() -> None:
    """Give a slot's process space what belongs to it; called by its first process."""
    mount("none", "/", "", REC | PRIVATE)
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    mount("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    set_loopback_up()


def opened(path: Path) -> int:
    """Open what stands at a path now, to be shown when that is hidden."""
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def show(path: Path, descriptor: int) -> None:
    """Mount what a descriptor stands for at its path, which is hidden, and close it."""
    _make_place(path, descriptor)
    mount(f"/proc/self/fd/{descriptor}", str(path), "", BIND | REC)
    os.close(descriptor)


def _make_place(path: Path, descriptor: int) -> None:
    """Make what something is to be mounted on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        path.mkdir(exist_ok=True)
    elif not path.exists():  # it does, in a folder that is shown as well, and cannot be written
        path.touch()


def leave(flags: int) -> None:
    """Leave namespaces for new ones, in which this process is the user it was; source: unshare(2)."""
    uid, gid = os.getuid(), os.getgid()
    must(_libc.unshare(flags), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount something; source: mount(2)."""
    arguments = [os.fsencode(text) or None for text in (source, target, kind)]
    must(_libc.mount(*arguments, ctypes.c_ulong(flags), os.fsencode(options) or None), f"mount {target}")


def remount_read_only(path: Path) -> None:
    """Let nothing be written in what is mounted at a path; what is mounted below stays as it is."""
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
