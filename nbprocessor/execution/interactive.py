"""IPython's shell as ipykernel's is, as far as a notebook can tell; what it puts out are messages, not ZeroMQ's."""

import gc
from collections.abc import Mapping
from typing import Any, ClassVar

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

from nbprocessor.execution.outlet import Outlet, flush


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
