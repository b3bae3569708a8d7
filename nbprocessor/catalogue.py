"""The processes on offer: a folder of notebooks, watched; each in its newest version that is good."""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from watchfiles import awatch

from nbprocessor.errors import NbprocessorError, NoSuchProcess, NotebookError, Problem
from nbprocessor.model.process import Process
from nbprocessor.notebook import frontmatter
from nbprocessor.notebook.describe import read_if_process

log = logging.getLogger(__name__)

SUFFIX = ".ipynb"
LOOK = 1000
"""Milliseconds after which the folder is looked through although nothing was reported: not every drive reports."""
GATHER = 100
"""Milliseconds in which several changes are taken for one, as programs save in several steps."""
PAUSE = 0.5
"""Seconds before a folder that went away is looked for again."""

Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of one notebook file."""

    signature: Signature
    """Changes whenever the file, or what its folder shares, is saved."""
    process: Process | None
    """Its last good version; None: it never was a process."""
    fault: NotebookError | None = None
    """Why the version on disk is not the one on offer."""


class Catalogue:
    """Processes by id. What :attr:`processes` and :attr:`faults` return never changes; new ones take their place."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is read yet.

        Args:
            folder: Notebooks are in it and below it. Names that begin with ``_`` or ``.`` are not looked at.
        """
        self._folder = folder
        self._entries: dict[Path, _Entry] = {}
        self._refreshing = threading.Lock()
        self.processes: Mapping[str, Process] = MappingProxyType({})
        self.faults: Mapping[str, NotebookError] = MappingProxyType({})
        """Why a notebook is not on offer as it was saved: by process id, or by its path while it has none."""

    def get(self, process_id: str) -> Process:
        """Return a process on offer.

        Raises:
            NoSuchProcess: There is none of this id.
        """
        try:
            return self.processes[process_id]
        except KeyError:
            raise NoSuchProcess(process_id) from None

    def refresh(self) -> None:
        """Read what was saved since the last time.

        Raises:
            NotebookError: The folder cannot be read; what is on offer stays.
        """
        with self._refreshing:
            found = self._found()
            for path in self._entries.keys() - found.keys():
                log.info("notebook gone path=%s", path)
            self._entries = found
            self._offer()

    async def watch(self, stop: asyncio.Event) -> None:
        """Keep what is on offer up to date until ``stop`` is set; a folder that is away for a while does no harm."""
        told = ""
        while not stop.is_set():
            try:
                await self._follow(stop)
            except (OSError, NbprocessorError) as error:
                if str(error) != told:  # once, not at every look
                    log.warning("notebooks folder cannot be read reason=%s", error)
                told = str(error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)

    async def _follow(self, stop: asyncio.Event) -> None:
        changes = awatch(
            self._folder, debounce=GATHER * 5, step=GATHER, rust_timeout=LOOK, yield_on_timeout=True, stop_event=stop
        )
        async for _ in changes:
            await asyncio.to_thread(self.refresh)

    def _found(self) -> dict[Path, _Entry]:
        """Look at every notebook there is; those of a folder that cannot be read stay as they were."""
        closed: dict[Path, OSError] = {}
        found = {path: self._entry(path) for path in self._files(closed)}
        for folder, error in closed.items():
            fault = NotebookError(folder, [Problem("", f"The folder cannot be read: {error.strerror or error}.")])
            found[folder] = _Entry((error.errno,), None, fault)
            found |= {path: entry for path, entry in self._entries.items() if folder in path.parents}
            if folder not in self._entries:
                log.warning("folder of notebooks cannot be read path=%s reason=%s", folder, error)
        return found

    def _files(self, closed: dict[Path, OSError]) -> list[Path]:
        """Return the notebooks in the order in which they are offered; folders that cannot be read go to ``closed``.

        Raises:
            NotebookError: The folder cannot be read.
        """
        try:
            return sorted(_below(self._folder, closed))
        except FileNotFoundError:
            mend = "`nbprocessor init` makes one with examples; another is named with --notebooks."
            raise NotebookError(self._folder, [Problem("", "There is no such folder of notebooks.", mend)]) from None
        except OSError as error:
            fault = Problem("", f"The folder of notebooks cannot be read: {error.strerror or error}.")
            raise NotebookError(self._folder, [fault]) from None

    def _entry(self, path: Path) -> _Entry:
        known = self._entries.get(path)
        signature = _signature(path)
        if known is not None and known.signature == signature:
            return known
        last_good = known.process if known else None
        try:
            process = read_if_process(path)
        except NotebookError as fault:
            log.warning("notebook has faults, %s path=%s faults=%s", _what_stays(last_good), path, fault)
            return _Entry(signature, last_good, fault)
        except Exception as error:  # a door: one notebook must not take all others away, whatever is in it
            log.exception("notebook cannot be read by a fault of the server path=%s", path)
            sentence = f"It cannot be read ({type(error).__name__}); this is a fault of the server, its log has more."
            return _Entry(signature, last_good, NotebookError(path, [Problem("", sentence)]))
        if process is not None:
            log.info("process on offer id=%s version=%s path=%s", process.id, process.version, path)
        return _Entry(signature, process)

    def _offer(self) -> None:
        """Put the good versions on offer. Of two notebooks with one id, the one already on offer stays."""
        offered: dict[str, Process] = {}
        faults: dict[str, NotebookError] = {}
        now = {process.path for process in self.processes.values()}
        for path, entry in sorted(self._entries.items(), key=lambda item: (item[0] not in now, item[0])):
            process, fault = entry.process, entry.fault
            if process is not None and process.id in offered:
                sentence = f'The id "{process.id}" is taken by {offered[process.id].path}.'
                fault = NotebookError(path, [Problem("", sentence, "Give it another id.")])
                process = None
                if str(path) not in self.faults:
                    log.warning("notebook not on offer path=%s reason=%s", path, sentence)
            if process is not None:
                offered[process.id] = process
            if fault is not None:
                faults[process.id if process else str(path)] = fault
        self.processes = MappingProxyType(dict(sorted(offered.items())))
        self.faults = MappingProxyType(faults)


def _below(folder: Path, closed: dict[Path, OSError]) -> Iterator[Path]:
    """Yield the notebooks below a folder; links to folders are not followed, they may lead in circles."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "_")):
                continue
            below = folder / entry.name
            if not entry.is_dir(follow_symlinks=False):
                if entry.name.endswith(SUFFIX):
                    yield below
                continue
            try:
                yield from _below(below, closed)
            except FileNotFoundError:
                continue  # it went away just now
            except OSError as error:
                closed[below] = error


def _signature(path: Path) -> Signature:
    return (*_facts(path), *_facts(frontmatter.shared_file(path)))


def _facts(path: Path) -> Signature:
    """Return what changes with each save; a file that is not there has none of it."""
    try:
        facts = path.stat()
    except OSError as error:
        return (error.errno,)
    return facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino


def _what_stays(last_good: Process | None) -> str:
    return f"version {last_good.version} stays on offer" if last_good else "it is not on offer"
