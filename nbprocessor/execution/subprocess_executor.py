"""Executor ``subprocess``: a process and a session of its own per job, with an ordinary Jupyter kernel below."""

import asyncio
import contextlib
import sys
from typing import ClassVar
from uuid import UUID

import psutil

from nbprocessor.execution import piped, processtree
from nbprocessor.execution.executor import Executor, Observe, Run, RunningJob
from nbprocessor.execution.piped import Pipes


class SubprocessExecutor(Executor):
    """Runs each job as ``python -m nbprocessor.execution.runner``; any kernel, at the cost of its start."""

    name: ClassVar[str] = "subprocess"

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Start the child; it imports, starts its kernel and reports on its own.

        Raises:
            ExecutionError: The system lets no further process be started.
        """
        return await piped.start(run, observe, self._begin)

    async def _begin(self, run: Run, pipes: Pipes) -> "_Child":
        environment = dict(run.environment)
        process = await asyncio.create_subprocess_exec(
            *self.isolation.around_run(run.folder, run.scratch, environment),
            sys.executable,
            "-P",  # a file in the job's folder must not become a module of the child
            "-m",
            "nbprocessor.execution.runner",
            str(pipes.reports_in),
            stdin=pipes.orders_out,
            stdout=pipes.log_in,
            stderr=pipes.log_in,
            pass_fds=(pipes.reports_in,),
            env=environment,
            cwd=run.folder,
            start_new_session=True,
        )
        return _Child(process, run.job_id)


class _Child:
    """The process at the root of a run."""

    def __init__(self, process: asyncio.subprocess.Process, job_id: UUID) -> None:
        self._process = process
        self._job_id = job_id
        self._root: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._root = psutil.Process(process.pid)

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return await self._process.wait()

    async def kill(self) -> None:
        """End the tree from its leaves to its root."""
        await asyncio.to_thread(processtree.end, self._root, self._job_id)
