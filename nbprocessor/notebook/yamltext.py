"""YAML 1.2 read strictly: duplicate keys, tags and runaway aliases are faults, dates and ``no`` stay texts.

The text is only composed by the YAML library; values are made here, from YAML's core schema, so that nothing in a
notebook can choose a Python type, and so that every value keeps its line.
"""

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_CHARACTERS = 200_000
MAX_VALUES = 20_000
"""Values after aliases are written out: nine lines of aliases can stand for a billion."""
MAX_DEPTH = 40

Path = tuple[str | int, ...]


class YamlFault(Exception):
    """The text is no YAML, or more than is read here."""

    def __init__(self, line: int, sentence: str, mend: str = "") -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence
        self.mend = mend


@dataclass(frozen=True, slots=True)
class YamlText:
    """A YAML text as JSON values, and the line (from 1) on which each value begins, by path."""

    value: Any
    lines: Mapping[Path, int]


def read(text: str) -> YamlText:
    """Read one YAML document.

    Raises:
        YamlFault: With line, sentence and mend.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlFault(1, f"The YAML text has more than {MAX_CHARACTERS:,} characters.")
    if text.lstrip().startswith("%"):
        raise YamlFault(1, "The YAML text begins with a directive.", "Leave it out; it is read as YAML 1.2.")
    try:
        with warnings.catch_warnings():
            # An anchor that is set twice is no fault in YAML 1.2: the last one counts.
            warnings.simplefilter("ignore")
            node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        problem = str(fault.problem or fault.context or "it cannot be read").split("\n")[0]
        raise YamlFault(mark.line + 1 if mark else 1, f"This is no YAML: {problem}.", _mend(problem)) from None
    except (YAMLError, ValueError) as fault:
        raise YamlFault(1, f"This is no YAML: {str(fault).splitlines()[0]}.") from None
    except RecursionError:
        raise YamlFault(1, "The YAML text is nested too deeply.") from None
    reader = _Reader()
    return YamlText(reader.value(node, ()) if node is not None else None, reader.lines)


class _Reader:
    """Makes JSON values of nodes and counts them."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._count = 0

    def value(self, node: Node, path: Path) -> Any:
        self._count += 1
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if self._count > MAX_VALUES or len(path) > MAX_DEPTH:
            raise YamlFault(
                line, "The YAML text has too many values, or they are nested too deeply.", "Use fewer aliases (*)."
            )
        if isinstance(node, ScalarNode):
            return _written(node, _scalar(node))
        if node.tag not in {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
            raise _tagged(node)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return self._mapping(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            line = key_node.start_mark.line + 1
            if key in result:
                sentence = f'The key "{key}" stands twice; it was on line {self.lines[*path, key]} already.'
                raise YamlFault(line, sentence, "Keep one of them.")
            self.lines[*path, key] = line
            result[key] = self.value(value_node, (*path, key))
        return result


def _key(node: Node) -> str:
    line = node.start_mark.line + 1
    if not isinstance(node, ScalarNode):
        raise YamlFault(line, "A key has to be a text.", 'Quote braces and brackets: "{a}".')
    if node.tag == "tag:yaml.org,2002:merge":
        raise YamlFault(line, "Merge keys (<<) are not part of YAML 1.2.", "Write the keys out.")
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise _tagged(node)
    return str(_written(node, str(node.value)))


def _written(node: Node, value: Any) -> Any:
    """Return a value; JSON's surrogate pairs become characters, half a pair is none."""
    if isinstance(value, str) and not value.isascii():
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            sentence = "The text has half a character (a surrogate)."
            raise YamlFault(node.start_mark.line + 1, sentence, 'Write it out, or as "\\U0001F600".') from None
    return value


_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: Mapping[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_IMPLICIT = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp", "value", "merge")
)


def _scalar(node: ScalarNode) -> Any:
    """Make the value of a scalar by YAML 1.2's core schema; the library's own resolver keeps some of YAML 1.1."""
    text = str(node.value)
    if node.tag == "tag:yaml.org,2002:str":
        return text
    if node.tag not in _IMPLICIT:
        raise _tagged(node)
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) < 400 and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) < 400 and _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if text.lower().lstrip("+-") in {".inf", ".nan"} or _FLOAT.fullmatch(text):
        raise YamlFault(node.start_mark.line + 1, f"{text} is no number that JSON has.")
    return text


def _tagged(node: Node) -> YamlFault:
    tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
    return YamlFault(node.start_mark.line + 1, f"The tag {tag} is not allowed.", "Leave it out.")


def _mend(problem: str) -> str:
    if "tab" in problem or "\\t" in problem:
        return "Indent with spaces, not with tabs."
    if "mapping values are not allowed" in problem or "':'" in problem:
        return 'Put a text with a colon in quotes: "…: …".'
    if "expected ',' or" in problem:
        return "Within { } and [ ] quote texts that have braces, brackets or commas in them, in single quotes."
    if "escape" in problem:
        return "In double quotes a backslash begins an escape; leave the quotes out or use single ones."
    return ""
