"""Who a worker is, so that others can tell whether it still lives: boot, process number, start of the process."""

import os
from functools import cache
from pathlib import Path

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def own() -> str:
    """Return this process's identity: ``boot/pid/start``; no other process ever has the same."""
    pid = os.getpid()
    return f"{_boot()}/{pid}/{_start(pid)}"


def is_alive(identity: str) -> bool:
    """Tell whether the process of this identity still runs on this machine, since its last start.

    A process number that was given to another process does not count, nor does what cannot be read as an identity.
    """
    boot, _, process = identity.rpartition("/")[0].rpartition("/")
    start = identity.rpartition("/")[2]
    return boot == _boot() and process.isdigit() and start != "" and _start(int(process)) == start


@cache
def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


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
