"""Downloads into temporary files: several at a time, each path at most once, bounded by the disk and not by memory."""

import os
import shutil
import tempfile
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from nbprocessor.errors import DataUnavailable
from nbprocessor.kit.connection import Connection


class Downloads:
    """Files that are being fetched or wait to be taken, for several threads.

    Whoever takes a file owns it; what nobody takes is removed with the folder when this object is no longer used.
    """

    def __init__(self, connection: Connection, parallel: int) -> None:
        self._connection = connection
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="download")
        self._folder = Path(tempfile.mkdtemp(prefix="nbprocessor-"))
        self._begun: dict[str, Future[Path]] = {}
        self._beginning = threading.Lock()
        self._ended = threading.Event()
        self._end = weakref.finalize(self, _remove, self._threads, connection, self._folder, self._ended)

    def begin(self, path: str, resource: str, largest: int) -> Future[Path]:
        """Begin to fetch ``path`` unless that has been done; see `Connection.download` for the rest."""
        with self._beginning:
            if path not in self._begun:
                self._begun[path] = self._threads.submit(
                    _into_file, self._connection, self._folder, self._ended, path, resource, largest
                )
            return self._begun[path]

    def take(self, path: str, resource: str, largest: int) -> Path:
        """Return the file with the answer; a failure is raised once, the next call asks again.

        Raises:
            DataError: as `Connection.download` has it.
        """
        future = self.begin(path, resource, largest)
        try:
            return future.result()
        finally:
            with self._beginning:
                self._begun.pop(path, None)

    def close(self) -> None:
        """Give up what has not begun and remove all files."""
        self._end()


def _into_file(
    connection: Connection, folder: Path, ended: threading.Event, path: str, resource: str, largest: int
) -> Path:
    """A function and not a method: a running thread must not keep alive what nobody uses any more."""
    try:
        descriptor, name = tempfile.mkstemp(suffix=".geojson", dir=folder)
        os.close(descriptor)
    except OSError as error:
        raise DataUnavailable(resource, f"the answer cannot be kept: {error.strerror or error}") from error
    file = Path(name)
    try:
        connection.download(path, resource, file, largest)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    finally:
        if ended.is_set():  # the folder was removed, or could not be while this file was written
            shutil.rmtree(folder, ignore_errors=True)
    return file


def _remove(threads: ThreadPoolExecutor, connection: Connection, folder: Path, ended: threading.Event) -> None:
    ended.set()
    threads.shutdown(wait=False, cancel_futures=True)
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)
