"""Limits of a run: what holds for it, how a process is bound by them, and which of them ended it, in words."""

import math
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from nbprocessor import config
from nbprocessor.errors import CellFailed, ExecutionError, KernelDied, LimitReached
from nbprocessor.model.process import Limits

_TIMES = ((3600, "h"), (60, "min"), (1, "s"))
_SIZES = ((10**9, "GB"), (2**30, "GiB"), (10**6, "MB"), (2**20, "MiB"), (10**3, "kB"), (2**10, "KiB"), (1, "bytes"))
OPEN_FILES = 4096
"""Files a process may have open: more than any library wants, too few to use up the system's."""
CPU_GRACE = 5
"""Seconds of processor time after which a process ends that ignored the signal of its limit."""
_SHELLS = 128
"""What a shell, and a sandbox, adds to a signal's number to make it an exit code."""


def settled(declared: Limits, defaults: config.Limits, maximum: config.Maximum) -> Limits:
    """Return what holds for a run.

    Args:
        declared: By its process.
        defaults: For what its process leaves out; 0: no limit.
        maximum: Of what a process may ask for; 0: as much as it wants.
    """
    found = {}
    for name in (field.name for field in fields(Limits) if field.name in config.Limits.model_fields):
        wanted = [value for value in (getattr(declared, name), getattr(defaults, name)) if value]
        bounds = [value for value in (*wanted[:1], getattr(maximum, name)) if value]
        found[name] = min(bounds, default=None)
    return replace(declared, **found)


def apply(limits: Limits, pid: int = 0, *, alone: bool = False) -> None:
    """Bind a process, and whatever it will start, to the limits that the system keeps for each process.

    Called once it is sealed, before its first cell. What it had to obey before is never widened. A process that
    reaches one is told in the way of each: a signal (processor time), ``EFBIG`` (file size), ``EAGAIN``
    (processes), no memory; :func:`explained` reads it off again.

    Args:
        limits: Of the run, without those that its control group keeps (:meth:`.cgroups.Group.bind`).
        pid: The process; 0: this one.
        alone: Its user namespace has no processes but the run's, so that their number can be bounded by it.
    """
    _bind(pid, resource.RLIMIT_CORE, 0)
    _bind(pid, resource.RLIMIT_NOFILE, OPEN_FILES)
    if limits.cpu is not None:
        _bind(pid, resource.RLIMIT_CPU, math.ceil(limits.cpu), CPU_GRACE)
    if limits.file_size is not None:
        _bind(pid, resource.RLIMIT_FSIZE, limits.file_size)
    if limits.memory is not None:
        # Of the forked shell, what came with the fork is not the run's.
        _bind(pid, resource.RLIMIT_DATA, limits.memory + _data_size(pid))
    if limits.processes is not None and alone:
        _bind(pid, resource.RLIMIT_NPROC, limits.processes)
    if not pid:
        # As Python has them; a program that a cell starts may have inherited otherwise.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)


@dataclass(frozen=True, slots=True)
class Met:
    """What a run's control group counted while it ran."""

    oom_kills: int = 0
    """Processes that the system ended because the group had no memory left."""
    forks_refused: int = 0
    """Processes that could not be started because the group had as many as it may."""


def explained(error: ExecutionError, limits: Limits, met: Met | None = None) -> ExecutionError:
    """Return the limit that a run failed by, where the facts say so; else the error as it is.

    Args:
        error: What was seen: a cell that raised, a process that died.
        limits: Of the run, all of them.
        met: What its control group counted; None: it has none, or is not asked.
    """
    if not isinstance(error, CellFailed | KernelDied):
        return error
    cell = error.cell_id
    if met is not None and met.forks_refused and limits.processes is not None:
        # First: many processes want much memory, too.
        return LimitReached("process", str(limits.processes), cell)
    if met is not None and met.oom_kills and limits.memory is not None:
        return LimitReached("memory", size(limits.memory), cell)
    reached = _of_signal(error.exit_code, limits) if isinstance(error, KernelDied) else _of_exception(error, limits)
    return LimitReached(*reached, cell) if reached else error


def _of_signal(exit_code: int | None, limits: Limits) -> tuple[str, str] | None:
    """Return name and value of the limit that ended a process by a signal."""
    ended_by = -exit_code if exit_code is not None and exit_code < 0 else (exit_code or 0) - _SHELLS
    if ended_by == signal.SIGXCPU and limits.cpu is not None:
        return "processor time", duration(limits.cpu)
    if ended_by == signal.SIGXFSZ and limits.file_size is not None:
        return "file size", size(limits.file_size)
    return None


def _of_exception(failed: CellFailed, limits: Limits) -> tuple[str, str] | None:
    """Return name and value of the limit that an exception tells of."""
    if failed.ename.endswith("MemoryError") and limits.memory is not None:
        return "memory", size(limits.memory)
    if "[Errno 27]" in failed.evalue and limits.file_size is not None:
        return "file size", size(limits.file_size)
    if limits.processes is not None and _is_refused_fork(failed):
        return "process", str(limits.processes)
    return None


def _is_refused_fork(failed: CellFailed) -> bool:
    """Tell whether a process or thread could not be started; EAGAIN alone may be of a file that has nothing to read."""
    if "can't start new thread" in failed.evalue:
        return True
    return "[Errno 11]" in failed.evalue and "fork" in failed.traceback


def duration(seconds: float) -> str:
    """Say a duration in its largest whole unit: 600 → ``10 min``, 90 → ``90 s``, 0.5 → ``0.5 s``."""
    for unit, name in _TIMES:
        if seconds >= unit and seconds % unit == 0:
            return f"{int(seconds // unit)} {name}"
    return f"{seconds:g} s"


def size(count: int) -> str:
    """Say a size in its largest whole unit, else rounded: 2·10⁹ → ``2 GB``, 2³⁰ → ``1 GiB``, 1500 → ``1.5 kB``."""
    for unit, name in _SIZES[:-1]:
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    unit, name = next((unit, name) for unit, name in _SIZES[::2] if count >= unit or unit == 1)
    return f"{count / unit:.4g} {name}"


def _bind(pid: int, which: int, bound: int, grace: int = 0) -> None:
    """Lower one of a process's limits, never raise it."""
    soft, hard = (_finite(value) for value in (resource.prlimit(pid, which) if pid else resource.getrlimit(which)))
    new = int(min(bound, soft, hard)), int(min(bound + grace, hard))
    if pid:
        resource.prlimit(pid, which, new)
    else:
        resource.setrlimit(which, new)


def _finite(value: int) -> float:
    return math.inf if value == resource.RLIM_INFINITY else value


def _data_size(pid: int) -> int:
    """Return the bytes of writable memory a process has; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    except OSError:
        return 0
    facts: Mapping[str, str] = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(facts.get("VmData", "0").split()[0]) * 1024
