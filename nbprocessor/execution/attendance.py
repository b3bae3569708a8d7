"""How a process that forks others attends to them: requests on its socket, and the ends of its children."""

import os
import selectors
import signal
import socket
from collections.abc import Callable

from nbprocessor.execution import messages


class Attendance:
    """Waits in one thread, without any other: what is forked must inherit no locks."""

    def __init__(self, control: socket.socket) -> None:
        """Take the socket that brings requests; from now on ends of children wake this process."""
        self._control = control
        self._woken, self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)

    def attend(self, obey: Callable[[], bool], reap: Callable[[], None]) -> None:
        """Go on until nobody asks any more.

        Args:
            obey: Takes one request; False: there will be no more.
            reap: Looks for children that have ended.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    os.read(self._woken, messages.MAX_MESSAGE)
                    reap()
                if self._control in ready and not obey():
                    return

    def leave(self) -> None:
        """Be no longer the one who attends; called in a fork, which has other things to do."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        for descriptor in (self._woken, self._wakes):
            os.close(descriptor)
