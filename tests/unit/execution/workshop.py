"""A worker at work in a thread of its own, as in a server, on a store and a results folder of its own."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from nbprocessor import contract
from nbprocessor.config import Data, Results, Settings
from nbprocessor.config import Execution as ExecutionSettings
from nbprocessor.config import Limits as LimitSettings
from nbprocessor.config import Outbound as OutboundSettings
from nbprocessor.execution.choice import Executors
from nbprocessor.execution.events import JobEvents
from nbprocessor.execution.gateway.door import Gateway
from nbprocessor.execution.gateway.tokens import NobodySignsIn, TokenSource
from nbprocessor.execution.sandbox.choice import isolations
from nbprocessor.execution.submission import submit
from nbprocessor.execution.worker import Worker
from nbprocessor.model.job import Execution, Job
from nbprocessor.model.process import Process
from nbprocessor.notebook.describe import read
from nbprocessor.outbound import Outbound
from nbprocessor.store.database import open_database
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore
from tests.unit.notebook import written

PATIENCE = 60.0


def process(folder: Path, *cells: written.Cell, facts: str = "", **options: Any) -> Process:
    """A process of code cells; ``facts`` are lines of its front matter."""
    folder.mkdir(exist_ok=True)
    front = written.front(f"process:\n  id: trial\n  title: Trial\n  description: A trial.\n{facts}")
    return read(written.saved(folder, front, *cells, name="trial.ipynb", **options))


class Workshop:
    """The parts, and what tests do with them."""

    def __init__(
        self,
        folder: Path,
        *,
        outbound: Mapping[str, Any],
        data: Mapping[str, Any],
        limits: Mapping[str, Any],
        tokens: TokenSource,
        **execution: Any,
    ) -> None:
        self.folder = folder
        self.tokens = tokens
        self.settings = Settings(
            results=Results(folder=folder / "results", reserve=0),
            execution=ExecutionSettings(**{"slots": 2, "retry_backoff": 0, **execution}),
            outbound=OutboundSettings(**outbound),
            data=Data(**data),
            limits=LimitSettings(**limits),
        )
        self.results = ResultStore(self.settings.results.folder)
        self.store = JobStore(open_database(self.settings.store_url))
        self.events = JobEvents(self.store)
        self.outbound = Outbound(self.settings.outbound)
        self.executors = Executors(self.settings.execution.executor, isolations=isolations(self.settings))
        self.worker = self.make_worker()
        self.loop: asyncio.AbstractEventLoop | None = None

    def make_worker(self) -> Worker:
        return Worker(
            store=self.store,
            results=self.results,
            events=self.events,
            outbound=self.outbound,
            gateway=Gateway(self.settings.data, self.tokens),
            settings=self.settings,
            executors=self.executors,
        )

    def submit(self, *cells: written.Cell, facts: str = "", inputs: Mapping[str, Any] | None = None, **more) -> Job:
        found = process(self.folder / "notebooks", *cells, facts=facts)
        execution = Execution("trial", dict(inputs or {}), response="document", subscriber=more.pop("subscriber", None))
        job = submit(found, execution, store=self.store, results=self.results, queue_limit=1000, **more)
        self.worker.wake()
        return job

    def ended(self, job: Job) -> Job:
        """Wait for a job's end."""
        found = self.inside(self.events.wait(job.id, PATIENCE))
        assert found is not None, self.store.get(job.id)
        return found

    def run(self, *cells: written.Cell, **facts: Any) -> Job:
        return self.ended(self.submit(*cells, **facts))

    def inside(self, coroutine: Any) -> Any:
        """Do something in the worker's loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE + 10)

    def dismiss(self, job: Job) -> None:
        self.store.request_dismissal(job.id)
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.worker.dismiss, job.id)

    def wait_for(self, job: Job, text: str) -> None:
        """Wait until a file of the job's working folder has a text."""
        self.inside(_appears(self.results.folder(job.id) / contract.FOLDER_WORK / "here", text))

    def here(self, job: Job) -> str:
        """What the notebook wrote into the file ``here``."""
        return (self.results.folder(job.id) / contract.FOLDER_WORK / "here").read_text()

    def executed(self, job: Job | UUID) -> dict[str, Any]:
        job_id = job if isinstance(job, UUID) else job.id
        return json.loads(self.results.read(job_id, contract.FILE_EXECUTED))

    def log(self, job: Job) -> str:
        return self.results.read(job.id, contract.FILE_LOG).decode(errors="replace")

    @contextmanager
    def working(self) -> Iterator["Workshop"]:
        """Let the worker run jobs while the body runs."""
        stop, ready = asyncio.Event(), threading.Event()

        async def work() -> None:
            self.loop = asyncio.get_running_loop()
            ready.set()
            await self.worker.run(stop)

        thread = threading.Thread(target=lambda: asyncio.run(work()), name="worker")
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            assert self.loop is not None
            self.loop.call_soon_threadsafe(stop.set)
            thread.join(PATIENCE)
            self.loop = None
            assert not thread.is_alive(), "the worker did not stop"


@contextmanager
def workshop(
    folder: Path,
    *,
    outbound: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    tokens: TokenSource | None = None,
    **execution: Any,
) -> Iterator[Workshop]:
    """Open a workshop whose worker does not run yet."""
    given = {"outbound": outbound or {}, "data": data or {}, "limits": limits or {}}
    opened = Workshop(folder, **given, tokens=tokens or NobodySignsIn(), **execution)
    try:
        yield opened
    finally:
        opened.store.engine.dispose()


async def _appears(path: Path, text: str) -> None:
    """Wait until a file has a text; files have no events that a test could wait for everywhere."""
    async with asyncio.timeout(PATIENCE):
        while not (path.is_file() and text in path.read_text()):
            await asyncio.sleep(0.02)


def await_end_of(path: Path) -> None:
    """Wait until what is in a run's temporary folder is gone: it goes once nobody waits for the job any more."""
    deadline = time.monotonic() + 20
    while path.exists():
        assert time.monotonic() < deadline, f"{path} is still there"
        time.sleep(0.01)
