"""``make run``: the tour a newcomer takes. Starts a server, executes a process over HTTP, shows what it left."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import requests

from nbprocessor import contract
from nbprocessor.cli.settings import folders, load, with_examples
from nbprocessor.errors import ExecutionError

if TYPE_CHECKING:
    from rich.console import Console

PROCESS = "km_indicator_divide"
TIMEOUT = (5, 120)
"""Seconds to connect, and between two events of a running job."""


@click.command(hidden=True)
@folders
@click.pass_context
def tour(context: click.Context, notebooks: Path | None, results: Path | None) -> None:
    """Start the server on the demo city, execute a process over HTTP, print its result and where its notebook lies."""
    from rich.console import Console

    settings = with_examples(load(context, notebooks=notebooks, results=results), notebooks)
    console = Console()
    with _server(settings.notebooks.folder, settings.results.folder) as url:
        process = _get(f"{url}/processes/{PROCESS}")
        console.print(f"[bold]{process['title']}[/bold] — {url}/processes/{PROCESS}", soft_wrap=True)
        job = _execute(url, process, console)
        folder = settings.results.folder / job["jobID"]
        if job["status"] != "successful":
            raise ExecutionError(f"The job {job['status']}: {job['message']} (see {folder / contract.FILE_EXECUTED})")
        _show(_get(f"{url}/jobs/{job['jobID']}/results?f=json"), console)
        console.print(f"\nExecuted notebook: {folder / contract.FILE_EXECUTED}", soft_wrap=True)
        console.print("[bold]make serve[/bold] starts the server and leaves it running.")


def _execute(url: str, process: dict[str, Any], console: "Console") -> dict[str, Any]:
    """Execute the process with its example inputs and follow it to its end."""
    from nbprocessor.cli.bar import job_bar

    request = {"inputs": process["example"]["inputs"]}
    answer = requests.post(
        f"{url}/processes/{PROCESS}/execution", json=request, headers={"Prefer": "respond-async"}, timeout=TIMEOUT
    )
    answer.raise_for_status()
    job: dict[str, Any] = answer.json()
    with job_bar(console) as show:
        for state in _events(f"{url}/jobs/{job['jobID']}/events"):
            job = state
            until = job.get("estimatedCompletion")
            show(job["progress"], job["message"] or job["status"], datetime.fromisoformat(until) if until else None)
    return job


def _events(url: str) -> Iterator[dict[str, Any]]:
    """Read statusInfo from the job's server-sent events until the job has ended."""
    with requests.get(url, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


def _show(results: dict[str, Any], console: "Console") -> None:
    for entry in results["jobSummary"]:
        dates = ", ".join(entry["integratedTargetDates"])
        console.print(
            f"{entry['spatialUnitId']}: {entry['numberOfIntegratedIndicatorFeatures']} Gebiete, {dates}", soft_wrap=True
        )
        for error in entry["errorsOccurred"]:
            console.print(f"  {error['type']}: {error['errorMessage']}", style="yellow", soft_wrap=True)
    first = results["resultData"][0]["indicatorValues"][0]
    latest = first["valueMapping"][-1]
    console.print(f"{first['spatialReferenceKey']} am {latest['timestamp']}: {latest['indicatorValue']}")


def _get(url: str) -> Any:
    response = requests.get(url, timeout=TIMEOUT)
    response.raise_for_status()
    return response.json()


@contextmanager
def _server(notebooks: Path, results: Path) -> Iterator[str]:
    """Run a server of its own on a free port for the time of the tour."""
    command = [
        sys.executable,
        "-m",
        "nbprocessor",
        "serve",
        "--port",
        "0",
        "--notebooks",
        str(notebooks),
        "--results",
        str(results),
    ]
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            for line in server.stderr:
                said.write(line)
                if " processes on http" in line:
                    yield line.partition(" processes on ")[2].split()[0]
                    return
            said.seek(0)
            raise ExecutionError(f"The server did not start:\n{said.read()}")
        finally:
            server.terminate()
