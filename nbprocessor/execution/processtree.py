"""A job's process tree: found and ended, whatever its processes did to hide.

Two ways lead to a process of a job. Its ancestors: the process at the root adopts orphans (Linux' child
subreaper), so a daemon's children stay below it. Its environment: every process of a job has the job's id in it,
also when the root is gone.
"""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import psutil

from nbprocessor import contract

PATIENCE = 2.0
"""Seconds in which the processes of a killed tree have to be gone."""
_PAUSE = 0.01
_PR_SET_CHILD_SUBREAPER = 36
_PF_EXITING = 4


def adopt_orphans() -> bool:
    """Become the parent of this process's orphaned descendants; tell whether the system can do that."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def descendants(root: psutil.Process) -> list[psutil.Process]:
    """Return the living processes below ``root``; none when it is gone, even if its number is taken again."""
    try:
        return _living(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def marked(job_id: UUID) -> list[psutil.Process]:
    """Return the living processes whose environment says that they belong to the job; never this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(contract.JOB_ID) == str(job_id):
                found.append(process)
    return _living(found)


def end_descendants(root: psutil.Process) -> None:
    """Kill everything below ``root`` until nothing is left, or what is left cannot be killed."""
    deadline = time.monotonic() + PATIENCE
    while (found := descendants(root)) and time.monotonic() < deadline:
        _kill(found)
        time.sleep(_PAUSE)


def end(root: psutil.Process | None, job_id: UUID) -> None:
    """Kill a job's whole tree: what is below ``root``, then ``root``, then whatever carries the job's id.

    The root goes last: while it lives, orphans cannot get away from it.
    """
    if root is not None:
        end_descendants(root)
        with contextlib.suppress(psutil.Error):
            root.kill()
    deadline = time.monotonic() + PATIENCE
    while (found := [process for process in marked(job_id) if process != root]) and time.monotonic() < deadline:
        _kill(found)
        time.sleep(_PAUSE)


def others_run() -> bool:
    """Tell whether any other process of this process space still runs code of its own; Linux only.

    One that is killed does not, long before it is gone: the system first takes down what it had in memory. Source:
    proc(5), "flags" in /proc/pid/stat.
    """
    others = (place for place in Path("/proc").iterdir() if place.name.isdigit() and int(place.name) != os.getpid())
    return any(_runs(place / "task") for place in others)


def _runs(threads: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in threads.iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                # Its name, in brackets, may have anything in it.
                state, *_, flags = (thread / "stat").read_bytes().rpartition(b")")[2].split()[:7]
                if state not in {b"Z", b"X"} and not int(flags) & _PF_EXITING:
                    return True
    return False


def _kill(processes: Iterable[psutil.Process]) -> None:
    """Stop all before killing any, so that none can start another in between."""
    for action in (psutil.Process.suspend, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                action(process)


def _living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    living = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
    return living
