"""A job's log file: what its processes write, up to a limit."""

import math
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from nbprocessor.execution.limits import size


class JobLog:
    """Appends to a file and keeps the first ``limit`` bytes; says once that the rest is missing."""

    def __init__(self, path: Path, limit: int | None) -> None:
        """Open the file.

        Args:
            path: Of the file.
            limit: None: everything is kept.
        """
        self._file: FileIO | None = None
        self._left = math.inf if limit is None else limit
        self._limit = limit
        try:
            self._file = path.open("ab", buffering=0)
        except OSError:
            self._left = 0  # the disk is full, as in :meth:`write`

    def write(self, content: bytes) -> None:
        """Keep what fits, on a full disk nothing: whoever writes to the log must not have to wait for it."""
        if self._left <= 0 or self._file is None:
            return
        try:
            self._file.write(content if self._left >= len(content) else content[: int(self._left)])
            self._left -= len(content)
            if self._limit is not None and self._left <= 0:
                self._file.write(f"\n[log limit of {size(self._limit)} reached; the rest is not kept]\n".encode())
        except OSError:
            self._left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
