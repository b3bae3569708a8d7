"""The manifest of a job folder: its files' digests, written and read as JSON."""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from nbprocessor import contract
from nbprocessor.model.manifest import DataRequest, FileDigest, Manifest, OutputFile
from nbprocessor.store.files import PART, is_plain, open_plain, sync_folder

log = logging.getLogger(__name__)


def take_stock(folder: Path) -> Sequence[FileDigest]:
    """Return size and digest of every file but the manifest.

    What is no plain file of its own is removed unread, and so is what was half written.
    """
    found = []
    for name in names(folder):
        path = folder / name
        if not is_plain(path.lstat()) or _is_half(name):
            path.unlink()
            log.warning("removed what is no plain file of the job folder=%s file=%r", folder, name)
        elif name != contract.FILE_MANIFEST:
            with open_plain(folder, *name.split("/")) as file:
                found.append(FileDigest(path=name, sha256=digest(file), bytes=file.tell()))
                # The manifest promises the file, so it must be on the disk before the manifest is.
                os.fsync(file.fileno())
    for place, _, _ in os.walk(folder):
        sync_folder(Path(place))
    return tuple(found)


def names(folder: Path) -> list[str]:
    """Return the paths of everything below a folder that is no folder, sorted; links are not followed."""
    found, left = [], [""]
    while left:
        prefix = left.pop()
        with os.scandir(folder / prefix) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(f"{prefix}{entry.name}/")
                else:
                    found.append(prefix + entry.name)
    return sorted(found)


def digest(file: BinaryIO) -> str:
    """Return the SHA-256 digest of a file from here to its end, hexadecimal."""
    calculated = hashlib.sha256()
    while chunk := file.read(1 << 20):
        calculated.update(chunk)
    return calculated.hexdigest()


def dump(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    return json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()


def load(content: bytes) -> Manifest:
    """Read what :func:`dump` wrote; ValueError, TypeError or KeyError when it is something else."""
    document = json.loads(content)
    return Manifest(
        job=document["job"],
        process=document["process"],
        outputs=tuple(OutputFile(**output) for output in document["outputs"]),
        files=tuple(FileDigest(**file) for file in document["files"]),
        environment=document["environment"],
        data=tuple(DataRequest(**request) for request in document.get("data", ())),
        data_left_out=document.get("data_left_out", 0),
        redacted=document.get("redacted", {}),
    )


def _is_half(name: str) -> bool:
    """Tell whether a file of the job itself was being written when its writer ended."""
    return "/" not in name and name.startswith(".") and name.endswith(PART)
