"""Telling how far a cell is: to the job's progress bar, or to an author who runs the notebook by hand."""

import os
import time
from numbers import Real

from nbprocessor import contract

BURST = 10
"""Messages that may be sent at once."""
RATE = 5.0
"""Messages a second after these; what is told in between is left out."""
LONGEST = 200
"""Characters of a text that are told."""


class _Allowance:
    """What may still be sent; a loop over a million areas must not spend its time on messages."""

    def __init__(self) -> None:
        self._left: float = BURST
        self._at = 0.0

    def take(self) -> bool:
        """Tell whether one more message may be sent now."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


_allowance = _Allowance()


def progress(done: float, of: float, text: str = "") -> None:
    """Tell that ``done`` of ``of`` steps of this cell are done; moves the job's progress bar.

    Leaves no trace in a job's notebook. Without a job, as in JupyterLab, one line below the cell shows it. May be
    called as often as is convenient: about five messages a second are sent on.

    Args:
        done: steps that are done, 0 to ``of``.
        of: all steps of the cell.
        text: what is being done, one short line.

    Raises:
        TypeError: the numbers are none.
        ValueError: the numbers do not say how far it is.
    """
    if not (isinstance(done, Real) and isinstance(of, Real)):
        raise TypeError(f"progress takes two numbers, not {type(done).__name__} and {type(of).__name__}")
    if not (of > 0 and 0 <= done <= of) or of == float("inf"):
        raise ValueError(f"progress is {done!s:.20} of {of!s:.20}; expected 0 <= done <= of and of > 0")
    if not _allowance.take():
        return
    line = " ".join(str(text)[: 10 * LONGEST].split())[:LONGEST]
    if os.environ.get(contract.JOB_OUTPUTS):
        _tell_job(done / of, line)
    else:
        _show(f"{100 * done / of:.0f} % {line}".strip())


def _tell_job(fraction: float, text: str) -> None:
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - plain scripts need not wait for it

    if InteractiveShell.initialized():
        told = {contract.PROGRESS_MEDIA_TYPE: {"done": fraction, "of": 1, "text": text}}
        InteractiveShell.instance().display_pub.publish(data=told, metadata={})


def _show(line: str) -> None:
    """Show a line in place of the one before it; a cell has one."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - plain scripts need not wait for it

    if not InteractiveShell.initialized():
        print(line)  # noqa: T201 - plain Python has no other place to show it
        return
    shell = InteractiveShell.instance()
    name = f"nbprocessor-progress-{shell.execution_count}"
    known = getattr(shell, "_nbprocessor_progress", None) == name
    shell._nbprocessor_progress = name  # noqa: SLF001 - it lives as long as the shell, which has no place for this
    shell.display_pub.publish(data={"text/plain": line}, metadata={}, transient={"display_id": name}, update=known)
