"""A cell's outputs as they come in: streams joined, displays updated and cleared as a notebook front end does it.

The rules are the Jupyter message protocol's (stream, display_data, update_display_data, execute_result, clear_output,
error); the same that nbclient applies to a kernel's messages.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Any

import nbformat

from nbprocessor.execution.allowance import Allowance
from nbprocessor.model.process import Limits

Content = Mapping[str, Any]

_BUNDLE: Mapping[str, tuple[type, ...]] = {"data": (dict,), "metadata": (dict,), "transient": (dict, NoneType)}
_FORMS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "stream": {"name": (str,), "text": (str,)},
    "display_data": _BUNDLE,
    "update_display_data": _BUNDLE,
    "execute_result": {**_BUNDLE, "execution_count": (int,)},
    "error": {"ename": (str,), "evalue": (str,), "traceback": (list,)},
    "clear_output": {"wait": (bool, int)},
}
_OPTIONAL = frozenset({"metadata", "transient"})


def is_sound(kind: object, content: object) -> bool:
    """Tell whether a message is one of the protocol's that are outputs, or change them."""
    form = _FORMS.get(kind) if isinstance(kind, str) else None
    return (
        form is not None
        and isinstance(content, dict)
        and form.keys() - _OPTIONAL <= content.keys() <= form.keys()
        and all(isinstance(value, form[name]) for name, value in content.items())
        and content.get("name", "stdout") in {"stdout", "stderr"}
        and all(isinstance(line, str) for line in content.get("traceback", ()))
    )


class CellOutputs:
    """Outputs of one notebook's cells. Displays are remembered over cells: a later one may update them."""

    def __init__(self, nb: nbformat.NotebookNode, limits: Limits | None = None) -> None:
        """Take the notebook, and how much its cells may put out."""
        self._nb = nb
        self._allowance = Allowance(nb, limits or Limits())
        self._displays: dict[int, dict[str, list[nbformat.NotebookNode]]] = {}
        """Outputs that can be updated, by the index of their cell and their name."""
        self._clear_next: set[int] = set()

    def add(self, index: int, kind: str, content: Content) -> None:
        """Take one message of a cell.

        Args:
            index: Of the cell.
            kind: Name of the message in the protocol.
            content: Its content; ``transient`` may hold the display's id.

        Raises:
            LimitReached: It is more than the cell may put out, and was not taken.
        """
        cell = self._nb.cells[index]
        display = (content.get("transient") or {}).get("display_id")
        shown = {place: named[display] for place, named in self._displays.items() if display in named}
        self._allowance.take(index, kind, content, clears=index in self._clear_next, updates=shown)
        if kind == "clear_output":
            self._clear(index, wait=bool(content.get("wait")))
            return
        for outputs in shown.values():
            _update(outputs, content)
        if kind == "update_display_data":
            return
        if index in self._clear_next:
            self._clear(index, wait=False)
        if kind == "stream":
            _join(cell.outputs, content["name"], content["text"])
            return
        output = nbformat.v4.new_output(kind, **{key: value for key, value in content.items() if key != "transient"})
        cell.outputs.append(output)
        if display:
            self._displays.setdefault(index, {}).setdefault(display, []).append(output)

    def _clear(self, index: int, *, wait: bool) -> None:
        if wait:
            self._clear_next.add(index)
        else:
            self._clear_next.discard(index)
            self._nb.cells[index].outputs = []
            self._displays.pop(index, None)


def _update(outputs: list[nbformat.NotebookNode], content: Content) -> None:
    """Show something else in some displays: a new one of the same name changes those there are, too."""
    for output in outputs:
        output.data = nbformat.from_dict(content["data"])
        output.metadata = nbformat.from_dict(content.get("metadata") or {})


def _join(outputs: list[nbformat.NotebookNode], name: str, text: str) -> None:
    """Add text to the stream's last output, if nothing else came in between."""
    last = outputs[-1] if outputs else None
    if last is not None and last.output_type == "stream" and last.name == name:
        last.text += text
    else:
        outputs.append(nbformat.v4.new_output("stream", name=name, text=text))
