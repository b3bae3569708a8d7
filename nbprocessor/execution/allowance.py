"""How much the cells of a run may put out: counted message by message, so that no notebook outgrows its reader."""

from collections.abc import Mapping
from typing import Any

import nbformat

from nbprocessor.errors import LimitReached
from nbprocessor.execution.limits import size
from nbprocessor.model.process import Limits

_OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
"""Messages that are outputs; others change outputs, or tell something else."""


class Allowance:
    """Counts the outputs of one notebook's cells.

    What comes in is added up. Only when that passes a limit, what is really there is counted: displays may have been
    cleared or replaced in between.
    """

    def __init__(self, nb: nbformat.NotebookNode, limits: Limits) -> None:
        """Count for a notebook, from now on."""
        self._cells = nb.cells
        self._limits = limits
        self._in_cell: dict[int, int] = {}
        self._in_all = 0

    def take(self, index: int, kind: str, content: Mapping[str, Any], *, clears: bool = False) -> None:
        """Count one message of a cell, before it is kept.

        Args:
            index: Of the cell.
            kind: Name of the message in the Jupyter protocol.
            content: Of the message.
            clears: The cell's outputs so far go before it.

        Raises:
            LimitReached: With it the cell, or the notebook, would have more outputs than it may.
        """
        cell = self._cells[index]
        limit = self._limits.cell_outputs
        if limit is not None and not clears and len(cell.outputs) >= limit and _adds(cell, kind, content):
            raise LimitReached("cell output", f"{limit} outputs", cell.id)
        came = length(content)
        self._in_cell[index] = self._in_cell.get(index, 0) + came
        self._in_all += came
        # What an update replaces is as large as itself, more or less; else it is found with the next message.
        gone = length(cell.outputs) if clears else came if kind == "update_display_data" else 0
        limit = self._limits.cell_output_size
        if limit is not None and self._in_cell[index] > limit:
            self._in_cell[index] = max(came, came - gone + length(cell.outputs))
            if self._in_cell[index] > limit:
                raise LimitReached("cell output", size(limit), cell.id)
        limit = self._limits.output_size
        if limit is not None and self._in_all > limit:
            self._in_all = max(came, came - gone + sum(length(cell.get("outputs", ())) for cell in self._cells))
            if self._in_all > limit:
                raise LimitReached("output size", size(limit), cell.id)


def length(value: Any) -> int:
    """Return about how many bytes a value has as JSON."""
    total, left = 0, [value]
    while left:
        part = left.pop()
        if isinstance(part, str | bytes):
            # Exact for nearly all of it, and quick for a megabyte of base64.
            total += len(part)
        elif isinstance(part, Mapping):
            left += part.values()
            total += sum(len(str(key)) for key in part) + 2
        elif isinstance(part, list | tuple):
            left += part
            total += 2
        else:
            total += 8
    return total


def _adds(cell: nbformat.NotebookNode, kind: str, content: Mapping[str, Any]) -> bool:
    """Tell whether a message is one more output of a cell that has some."""
    last = cell.outputs[-1]
    joined = kind == last.output_type == "stream" and content["name"] == last.name
    return kind in _OUTPUTS and not joined
