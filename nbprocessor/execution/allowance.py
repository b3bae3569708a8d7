"""How much the cells of a run may put out: counted message by message, so that no notebook outgrows its reader."""

from collections.abc import Mapping, Sequence
from typing import Any

import nbformat

from nbprocessor.errors import LimitReached
from nbprocessor.execution.limits import size
from nbprocessor.execution.messages import PLACE
from nbprocessor.model.process import Limits

_OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
"""Messages that are outputs; others change outputs, or tell something else."""
_CHANGES = frozenset({"update_display_data", "clear_output"})
"""Messages that are kept only as what they make of the outputs there are."""
_SHELF = 16
"""Bytes a list or mapping counts for beside what is in it: in memory the empty one takes four times as many."""

Shown = Mapping[int, Sequence[nbformat.NotebookNode]]
"""Outputs by the index of their cell."""


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

    def take(
        self, index: int, kind: str, content: Mapping[str, Any], *, clears: bool = False, updates: Shown | None = None
    ) -> None:
        """Count one message of a cell, before it is kept.

        Args:
            index: Of the cell.
            kind: Name of the message in the Jupyter protocol.
            content: Of the message.
            clears: The cell's outputs so far go before the next output.
            updates: Outputs, of any cells, in which its content takes the place of what they have.

        Raises:
            LimitReached: With it the cell, or the notebook, would have more outputs than it may.
        """
        cell = self._cells[index]
        clears = clears and kind in _OUTPUTS
        limit = self._limits.cell_outputs
        if limit is not None and not clears and len(cell.outputs) >= limit and _adds(cell, kind, content):
            raise LimitReached("cell output", f"{limit} outputs", cell.id)
        came = length(content)
        # What is about to be cleared is not worth an update.
        changed = {place: outputs for place, outputs in (updates or {}).items() if not (clears and place == index)}
        grows = {place: came * len(outputs) for place, outputs in changed.items()}
        if kind not in _CHANGES:
            grows[index] = grows.get(index, 0) + came

        def gone(place: int) -> int:
            return length(cell.outputs) if clears and place == index else length(changed.get(place, ()))

        limit = self._limits.cell_output_size
        for place, more in grows.items():
            self._in_cell[place] = self._in_cell.get(place, 0) + more
            if limit is not None and self._in_cell[place] > limit:
                self._in_cell[place] = max(more, more - gone(place) + length(self._cells[place].outputs))
                if self._in_cell[place] > limit:
                    raise LimitReached("cell output", size(limit), cell.id)
        limit, more = self._limits.output_size, sum(grows.values())
        self._in_all += more
        if limit is not None and self._in_all > limit:
            there = sum(length(cell.get("outputs", ())) for cell in self._cells)
            self._in_all = max(more, more - sum(map(gone, grows)) + there)
            if self._in_all > limit:
                raise LimitReached("output size", size(limit), cell.id)


def length(value: Any) -> int:
    """Return about how many bytes a value has as JSON; what takes much more in memory counts for more."""
    total, left = 0, [value]
    while left:
        part = left.pop()
        if isinstance(part, str | bytes):
            # Exact for nearly all of it, and quick for a megabyte of base64.
            total += max(len(part), PLACE)
        elif isinstance(part, Mapping):
            left += part.values()
            total += sum(len(str(key)) for key in part) + _SHELF
        elif isinstance(part, list | tuple):
            left += part
            total += _SHELF
        else:
            total += PLACE
    return total


def _adds(cell: nbformat.NotebookNode, kind: str, content: Mapping[str, Any]) -> bool:
    """Tell whether a message is one more output of a cell that has some."""
    last = cell.outputs[-1]
    joined = kind == last.output_type == "stream" and content["name"] == last.name
    return kind in _OUTPUTS and not joined
