"""A finding: one thing that is wrong in a notebook, where it is and how to mend it; the rules it can break."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from nbprocessor.errors import Problem

RULES: Mapping[str, str] = MappingProxyType(
    {
        "NB00": "the file is a notebook that can be read",
        "NB01": "the front matter is the first cell, raw, and says only what is known",
        "NB02": "one cell is tagged parameters and holds declarations with literal values only",
        "NB03": "the names in the parameters cell are the names of the inputs",
        "NB04": "the values in the parameters cell satisfy the schemas of the inputs",
        "NB05": "titles and descriptions are there in German and English",
        "NB06": "the outputs declared are the outputs handed over",
        "NB07": "no secrets, no absolute paths",
        "NB08": "imports are available in the environment of the server",
        "NB09": "a text cell with a title says what the process is for",
        "NB10": "no outputs, no execution counts",
        "NB11": "cell ids are readable and unique",
        "NB12": "no map in the front matter has only language codes as keys, except texts",
        "NB13": "the front matter and the annotations do not contradict each other",
        "NB14": "an input names the indicator that is written, and says writes: true",
        "NB15": "the secrets that are read are declared, and the server has them",
    }
)
"""What each rule asks for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a notebook."""

    rule: str
    """Key of `RULES`."""
    severity: Literal["error", "warning"]
    """With an error a notebook is not offered as a process, or would fail; a warning is advice."""
    cell: str
    """Id of the cell, its number if it has none; empty: the notebook as a whole."""
    line: int
    """Line within the cell, from 1; 0: the cell as a whole."""
    sentence: str
    mend: str = ""

    @property
    def problem(self) -> Problem:
        """The finding as a problem of an error."""
        place = [f'cell "{self.cell}"'] if self.cell else []
        if self.line:
            place.append(f"line {self.line}")
        return Problem(", ".join(place), self.sentence, self.mend)


def error(rule: str, cell: str, line: int, sentence: str, mend: str = "") -> Finding:
    """Return a finding that keeps the notebook from being a process."""
    return Finding(rule, "error", cell, line, sentence, mend)


def warning(rule: str, cell: str, line: int, sentence: str, mend: str = "") -> Finding:
    """Return a finding that is advice."""
    return Finding(rule, "warning", cell, line, sentence, mend)
