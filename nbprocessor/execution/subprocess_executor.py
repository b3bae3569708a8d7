"""Executor ``subprocess``: a process and a session of its own per job, with an ordinary Jupyter kernel below."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from nbprocessor.execution import piped
from nbprocessor.execution.executor import Executor, Observe, Run, RunningJob
from nbprocessor.execution.piped import Pipes


class SubprocessExecutor(Executor):
    """Runs each job as ``python -m nbprocessor.execution.child``; any kernel, at the cost of its start."""

    name: ClassVar[str] = "subprocess"

    async def start(self, run: Run, observe: Observe) -> RunningJob:
        """Start the child; it imports, starts its kernel and reports on its own.

        Raises:
            ExecutionError: The system lets no further process be started.
        """
        return await piped.start(run, observe, _start_child)

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
