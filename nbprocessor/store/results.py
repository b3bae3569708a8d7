"""The job folders: made whole, read without following links, recorded, and kept elsewhere if wished."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import UUID

from nbprocessor import contract, faultpoints
from nbprocessor.errors import NoSuchOutput, ResultGone, StoreUnavailable
from nbprocessor.model import Json
from nbprocessor.model.manifest import DataRequest, Manifest, OutputFile
from nbprocessor.store import manifest
from nbprocessor.store.archive import Archive
from nbprocessor.store.files import atomic_write, explained, open_plain, remove_tree, sync_folder, write_durably
from nbprocessor.store.unfinished import Unfinished, is_job_id, locked

_IN_USE = ".in-use"


class ResultStore:
    """Job folders below one folder; finished ones also at an fsspec URL, when there is one.

    Every method raises StoreUnavailable when the disk is full or the folder or URL cannot be used.
    """

    def __init__(self, folder: Path, url: str = "", reserve: int = 0) -> None:
        """Make the folder if it is not there.

        Args:
            folder: Where job folders are.
            url: An fsspec URL that keeps finished job folders; empty: they stay in ``folder`` alone.
            reserve: Bytes of free disk below which no new job is accepted.

        Raises:
            SettingsError: Nothing installed here knows the URL's kind.
        """
        self._folder = folder
        self._reserve = reserve
        self._archive = Archive(url) if url else None
        self._unfinished = Unfinished(folder)

    @property
    def kept_elsewhere(self) -> bool:
        """Whether finished job folders are copied to a URL."""
        return self._archive is not None

    def folder(self, job_id: UUID) -> Path:
        """Return where the job's folder is, or would be."""
        return self._folder / str(job_id)

    @contextmanager
    def accepting(self, job_id: UUID, files: Mapping[str, bytes]) -> Iterator[Path]:
        """Make the folder of a new job; it stays if the body, which accepts the job, ends well.

        A crash in the body leaves a folder that the next :meth:`sweep` removes unless the job was accepted.

        Args:
            job_id: Its id; there must be no folder of it.
            files: Content by name.
        """
        with self._unfinished.accepting(job_id):
            folder = self.create(job_id, files)
            faultpoints.passed("folder-made")
            try:
                yield folder
            except BaseException:
                self.delete(job_id)
                raise
            faultpoints.passed("row-added")
        faultpoints.passed("row-acknowledged")

    def create(self, job_id: UUID, files: Mapping[str, bytes]) -> Path:
        """Make a folder with its first files; a crash leaves all of it or nothing that counts.

        Args:
            job_id: Id of its job; there must be no folder of it.
            files: Content by name.
        """
        part = self._unfinished.folder(job_id)
        with explained(self._folder), self._unfinished.working():
            try:
                part.mkdir()
                for name, content in files.items():
                    write_durably(part / name, content)
                    faultpoints.passed("folder-half")
                sync_folder(part)
                part.rename(self.folder(job_id))
            except BaseException:
                with suppress(OSError):
                    remove_tree(part)
                raise
            sync_folder(self._folder)
        return self.folder(job_id)

    def open(self, job_id: UUID, name: str) -> BinaryIO:
        """Open a file of a job's folder for reading.

        Args:
            job_id: Its id.
            name: Path within the folder, with forward slashes.

        Raises:
            NoSuchOutput: The name leads out of the folder, or to a link, a pipe or a file of two names.
            ResultGone: There is no such file, here or at the URL.
        """
        steps = _steps(job_id, name)
        try:
            with _explained(self._folder):
                return open_plain(self._folder, str(job_id), *steps)
        except PermissionError:
            raise NoSuchOutput(job_id, name) from None
        except FileNotFoundError:
            return self._kept_elsewhere(job_id, name)

    def read(self, job_id: UUID, name: str) -> bytes:
        """Return the content of a file; errors as :meth:`open`."""
        with self.open(job_id, name) as file, explained(self._folder):
            return file.read()

    def size(self, job_id: UUID, name: str) -> int:
        """Return a file's size in bytes; errors as :meth:`open`."""
        with self.open(job_id, name) as file:
            return file.seek(0, os.SEEK_END)

    def exists(self, job_id: UUID, name: str) -> bool:
        """Tell whether :meth:`open` would find the file."""
        try:
            self.open(job_id, name).close()
        except (NoSuchOutput, ResultGone):
            return False
        return True

    def write_manifest(
        self,
        job_id: UUID,
        *,
        job: Mapping[str, Json],
        process: Mapping[str, Json],
        outputs: Sequence[OutputFile],
        environment: Mapping[str, Json],
        data: Sequence[DataRequest] = (),
        data_left_out: int = 0,
        redacted: Mapping[str, int] | None = None,
    ) -> Manifest:
        """Record the run: its facts, and size and digest of every file in the folder.

        Nothing may write the folder any more. Links, pipes and files with a second name are removed unread,
        and so are files that were being written when a run was cut off.

        Raises:
            ResultGone: The job has no folder.
        """
        folder = self.folder(job_id)
        if not folder.is_dir():
            raise ResultGone(job_id, contract.FILE_MANIFEST)
        with explained(folder):
            files = manifest.take_stock(folder)
        record = Manifest(
            job=job,
            process=process,
            outputs=tuple(outputs),
            files=files,
            environment=environment,
            data=tuple(data),
            data_left_out=data_left_out,
            redacted=dict(redacted or {}),
        )
        atomic_write(folder / contract.FILE_MANIFEST, manifest.dump(record))
        return record

    def manifest(self, job_id: UUID) -> Manifest:
        """Return the record of a job.

        Raises:
            ResultGone: There is none, or none that can be read.
        """
        try:
            return manifest.load(self.read(job_id, contract.FILE_MANIFEST))
        except (NoSuchOutput, ValueError, TypeError, KeyError, RecursionError) as error:
            raise ResultGone(job_id, contract.FILE_MANIFEST) from error

    def verify(self, job_id: UUID) -> list[str]:
        """Compare a job's files with its manifest; return a sentence for each difference.

        Raises:
            ResultGone: The job has no manifest.
        """
        record = self.manifest(job_id)
        differences = []
        for recorded in record.files:
            try:
                with self.open(job_id, recorded.path) as file:
                    found = manifest.digest(file)
            except (NoSuchOutput, ResultGone):
                differences.append(f"{recorded.path} is missing.")
                continue
            if found != recorded.sha256:
                differences.append(f"{recorded.path} is not what it was: SHA-256 {found}, recorded {recorded.sha256}.")
        known = {contract.FILE_MANIFEST, *(recorded.path for recorded in record.files)}
        if self.folder(job_id).is_dir():
            with explained(self.folder(job_id)):
                there = manifest.names(self.folder(job_id))
            differences += [f"{name} was added later." for name in there if name not in known]
        return differences

    def publish(self, job_id: UUID) -> None:
        """Copy a finished job's folder to the URL, its manifest last; nothing happens without a URL.

        Raises:
            ResultGone: The job has no manifest: it has not ended.
        """
        if self._archive is None:
            return
        names = [recorded.path for recorded in self.manifest(job_id).files]
        for name in [*names, contract.FILE_MANIFEST]:
            with self.open(job_id, name) as file:
                self._archive.put(job_id, name, file)

    def delete(self, job_id: UUID) -> None:
        """Remove a job's folder, here and at the URL; nothing happens when there is none."""
        part = self._unfinished.folder(job_id)
        with explained(self._folder), self._unfinished.working(), suppress(FileNotFoundError):
            # Renamed first: what a crash leaves is swept up, and nobody reads half a folder.
            self.folder(job_id).rename(part)
            faultpoints.passed("folder-leaving")
            remove_tree(part)
        if self._archive is not None:
            self._archive.delete(job_id)

    def sweep(self, is_known: Callable[[UUID], bool]) -> Sequence[str]:
        """Remove what a crash left: folders half made or half removed, and those of jobs that were not accepted.

        Args:
            is_known: Tells whether a job was accepted.

        Returns:
            The names of the folders.
        """
        return self._unfinished.sweep(is_known)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Say that a program runs jobs in this folder while the body runs; several may.

        Raises:
            StoreUnavailable: A program has the folder to itself.
        """
        with self._held(fcntl.LOCK_SH, "`nbprocessor recover` rebuilds the database of"):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the folder to oneself while the body runs.

        Raises:
            StoreUnavailable: A program runs jobs in it.
        """
        with self._held(fcntl.LOCK_EX, "A server or `nbprocessor run` uses"):
            yield

    def job_ids(self) -> list[UUID]:
        """Return the ids of all jobs that have a folder, here or at the URL."""
        with explained(self._folder):
            here = {entry.name for entry in os.scandir(self._folder) if entry.is_dir(follow_symlinks=False)}
        elsewhere = self._archive.names() if self._archive is not None else ()
        return sorted(UUID(name) for name in {*here, *elsewhere} if is_job_id(name))

    def check_reserve(self) -> None:
        """Make sure that there is room for a new job.

        Raises:
            StoreUnavailable: Less disk is free than is to be kept in reserve.
        """
        with explained(self._folder):
            free = shutil.disk_usage(self._folder).free
        if free < self._reserve:
            reason = (
                f"The disk that holds {self._folder} has {free // 1_000_000} MB left, and "
                f"{self._reserve // 1_000_000} MB are kept in reserve (results.reserve); free some space."
            )
            raise StoreUnavailable(reason, retry_after=60)

    @contextmanager
    def _held(self, kind: int, holder: str) -> Iterator[None]:
        with ExitStack() as held:
            with explained(self._folder):
                try:
                    held.enter_context(locked(self._folder / _IN_USE, kind | fcntl.LOCK_NB))
                except BlockingIOError:
                    reason = f"{holder} the folder {self._folder}; try again once it has ended."
                    raise StoreUnavailable(reason) from None
            yield

    def _kept_elsewhere(self, job_id: UUID, name: str) -> BinaryIO:
        if self._archive is None:
            raise ResultGone(job_id, name)
        return self._archive.open(job_id, name)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Act as :func:`explained`, but for errors that say something of the file asked for."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except OSError:
        with explained(folder):
            raise


def _steps(job_id: UUID, name: str) -> Sequence[str]:
    steps = name.split("/")
    if any(step in {"", ".", ".."} or "\0" in step or len(step.encode(errors="replace")) > 255 for step in steps):
        raise NoSuchOutput(job_id, name)
    return PurePosixPath(name).parts
