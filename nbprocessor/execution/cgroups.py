"""Control groups: memory and processes of a run, bounded by the system for all its processes together.

Groups are made below the one the server itself is in, so that whatever bounds the server bounds its runs, too. With
version 1 that needs write access to the hierarchies (root); with version 2 a group that was given away to the server,
such as that of a systemd service with ``Delegate=yes``. Where there is neither, runs are bounded process by process
(:func:`.limits.apply`).
"""

import contextlib
import logging
import os
import shlex
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from nbprocessor.execution import identity
from nbprocessor.execution.limits import Met
from nbprocessor.model.process import Limits

log = logging.getLogger(__name__)

MEMORY, PROCESSES = "memory", "pids"
"""Controllers, by the system's names for them."""
PREFIX = "nbprocessor-"
_AT = "@"
"""Stands between the identity of a server and the name it gave a group."""
_SERVER = "nbprocessor-server"
"""Group of the server itself with version 2, where only the outermost branches have processes."""
PATIENCE = 5.0
"""Seconds in which the processes of a group that is removed have to be gone."""


class Group:
    """The control group of a slot: bound anew for each run, removed with whatever is left in it."""

    def __init__(self, folders: Mapping[str, Path], version: int) -> None:
        """Take its folder by controller; none: nothing is bounded by it."""
        self._folders = folders
        self._version = version
        self._before = Met()

    def add(self, pid: int) -> None:
        """Put a process and its children into it; what they start from now on is in it, too.

        Raises:
            OSError: The process is gone, or may not be moved.
        """
        for folder in self._places():
            (folder / "cgroup.procs").write_text(str(pid))
            # Started before the process itself was in the group.
            for child in _children(pid):
                with contextlib.suppress(ProcessLookupError):
                    (folder / "cgroup.procs").write_text(child)

    def around(self) -> Sequence[str]:
        """Return what stands before a command that is to run in it from its first moment."""
        if not self._folders:
            return ()
        enter = "".join(f"echo $$ >{shlex.quote(str(place / 'cgroup.procs'))} && " for place in self._places())
        return ("/bin/sh", "-c", f'{enter}exec "$@"', "sh")

    def bind(self, limits: Limits) -> Limits:
        """Bound it for a run; return what each process of the run has to be bound to by itself.

        Raises:
            OSError: The group is gone, or uses more than that already.
        """
        if folder := self._folders.get(MEMORY):
            _bind_memory(folder, self._version, limits.memory)
            limits = replace(limits, memory=None)
        if folder := self._folders.get(PROCESSES):
            # What is there before a run is not the run's.
            there = int((folder / "pids.current").read_text())
            (folder / "pids.max").write_text("max" if limits.processes is None else str(there + limits.processes))
            limits = replace(limits, processes=None)
        self._before = self._counted()
        return limits

    def met(self) -> Met:
        """Return what was met since the group was bound."""
        now = self._counted()
        return Met(now.oom_kills - self._before.oom_kills, now.forks_refused - self._before.forks_refused)

    def remove(self) -> None:
        """End what is left in it, and remove it."""
        for folder in self._places():
            _remove(folder)

    def _places(self) -> set[Path]:
        return set(self._folders.values())

    def _counted(self) -> Met:
        events = "memory.events" if self._version == 2 else "memory.oom_control"
        return Met(
            _count(self._folders.get(MEMORY), events, "oom_kill"),
            _count(self._folders.get(PROCESSES), "pids.events", "max"),
        )


class Groups:
    """Makes the control groups of one server."""

    def __init__(self, places: Mapping[str, Path], version: int) -> None:
        """Take the folder in which groups are made, by controller; none: the system gives no groups."""
        self._places = places
        self._version = version
        self._own = identity.own().replace("/", ".")

    @classmethod
    def found(cls, system: Path = Path("/")) -> Self:
        """Look for hierarchies that may be written, and say once what there is.

        Args:
            system: Root of the file system.
        """
        places, version = _places(system)
        usable = {name: place for name, place in places.items() if _is_writable(place, name)}
        groups = cls(usable, version)
        if groups.bounds:
            groups.sweep()
        else:
            log.info("no control group may be written; memory is bounded process by process")
        return groups

    @property
    def bounds(self) -> Sequence[str]:
        """What groups bound here: ``memory``, ``pids``."""
        return sorted(self._places)

    def facts(self) -> Mapping[str, Any]:
        """Return what ``/health`` tells."""
        return {"version": self._version, "bounds": self.bounds} if self._places else {"bounds": []}

    def make(self, name: str) -> Group:
        """Make a group.

        Args:
            name: Unique among this server's.

        Raises:
            OSError: The system lets no further group be made.
        """
        folders = {controller: place / f"{PREFIX}{self._own}{_AT}{name}" for controller, place in self._places.items()}
        group = Group(folders, self._version)
        try:
            for folder in set(folders.values()):
                folder.mkdir()
        except OSError:
            group.remove()
            raise
        return group

    def sweep(self) -> None:
        """Remove the groups of servers that are gone, and end what is left in them."""
        for place in set(self._places.values()):
            for folder in place.glob(f"{PREFIX}*"):
                owner = folder.name.removeprefix(PREFIX).partition(_AT)[0].replace(".", "/")
                if owner.count("/") == 3 and identity.is_alive(owner) is False:
                    log.info("a lost server had left a control group group=%s", folder)
                    _remove(folder)


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mounted hierarchy."""

    root: str
    """The group that is at its top; in a container not the machine's first."""
    place: Path
    version: int
    controllers: frozenset[str]


def _places(system: Path) -> tuple[dict[str, Path], int]:
    """Return where groups could be made, by controller, and the version of the hierarchies."""
    try:
        own = _own_groups((system / "proc/self/cgroup").read_text())
        mounts = list(_mounts((system / "proc/self/mountinfo").read_text(), system))
    except OSError:
        return {}, 0
    found: dict[str, Path] = {}
    for mount in mounts:
        for controller in mount.controllers & {MEMORY, PROCESSES} & own.keys():
            found[controller] = _below(mount, own[controller])
    if found:
        return found, 1
    for mount in mounts:
        if mount.version == 2 and "" in own:
            place = _delegated(_below(mount, own[""]))
            return dict.fromkeys((MEMORY, PROCESSES), place) if place else {}, 2
    return {}, 0


def _own_groups(text: str) -> dict[str, str]:
    """Read ``/proc/self/cgroup``: the path of the own group by controller; version 2 has none in its name."""
    lines = [line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2]
    return {name: path for _, names, path in lines for name in names.split(",")}


def _mounts(text: str, system: Path) -> Iterator[_Mount]:
    """Read ``/proc/self/mountinfo``."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), [*after.split(), "", "", ""][:3]
        if kind in {"cgroup", "cgroup2"} and len(fields) > 4:
            version = 2 if kind == "cgroup2" else 1
            controllers = frozenset(options.split(",")) if version == 1 else frozenset[str]()
            yield _Mount(fields[3], system / fields[4].lstrip("/"), version, controllers)


def _below(mount: _Mount, group: str) -> Path:
    """Return a group's folder."""
    if mount.root != "/" and group.startswith(mount.root):
        group = group[len(mount.root) :]
    return mount.place / group.strip("/")


def _delegated(own: Path) -> Path | None:
    """Return the folder below which groups can be made with version 2, after making it ready; None: there is none."""
    place = own.parent if own.name == _SERVER else own
    try:
        if own != _place_of_server(place):
            _place_of_server(place).mkdir(exist_ok=True)
            for pid in (place / "cgroup.procs").read_text().split():
                # The server, and what started it or was started by it: a shell is in a process group of its own.
                if os.getpgid(int(pid)) == os.getpgid(0):
                    (_place_of_server(place) / "cgroup.procs").write_text(pid)
        (place / "cgroup.subtree_control").write_text(f"+{MEMORY} +{PROCESSES}")
    except OSError:
        return None
    return place


def _place_of_server(place: Path) -> Path:
    return place / _SERVER


def _is_writable(place: Path, controller: str) -> bool:
    """Tell whether groups can be made in a folder, by making one."""
    trial = place / f"{PREFIX}{identity.own().replace('/', '.')}{_AT}trial-{controller}"
    try:
        trial.mkdir()
    except OSError:
        return False
    try:
        return any(os.access(trial / name, os.W_OK) for name in _FILES[controller])
    finally:
        trial.rmdir()


_FILES = {MEMORY: ("memory.max", "memory.limit_in_bytes"), PROCESSES: ("pids.max",)}


def _bind_memory(folder: Path, version: int, limit: int | None) -> None:
    """Bound memory, and leave nothing to be swapped out instead."""
    if version == 2:
        (folder / "memory.max").write_text("max" if limit is None else str(limit))
        with contextlib.suppress(OSError):  # a system without swap has no such file
            (folder / "memory.swap.max").write_text("max" if limit is None else "0")
        return
    both = folder / "memory.memsw.limit_in_bytes"
    # Memory with swap may never be less than memory alone, not even in between.
    if both.exists():
        both.write_text("-1")
    (folder / "memory.limit_in_bytes").write_text("-1" if limit is None else str(limit))
    if both.exists() and limit is not None:
        both.write_text(str(limit))


def _count(folder: Path | None, file: str, name: str) -> int:
    """Read a counter; 0 where there is none."""
    if folder is None:
        return 0
    try:
        facts = dict(line.split() for line in (folder / file).read_text().splitlines())
        return int(facts.get(name, 0))
    except (OSError, ValueError):
        return 0


def _children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def _remove(folder: Path) -> None:
    """End every process in a group, wait until none is left, for a while, and remove the group."""
    deadline = time.monotonic() + PATIENCE
    try:
        while (pids := (folder / "cgroup.procs").read_text().split()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.01)
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("a control group could not be removed group=%s reason=%s", folder, error)
