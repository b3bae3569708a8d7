"""Who a worker is, so that others of its machine can tell whether it still lives.

Boot, process namespace, process number and start of the process: within one boot and one namespace the system knows
for certain. Of a worker elsewhere (another machine, another container) it knows nothing; see :mod:`.presence`.
"""

import os
from functools import cache
from pathlib import Path

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def own() -> str:
    """Return this process's identity: ``boot/namespace/pid/start``; no other process ever has the same."""
    pid = os.getpid()
    return f"{_boot()}/{_namespace()}/{pid}/{_start(pid)}"


def is_alive(identity: str) -> bool | None:
    """Tell whether the process of this identity still runs; None: it cannot be told from here.

    A process number that was given to another process does not count. What cannot be read as an identity is dead.
    """
    parts = identity.split("/")
    if len(parts) != 4 or not parts[2].isdigit() or not parts[3]:
        return False
    boot, namespace, pid, start = parts
    if (boot, namespace) != (_boot(), _namespace()):
        return None
    return _start(int(pid)) == start


@cache
def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


@cache
def _namespace() -> str:
    """Return the number of the namespace in which this process has its number; containers have one each."""
    try:
        return _NAMESPACE.readlink().name.partition(":")[2].strip("[]")
    except OSError:
        return "0"


def _start(pid: int) -> str:
    """Return when a living process started, in clock ticks since boot: the clock may be set, this number stays."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _start_elsewhere(pid)
    state, start = fields[0], fields[19]
    return "" if state in "ZX" else start


def _start_elsewhere(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""
