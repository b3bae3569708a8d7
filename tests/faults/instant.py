"""The real server with an executor that runs nothing: a job costs what the server itself does for it.

So that a server can be killed hundreds of times at places of its own. Jobs of the processes slow and again run until
they are told to end.
"""

import asyncio
import json
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, ClassVar

import click
import uvicorn

from nbprocessor import config, contract, faultpoints
from nbprocessor.app import build, create_app
from nbprocessor.cli.serve import listen
from nbprocessor.cli.stopping import stopping_at_signals
from nbprocessor.errors import KernelDied
from nbprocessor.execution.executor import Executor, Observe, Outcome, Progress, Run, RunningJob
from tests.servers.nbprocessor import Server, url_in


class Instant(RunningJob):
    """A run that is over as soon as its files are there, or once it is told to end."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._told = asyncio.Event()

    def interrupt(self) -> None:
        self._told.set()

    async def kill(self) -> None:
        self._told.set()

    async def wait(self) -> Outcome:
        if self._run.parameters.keys() & {"seconds", "mark"}:
            await self._told.wait()
            return Outcome(KernelDied("work"))
        await asyncio.to_thread(self._write)
        return Outcome()

    def _write(self) -> None:
        notebook = json.loads((self._run.folder / contract.FILE_NOTEBOOK).read_bytes())
        facts = {"output": "result", "mediaType": "application/json", "href": "result.json"}
        shown = {"output_type": "display_data", "data": {"text/plain": ""}, "metadata": {contract.METADATA_KEY: facts}}
        notebook["cells"][-1]["outputs"] = [shown]
        (self._run.folder / contract.FOLDER_OUTPUTS / "result.json").write_text("42")
        (self._run.folder / contract.FILE_EXECUTED).write_text(json.dumps(notebook))


class Instantly(Executor):
    name: ClassVar[str] = "instant"

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        observe(Progress(1, 2, "work", "Work"))
        return Instant(run)

    def facts(self) -> Mapping[str, Any]:
        return {"name": self.name}


class Forked:
    """A server's process, as far as tests use one of subprocess."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


def begin(notebooks: Path, results: Path, point: str = "") -> Forked:
    """Start a server that ends at a point; forked from a process that has the imports done, as there are many."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_main, args=(notebooks, results, point))
    process.start()
    return Forked(process)


@contextmanager
def serving(notebooks: Path, results: Path, point: str = "") -> Iterator[Server]:
    """Keep a server for the time of the body, which may end before at its point."""
    log = _log(results)
    log.unlink(missing_ok=True)
    process = begin(notebooks, results, point)
    try:
        yield Server(url_in(log, process), notebooks, results, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        process.kill()
        assert code is not None, f"the server did not stop within 30 s:\n{log.read_text()}"


def _log(results: Path) -> Path:
    return results.parent / f"{results.name}-server.log"


def _main(notebooks: Path, results: Path, point: str) -> None:
    os.chdir(results.parent)
    descriptor = os.open(_log(results), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 2)
    logging.basicConfig(level="INFO", force=True)
    faultpoints.arm(point)
    folders = {"notebooks": {"folder": notebooks}, "results": {"folder": results, "reserve": 0}}
    # Nothing runs, so nothing can be tried to break out.
    execution = {"queue": 3, "slots": 4, "isolation": "none"}
    settings = config.load(**folders, execution=execution, outbound={"allow_hosts": "127.0.0.1"})
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        house = build(settings, {"instant": Instantly})
        house.catalogue.refresh()
        click.echo(f"{len(house.catalogue.processes)} processes on {url} (instant)", err=True)
        app = stopping_at_signals(house, create_app(house, url))
        with house.results.in_use():
            uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])
