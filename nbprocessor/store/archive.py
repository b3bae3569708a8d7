"""Finished job folders at an fsspec URL: an object store, or a folder elsewhere."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast
from uuid import UUID

import fsspec

from nbprocessor.errors import ResultGone, SettingsError, StoreUnavailable


class Archive:
    """Job folders below one URL.

    Every method raises StoreUnavailable when the URL does not answer.
    """

    def __init__(self, url: str) -> None:
        """Choose the kind of store; nothing is called yet.

        Raises:
            SettingsError: Nothing installed here knows the URL's kind.
        """
        self._url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise SettingsError(f"results.url is {url!r}: {error}.", key="results.url") from None

    def put(self, job_id: UUID, name: str, content: BinaryIO) -> None:
        """Store one file of a job."""
        path = self._path(job_id, name)
        with self._explained():
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            with self._files.open(path, "wb") as file:
                shutil.copyfileobj(content, file)

    def open(self, job_id: UUID, name: str) -> BinaryIO:
        """Open one file of a job for reading.

        Raises:
            ResultGone: There is none.
        """
        with self._explained():
            try:
                return cast("BinaryIO", self._files.open(self._path(job_id, name), "rb"))
            except (FileNotFoundError, IsADirectoryError):
                raise ResultGone(job_id, name) from None

    def delete(self, job_id: UUID) -> None:
        """Remove a job's files; nothing happens when there are none."""
        folder = f"{self._root}/{job_id}"
        with self._explained():
            if self._files.exists(folder):
                self._files.rm(folder, recursive=True)

    def names(self) -> Sequence[str]:
        """Return the names of the folders at the URL."""
        with self._explained():
            self._files.invalidate_cache()
            if not self._files.exists(self._root):
                return []
            return [path.rstrip("/").rpartition("/")[2] for path in self._files.ls(self._root, detail=False)]

    def _path(self, job_id: UUID, name: str) -> str:
        return f"{self._root}/{job_id}/{name}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(f"{self._url} (results.url) cannot be used: {error}.") from error
