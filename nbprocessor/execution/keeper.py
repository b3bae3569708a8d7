"""The keeper of a slot: forks the shell in which a job's cells run, and ends whatever the job leaves.

It is forked from the fork server when a slot is made, and knows nothing of any job: what a shell inherits from it can
tell nobody's data. Where runs are sealed it is the first process of the slot's own process space, so that its end is
the end of all in it. Requests come from the slot's runner (:mod:`.runner`) over a socket (SEQPACKET), JSON each:
``{"fork": true}`` with three descriptors (the shell's connection, its standard output and error),
``{"signal": number}``, ``{"clear": true}``. Answers: ``{"forked": true}`` or ``{"error": text}``, ``{"exit": status}``
when a shell has ended, ``{"cleared": true}`` when nothing of the job does anything any more.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from nbprocessor.execution import forking, messages, processtree, shell
from nbprocessor.execution.attendance import Attendance
from nbprocessor.execution.sandbox.namespaces import TEMPORARY
from nbprocessor.execution.sandbox.view import mounted_in

_LOOKS, _PAUSE = 100, 0.0002
"""How often and how many seconds apart it is looked whether killed processes have stopped; most have at once."""


def keep(control: socket.socket, alive: int, hidden: Sequence[Path] | None) -> None:
    """Serve one slot until nobody asks any more.

    Args:
        control: To the runner.
        alive: Descriptor that tells by its end that this process is gone; shells do not get it.
        hidden: Folders of others that shells must not see, and this is the first process of a process space of its
            own; None: runs are not sealed.
    """
    if hidden is None:
        processtree.adopt_orphans()
    else:
        mounted_in((*TEMPORARY, *hidden))  # looked up once, for all shells
    _Keeper(control, alive, hidden).serve()


class _Keeper:
    """Knows the one shell there is."""

    def __init__(self, control: socket.socket, alive: int, hidden: Sequence[Path] | None) -> None:
        self._control = control
        self._alive = alive
        self._hidden = hidden
        self._shell: int | None = None
        self._clean = True
        """Whether all that the last shell has left has been ended."""
        self._attendance = Attendance(control)

    def serve(self) -> None:
        """Take requests and tell ends; whatever is left when nobody asks any more ends, too."""
        try:
            self._attendance.attend(self._obey, self._reap)
        finally:
            self._clear()

    def _obey(self) -> bool:
        """Do what is asked; False: nobody asks any more."""
        request, descriptors = messages.receive(self._control, 3)
        if request is None:
            return False
        if "fork" in request:
            self._fork(descriptors)
        elif "signal" in request and self._shell is not None:
            os.kill(self._shell, request["signal"])
        elif "clear" in request:
            self._clear()
            self._tell({"cleared": True})
        return True

    def _fork(self, descriptors: Sequence[int]) -> None:
        try:
            self._bury()
            pid = os.fork()
            if pid == 0:
                forking.become(lambda: self._be_shell(*descriptors))
            self._shell, self._clean = pid, False
            self._tell({"forked": True})
        except OSError as error:
            self._tell({"error": error.strerror})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _be_shell(self, connection: int, stdout: int, stderr: int) -> None:
        """Be the shell; called in the fork."""
        os.setsid()
        forking.die_with_parent()
        self._attendance.leave()
        os.close(self._alive)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for descriptor in (stdout, stderr):
            os.close(descriptor)
        with contextlib.suppress(SystemExit):  # a cell's, or an exit function's
            shell.serve(socket.socket(fileno=connection), self._hidden)

    def _reap(self) -> None:
        """Tell when the shell has ended; other children are what it left."""
        for pid, status in forking.ended_children():
            if pid == self._shell:
                self._tell_end(status)

    def _tell_end(self, status: int) -> None:
        self._shell = None
        self._tell({"exit": status})

    def _clear(self) -> None:
        """End every process of the job: here, all there are but this one.

        The system may still be taking down what they had in memory; :meth:`_bury` waits for that.
        """
        self._clean = True
        if self._hidden is None:
            processtree.end_descendants(psutil.Process())
            self._reap()
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        for _ in range(_LOOKS):
            if not processtree.others_run():
                break
            time.sleep(_PAUSE)
        else:
            self._bury()
        self._shell = None

    def _bury(self) -> None:
        """Wait until nothing is left of the job before: the next shell must not share its limits with that."""
        if not self._clean:
            self._clear()  # the runner has not come to ask for it, and what is not killed may never end
        if self._hidden is None:
            if self._shell is not None:
                os.kill(self._shell, signal.SIGKILL)
                self._tell_end(os.waitpid(self._shell, 0)[1])
            return
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # nobody is there any more, which the next read finds out
            messages.send(self._control, message)
