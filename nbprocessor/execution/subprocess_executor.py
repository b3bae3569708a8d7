"""Executor ``subprocess``: a process and a session of its own per job, with an ordinary Jupyter kernel below."""

import asyncio
import contextlib
import sys
from typing import ClassVar
from uuid import UUID

import psutil

from nbprocessor.execution import piped, processtree
from nbprocessor.execution.cgroups import Group
from nbprocessor.execution.executor import Executor, Observe, Run, RunningJob
from nbprocessor.execution.limits import Met
from nbprocessor.execution.piped import Pipes
from nbprocessor.model.process import Limits


class SubprocessExecutor(Executor):
    """Runs each job as ``python -m nbprocessor.execution.runner``; any kernel, at the cost of its start."""

    name: ClassVar[str] = "subprocess"

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Start the child; it imports, starts its kernel and reports on its own.

        Raises:
            ExecutionError: The system lets no further process be started.
        """
        return await piped.start(self.inside(run), observe, self._begin)

    async def _begin(self, run: Run, pipes: Pipes) -> "_Child":
        environment = dict(run.environment)
        group = self.isolation.groups.make(f"run-{run.job_id.hex}")
        try:
            process_limits = group.bind(run.limits)
            return _Child(await self._process(run, pipes, environment, group), run.job_id, group, process_limits)
        except BaseException:
            group.remove()
            raise

    async def _process(
        self, run: Run, pipes: Pipes, environment: dict[str, str], group: Group
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *group.around(),
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


class _Child:
    """The process at the root of a run."""

    def __init__(self, process: asyncio.subprocess.Process, job_id: UUID, group: Group, process_limits: Limits) -> None:
        self._process = process
        self._job_id = job_id
        self._group = group
        self.process_limits = process_limits
        self._met: Met | None = None
        self._root: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._root = psutil.Process(process.pid)

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        code = await self._process.wait()
        self._met = self._group.met()
        await asyncio.to_thread(self._group.remove)
        return code

    async def kill(self) -> None:
        """End the tree from its leaves to its root."""
        await asyncio.to_thread(processtree.end, self._root, self._job_id)

    def met(self) -> Met:
        """Return what its control group has counted."""
        return self._met or self._group.met()
