"""The command line of bubblewrap: a room with a read-only system and nothing of the user's, no network.

Source: bwrap(1).
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbprocessor.execution.sandbox.namespaces import TEMPORARY
from nbprocessor.execution.sandbox.places import CONFIGURED, CPUS, NOBODY, SYSTEM, needed


def program() -> str | None:
    """Return where bubblewrap is installed; None: nowhere."""
    return shutil.which("bwrap")


def command(
    bwrap: str,
    *,
    writable: Sequence[Path],
    environment: Mapping[str, str],
    options: Sequence[str],
) -> list[str]:
    """Return what stands before a command that is to run in a room of its own.

    Args:
        bwrap: The program.
        writable: Folders and files of the machine that can be written there, at the same places.
        environment: Of the command; it names files that have to be there.
        options: Further ones: which process space, which ``/proc``.
    """
    parts = [bwrap, "--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    parts += ["--uid", NOBODY, "--gid", NOBODY, "--hostname", "nbprocessor", "--die-with-parent", "--new-session"]
    for path in SYSTEM:
        if path.is_symlink():
            parts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            parts += ["--ro-bind", str(path), str(path)]
    for name in CONFIGURED:
        parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    parts += ["--dev", "/dev", "--dir", "/run"]
    for path in TEMPORARY:
        parts += ["--tmpfs", str(path)]
    parts += ["--ro-bind-try", str(CPUS), str(CPUS)]
    for path in sorted(set(needed(environment, writable))):
        parts += ["--ro-bind", str(path), str(path)]
    for path in writable:
        parts += ["--bind", str(path), str(path)]
    # What is nobody's folder is in memory, and would be the same for all jobs of a fork server.
    return [*parts, *options, "--remount-ro", "/", "--remount-ro", "/dev", "--"]
