"""The real server with an executor that runs nothing: each job gets the files of a run recorded before.

Store, job folders, recording and HTTP are the server's own, so that thousands of jobs pass through them in minutes.

    python -m tests.benchmarks.replay RECORDED_JOB_FOLDER NOTEBOOKS RESULTS
"""

import asyncio
import logging
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import uvicorn

from nbprocessor import config, contract
from nbprocessor.app import build, create_app
from nbprocessor.cli.serve import listen
from nbprocessor.execution.executor import Executor, Observe, Outcome, Run, RunningJob


class Replayed(RunningJob):
    """A run that is over as soon as its files are there."""

    def __init__(self, recorded: Path, folder: Path) -> None:
        self._recorded = recorded
        self._folder = folder

    def interrupt(self) -> None:
        """There is nothing to interrupt."""

    async def kill(self) -> None:
        """There is nothing to kill."""

    async def wait(self) -> Outcome:
        await asyncio.to_thread(self._copy)
        return Outcome()

    def _copy(self) -> None:
        for name in (contract.FILE_EXECUTED, contract.FILE_LOG):
            shutil.copyfile(self._recorded / name, self._folder / name)
        outputs = self._recorded / contract.FOLDER_OUTPUTS
        shutil.copytree(outputs, self._folder / contract.FOLDER_OUTPUTS, dirs_exist_ok=True)


def replaying(recorded: Path) -> type[Executor]:
    """Return an executor whose runs leave what one run left."""

    class Replay(Executor):
        name: ClassVar[str] = "replay"

        async def start(self, run: Run, observe: Observe) -> RunningJob:
            return Replayed(recorded, run.folder)

        def facts(self) -> Mapping[str, Any]:
            return {"name": self.name}

    return Replay


def main(recorded: Path, notebooks: Path, results: Path) -> None:
    logging.basicConfig(level="WARNING")
    # Nothing runs, so nothing can be tried to break out.
    execution = {"isolation": "none"}
    settings = config.load(notebooks={"folder": notebooks}, results={"folder": results}, execution=execution)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        house = build(settings, {"replay": replaying(recorded)})
        house.catalogue.refresh()
        print(f"{len(house.catalogue.processes)} processes on {url} (replayed)", file=sys.stderr, flush=True)
        server = uvicorn.Server(uvicorn.Config(create_app(house, url), log_config=None, access_log=False))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
