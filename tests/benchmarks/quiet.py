"""Kernels that papermill starts write to the standard error they inherit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kernels_are_silent() -> Iterator[None]:
    """Keep what kernels write to the standard error they inherit out of the table."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
