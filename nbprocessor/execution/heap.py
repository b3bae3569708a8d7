"""What this process has freed goes back to the system; by itself glibc keeps most of it, in ever more holes."""

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""None: the system's C library is another one, which gives back by itself."""


def give_back() -> None:
    """Return to the system what is free; takes some milliseconds, in which other threads go on."""
    if _trim is not None:
        _trim(ctypes.c_size_t(0))
