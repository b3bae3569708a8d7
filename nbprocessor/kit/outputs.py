"""Handing over what a process computed."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbprocessor import contract
from nbprocessor.kit import encoding, files, preview, wording
from nbprocessor.kit.jsonvalues import Value

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


def output(name: str, value: Value, media_type: str | None = None) -> None:
    """Hand over an output of the process.

    In a job, ``value`` is written to ``<name>.<extension>`` in the job's outputs folder, whole or not at all,
    and the cell shows a short preview that carries the file's name, size and SHA-256 digest as metadata: the
    executed notebook is its own index of outputs. Without a job, as in JupyterLab, it is only shown.

    Handing over a name twice in one run is allowed, as running a cell twice is: the last value counts.

    Args:
        name: the output's id, as the front matter declares it: letters, digits, ``_`` and ``-``.
        value: text, number, list, dict, table, geodata, figure, bytes, or the `Path` of a file
            (see `encoding`).
        media_type: overrides the media type that goes with the value's type.

    Raises:
        ValueError: ``name`` cannot name a file; or see `encoding.encode`.
        TypeError: the value has no written form.
        FileNotFoundError: the file to hand over is not there.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"an output cannot be called {name!r}; use letters, digits, _ and -, beginning with a letter or _"
        )
    if isinstance(value, Path):
        _hand_over_file(name, value, media_type)
        return
    encoded = encoding.encode(value, media_type)
    file = f"{name}.{encoding.extension(encoded.media_type)}"
    folder = _folder()
    facts = _facts(name, encoded.media_type, file, len(encoded.content), hashlib.sha256(encoded.content).hexdigest())
    if folder is not None:
        files.write(folder / file, encoded.content)
        _forget_former(folder, name, file)
    _show(
        facts,
        preview.bundle(_caption(facts, in_job=folder is not None), value, encoded),
        in_job=folder is not None,
    )


def _hand_over_file(name: str, path: Path, media_type: str | None) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"output {name!r}: there is no file {path}")
    media_type = media_type or encoding.media_type_of(path)
    file = f"{name}.{encoding.extension(media_type)}"
    folder = _folder()
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        if folder is None:
            size = path.stat().st_size
        else:
            with files.replacing(folder / file) as target:
                while block := source.read(1 << 20):
                    target.write(block)
                    digest.update(block)
                    size += len(block)
            _forget_former(folder, name, file)
    facts = _facts(name, media_type, file, size, digest.hexdigest())
    _show(
        facts,
        preview.bundle(_caption(facts, in_job=folder is not None), path, None),
        in_job=folder is not None,
    )


def _facts(name: str, media_type: str, file: str, size: int, sha256: str) -> dict[str, Any]:
    return {"output": name, "mediaType": media_type, "href": file, "bytes": size, "sha256": sha256}


def _caption(facts: Mapping[str, Any], *, in_job: bool) -> str:
    line = f"{facts['output']} · {facts['mediaType']} · {wording.size(facts['bytes'])}"
    if in_job:
        return f"{line} → {facts['href']}"
    place = f"{contract.FOLDER_OUTPUTS}/{facts['href']}"
    return f"{line} " + wording.choose(f"(kein Job: in einem Lauf entsteht {place})", f"(no job: a run writes {place})")


def _show(facts: Mapping[str, Any], data: Mapping[str, Any], *, in_job: bool) -> None:
    _publish(data, {contract.METADATA_KEY: dict(facts)} if in_job else {})


def _publish(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Send a display message to whoever runs this kernel; in plain Python print its text, if it has one."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - plain scripts need not wait for it

    if InteractiveShell.initialized():
        InteractiveShell.instance().display_pub.publish(data=dict(data), metadata=dict(metadata))
    elif "text/plain" in data:
        print(data["text/plain"])  # noqa: T201 - plain Python has no other place to show it


def _folder() -> Path | None:
    """Return the job's outputs folder, made if need be; None without a job."""
    place = os.environ.get(contract.JOB_OUTPUTS)
    if not place:
        return None
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _forget_former(folder: Path, name: str, file: str) -> None:
    """Remove what an earlier call handed over under this name with another extension."""
    for former in folder.glob(f"{name}.*"):
        if former.name != file:
            former.unlink(missing_ok=True)
