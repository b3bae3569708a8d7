"""Executor ``subprocess``: a process and a session of its own per job, with an ordinary Jupyter kernel below."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from nbprocessor.errors import ExecutionError
from nbprocessor.execution.executor import Executor, Observe, Run, RunningJob
from nbprocessor.execution.piped import PipedJob, Pipes, with_scratch


class SubprocessExecutor(Executor):
    """Runs each job as ``python -m nbprocessor.execution.child``; any kernel, at the cost of its start."""

    name: ClassVar[str] = "subprocess"

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Start the child; it imports, starts its kernel and reports on its own.

        Raises:
            ExecutionError: The system lets no further process be started.
        """
        with contextlib.ExitStack() as undo:
            try:
                run, scratch = with_scratch(run)
                undo.callback(shutil.rmtree, scratch, ignore_errors=True)
                pipes = Pipes()
                undo.callback(pipes.close)
                process = await _start_child(run, pipes)
            except OSError as error:
                raise ExecutionError(f"no process could be started for the job: {error.strerror or error}") from error
            undo.pop_all()
        pipes.close_childs()
        return PipedJob(run, process, pipes, scratch, observe)

    def facts(self) -> Mapping[str, Any]:
        """Return what ``/health`` tells."""
        return {"name": self.name, "isolation": "none"}


async def _start_child(run: Run, pipes: Pipes) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # a file in the job's folder must not become a module of the child
        "-m",
        "nbprocessor.execution.child",
        str(pipes.reports_in),
        stdin=pipes.orders_out,
        stdout=pipes.log_in,
        stderr=pipes.log_in,
        pass_fds=(pipes.reports_in,),
        env=dict(run.environment),
        cwd=run.folder,
        start_new_session=True,
    )
