"""IPython's shell as ipykernel's is, as far as a notebook can tell; what it puts out are messages, not ZeroMQ's."""

import contextlib
import gc
import io
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

BUFFER = 1 << 16
"""Characters of text kept back at most."""
PAUSE = 0.02
"""Seconds between two messages of text at least, while lines come quickly."""

Emit = Callable[[str, Mapping[str, Any]], None]
"""Takes a message: its kind in the Jupyter protocol, its content."""


class Outlet:
    """Where the shell's messages go; the socket is there after the fork only."""

    emit: ClassVar[Emit] = staticmethod(lambda *_: None)


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the cells."""

    encoding = "utf-8"

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self._parts: list[str] = []
        self._length = 0
        self._sent = 0.0

    def fileno(self) -> int:
        """Return the descriptor that programs started by a cell write to."""
        return self._descriptor

    def writable(self) -> bool:
        """Say that one can write here."""
        return True

    def write(self, text: str) -> int:
        """Keep text back until a line is complete, and for a moment while lines come quickly."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._parts.append(text)
        self._length += len(text)
        if self._length > BUFFER or ("\n" in text and time.monotonic() - self._sent > PAUSE):
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what was kept back."""
        if self._parts:
            text, self._parts, self._length = "".join(self._parts), [], 0
            self._sent = time.monotonic()
            Outlet.emit("stream", {"name": self.name, "text": text})


def flush() -> None:
    """Send what the streams kept back."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a cell may have put anything there
            stream.flush()


class Publisher(DisplayPublisher):  # type: ignore[misc]  # IPython's traits have no annotations
    """Sends what cells display."""

    def publish(  # the signature is IPython's
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        source: object = None,  # noqa: ARG002  # deprecated, still passed
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_: object,
    ) -> None:
        """Send one display, or its update."""
        flush()
        content = {"data": data, "metadata": metadata or {}, "transient": transient or {}}
        Outlet.emit("update_display_data" if update else "display_data", content)

    def clear_output(self, wait: bool = False) -> None:
        """Have the cell's outputs so far removed."""
        flush()
        Outlet.emit("clear_output", {"wait": wait})


class Hook(DisplayHook):  # type: ignore[misc]  # likewise
    """Sends the value of a cell's last expression."""

    def start_displayhook(self) -> None:
        """Do nothing: there is no prompt."""

    def write_output_prompt(self) -> None:
        """Write none."""

    def write_format_data(self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None) -> None:
        """Send the value in its formats."""
        flush()
        content = {"data": format_dict, "metadata": md_dict or {}, "execution_count": self.prompt_count}
        Outlet.emit("execute_result", content)

    def finish_displayhook(self) -> None:
        """Do nothing: the message is complete."""


class Compiler(CachingCompiler):  # type: ignore[misc]  # likewise
    """Names the code of a cell after the cell, so that a warning says where it comes from."""

    cell_id: ClassVar[str] = ""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002  # IPython's
        """Return what stands for the file name of a cell's code; unique, as the cell may run twice."""
        return f"<cell {self.cell_id}>" if self.cell_id else f"<cell {number}>"


class History(HistoryManager):  # type: ignore[misc]  # likewise
    """Remembers the last inputs in plain attributes: nobody observes them, and traits take longer than a cell."""

    _i00 = _i = _ii = _iii = ""

    def forget(self) -> None:
        """Remember no input any more; IPython's own reset keeps the last ones."""
        self._i00 = self._i = self._ii = self._iii = ""


class Shell(InteractiveShell):  # type: ignore[misc]  # likewise
    """IPython's shell as ipykernel's is, as far as a notebook can tell."""

    compiler_class: Any = Compiler

    def init_history(self) -> None:
        """Keep the history as IPython does."""
        self.history_manager = History(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: there is no screen, ``%matplotlib inline`` only asks."""

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        flush()
        Outlet.emit("error", {"ename": etype.__name__, "evalue": str(evalue), "traceback": list(stb)})

    def system(self, cmd: str) -> None:
        """Run a command so that its output becomes the cell's."""
        self.system_piped(cmd)

    def init_virtualenv(self) -> None:
        """Do nothing, as ipykernel's: this interpreter is the one that was meant."""

    def atexit_operations(self) -> None:
        """Let go of the cells' objects, so that a file one of them has left open is complete.

        IPython prepares the shell for more cells instead, and removes temporary files, which go with the run's folder.
        """
        for name in [name for name in self.user_ns if name not in {"__builtin__", "__builtins__", "__name__"}]:
            del self.user_ns[name]
        self.user_ns_hidden.clear()
        self.last_execution_result = None
        self.displayhook._ = self.displayhook.__ = self.displayhook.___ = None
        gc.collect()
