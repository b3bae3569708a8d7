"""The command line of unshare(1), of util-linux: namespaces for a room, which :mod:`.closing` furnishes."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbprocessor.execution.sandbox import closing
from nbprocessor.execution.sandbox.places import CONFIGURED, CPUS, NOBODY, SYSTEM, needed


def program() -> str | None:
    """Return where ``unshare`` is installed; None: nowhere."""
    return shutil.which("unshare")


def command(
    unshare: str, *, writable: Sequence[Path], environment: Mapping[str, str], folder: Path | None
) -> list[str]:
    """Return what stands before a command that is to run in a room of its own.

    Args:
        unshare: The program.
        writable: Folders and files of the machine that can be written there, at the same places.
        environment: Of the command; it names files that have to be there.
        folder: Where it begins, in a process space of its own; None: here, and in the machine's.
    """
    parts = [unshare, "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--keep-caps"]
    parts += ["--mount", "--net", "--ipc", "--uts", "--cgroup"]
    if folder is not None:
        parts += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    configured = [Path("/etc", name) for name in CONFIGURED]
    room = closing.Room(
        kept=[str(path) for path in SYSTEM],
        shown=[str(path) for path in sorted({*configured, CPUS, *needed(environment, writable)})],
        writable=[str(path) for path in writable],
        folder=str(folder or ""),
    )
    return [*parts, sys.executable, "-P", "-m", closing.__name__, json.dumps(room)]
