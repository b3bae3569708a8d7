"""What the processes that fork others have in common."""

import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn

_PR_SET_PDEATHSIG = 1


def become(what: Callable[[], None]) -> NoReturn:
    """Turn this fork into something else; it never comes back into the code of the process it was forked from."""
    code = 1
    try:
        what()
        code = 0
    except BaseException:  # noqa: BLE001  # the door of this process: the log is all there is to tell
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def ended_children() -> Iterator[tuple[int, int]]:
    """Yield number and status of each child that has ended, without waiting for one."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def die_with_parent() -> None:
    """Have this process killed when its parent ends, whatever kills that; Linux only."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
