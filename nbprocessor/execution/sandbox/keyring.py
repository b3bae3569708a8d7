"""The kernel's keys of who began the server, which children inherit past every namespace: they are left behind.

``python keyring.py <command>`` leaves them and becomes the command: bubblewrap has no option for it. Then nothing is
imported that takes time. Sources: session-keyring(7), keyctl(2), syscalls(2).
"""

import ctypes
import errno
import os
import sys

_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
"""Number of the system call; the C library has no function for it."""
_JOIN_SESSION_KEYRING = 1
_REFUSED = {errno.ENOSYS, errno.EPERM}
"""There are no keys, or nobody in this container may ask for any: a job may not either."""


def leave() -> None:
    """Join a session keyring that is new, has no name and is empty; what is forked from this thread shares it.

    Raises:
        OSError: It is not to be had, such as where the user has as many keys as he may.
    """
    number = _KEYCTL.get(os.uname().machine)
    if number is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    joined = libc.syscall(ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), None)
    if joined < 0 and ctypes.get_errno() not in _REFUSED:
        raise OSError(ctypes.get_errno(), f"join a session keyring: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    leave()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # the server's own
