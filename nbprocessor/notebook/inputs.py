"""Inputs of a process: what the front matter says of them, on top of what the parameters cell shows."""

import difflib
import keyword
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nbprocessor.model import ABSENT, Json
from nbprocessor.model.process import Input
from nbprocessor.notebook import schemas, validation
from nbprocessor.notebook.annotations import Type
from nbprocessor.notebook.declaration import InputBlock
from nbprocessor.notebook.finding import Finding, error, warning
from nbprocessor.notebook.frontmatter import FrontMatter
from nbprocessor.notebook.parameters import Parameter

_ALTERNATIVES = ("type", "oneOf", "anyOf", "allOf", "enum", "$ref", "const")


def build(
    front: FrontMatter, parameters: Mapping[str, Parameter] | None, cell: str
) -> tuple[dict[str, Input], list[Finding]]:
    """Return a process's inputs by id, in the order of the parameters cell, and what is wrong with them.

    Args:
        front: The front matter.
        parameters: The declarations of the cell; None when it is not Python and cannot be read.
        cell: Id of the parameters cell.
    """
    blocks = front.process.inputs
    findings = []
    if parameters is None:
        # No cell was read that would have shown it; names are written into code as they are.
        for name in blocks:
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
                sentence = f"{name} cannot be the name of an input."
                mend = "Use letters, digits and _, beginning with a letter."
                findings.append(error("NB03", front.cell, front.line("inputs", name), sentence, mend))
        parameters = {name: Parameter(name, 0, Type(nullable=True)) for name in blocks}
    findings += _names(front, parameters, cell)
    inputs = {}
    for name, parameter in parameters.items():
        maker = _Maker(front, cell, parameter, blocks.get(name))
        inputs[name] = maker.input()
        findings += maker.findings
    return inputs, findings


def _names(front: FrontMatter, parameters: Mapping[str, Parameter], cell: str) -> list[Finding]:
    findings = []
    blocks = front.process.inputs
    for name, block in blocks.items():
        if name not in parameters and name not in front.inherited_inputs:
            findings += _schema_of_missing(front, name, block)
            near = difflib.get_close_matches(name, [other for other in parameters if other not in blocks], n=1)
            mend = f"Is it called {near[0]} there?" if near else f"Declare it there: {name}: str"
            findings.append(
                error(
                    "NB03",
                    front.cell,
                    front.line("inputs", name),
                    f"The input {name} is not in the parameters cell.",
                    mend,
                )
            )
    if set(blocks) - front.inherited_inputs:
        findings += [
            warning(
                "NB03",
                cell,
                parameter.line,
                f"The input {name} has no texts in the front matter.",
                f"Add it under inputs: {name}:",
            )
            for name, parameter in parameters.items()
            if name not in blocks
        ]
    return findings


def _schema_of_missing(front: FrontMatter, name: str, block: InputBlock) -> list[Finding]:
    """Look at a schema all the same when the cell's line could not be read."""
    try:
        schemas.normalised(block.json_schema or {})
    except schemas.SchemaFault as fault:
        sentence = f"The schema of {name} cannot be used: {fault.sentence}"
        return [error("NB04", front.cell, front.line("inputs", name, "schema"), sentence, fault.mend)]
    return []


class _Maker:
    """Makes one input and notes what is wrong with it."""

    def __init__(self, front: FrontMatter, cell: str, parameter: Parameter, block: InputBlock | None) -> None:
        self.findings: list[Finding] = []
        self._front = front
        self._cell = cell
        self._parameter = parameter
        self._described = block is not None
        self._block = block or InputBlock()
        self._type = parameter.type or parameter.value_type
        self._several = self._block.max_occurs != 1

    def input(self) -> Input:
        """Return the input; after an error it is what could be made of it."""
        schema = self._schema()
        value = example = self._value(schema)
        required = self._required(value)
        self._compare_occurs()
        if "default" in self._block.model_fields_set:
            required, value = self._without_demand(required), self._block.default
        elif not required:
            example = None
            value = self._nothing(schema) if value is ABSENT else value
        name = self._parameter.name
        title = self._block.title or self._type.title or name
        declared = Input(
            id=name,
            schema=schema,
            title=title,
            description=self._block.description or self._type.description or self._parameter.comment or title,
            keywords=tuple(self._block.keywords),
            min_occurs=self._least(required),
            max_occurs=self._block.max_occurs,
            default=ABSENT if required else value,
            example=self._example(example, schema),
            injected_as=self._type.injected_as,
            by_reference=self._block.by_reference,
            writes=self._block.writes,
            metadata=tuple(self._block.metadata),
        )
        self._check_values(declared)
        return _with_default(declared)

    def _schema(self) -> dict[str, Json]:
        derived = self._annotated()
        given = self._block.json_schema
        if given is None:
            return derived
        try:
            own = schemas.normalised(given)
        except schemas.SchemaFault as fault:
            self._in_front(
                "NB04", f"The schema of {self._parameter.name} cannot be used: {fault.sentence}", fault.mend, "schema"
            )
            return derived
        if not any(word in given for word in _ALTERNATIVES):
            return {**derived, **own}
        self._compare(derived, own)
        return self._dated(own)

    def _annotated(self) -> dict[str, Json]:
        """Return the annotation's schema, proved: ``Field`` takes any pattern and any bound."""
        try:
            return schemas.normalised(self._single())
        except schemas.SchemaFault as fault:
            sentence = f"The annotation of {self._parameter.name} cannot be used: {fault.sentence}"
            self._in_cell("NB04", sentence, fault.mend or "Change the annotation.")
            return {}

    def _dated(self, schema: dict[str, Json]) -> dict[str, Json]:
        """Return the schema with the format its texts need to become dates; what is no date could not be injected."""
        wanted = {"date": "date", "datetime": "date-time"}.get(self._type.injected_as)
        if wanted is None:
            return schema
        if schema.get("type") == "string" and schema.setdefault("format", wanted) != wanted:
            name, kind = self._parameter.name, self._type.injected_as
            sentence = f"{name} is annotated as {kind}, but its schema says {schema['format']}."
            self._in_front("NB13", sentence, "Change one of them.", "schema")
        inner = [schema.get("items"), *(schema.get("oneOf") or ()), *(schema.get("anyOf") or ())]
        for part in inner:
            if isinstance(part, dict):
                self._dated(part)
        return schema

    def _single(self) -> dict[str, Json]:
        """Return the annotation's schema of one value; with several the annotation is a list of them."""
        if not self._several:
            return self._type.whole
        kinds = schemas.types(self._type.schema)
        if kinds and kinds != {"array"} and self._parameter.type is not None:
            self._in_cell(
                "NB13",
                f"{self._parameter.name} can have several values, so the notebook receives a list.",
                "Annotate it list[…].",
            )
        items = self._type.schema.get("items")
        return dict(items) if isinstance(items, Mapping) else {}

    def _compare(self, derived: Mapping[str, Json], own: Mapping[str, Json]) -> None:
        if self._parameter.type is None:
            return
        annotated, declared = _comparable(derived), _comparable(own)
        if annotated and declared and annotated.isdisjoint(declared):
            kinds, said = " or ".join(sorted(annotated)), " or ".join(sorted(declared))
            sentence = f"{self._parameter.name} is annotated as {kinds}, but its schema says {said}."
            self._in_front("NB13", sentence, "Change one of them.", "schema")

    def _value(self, schema: dict[str, Json]) -> Json:
        """Return the cell's value, or the schema's default when the cell has none."""
        name, value = self._parameter.name, self._parameter.value
        default = schema.pop("default", ABSENT)
        if value is ABSENT:
            return default
        if default is not ABSENT and default != value:
            here, there = validation.shown(default), validation.shown(value)
            sentence = f"{name} has the default {here} here and {there} in the parameters cell."
            self._in_front("NB13", sentence, "Leave it out here.", "schema")
        annotated, shown = self._parameter.type, self._parameter.value_type.injected_as
        if annotated is not None and annotated.injected_as != shown and value not in (None, []):
            if shown:
                self._in_cell(
                    "NB13", f"{name} has a {shown} as value, but is not annotated as one.", f"Annotate it {shown}."
                )
            elif annotated.injected_as:
                self._in_cell(
                    "NB13", f"{name} is annotated as {annotated.injected_as}, but its value is none.",
                    "Write it as date(2020, 1, 31).", severe=False,
                )  # fmt: skip
        return value

    def _without_demand(self, required: bool) -> bool:
        """Return that a value may be left out, as there is a default; an input cannot be demanded and have one."""
        if required and (self._block.required or self._block.min_occurs):
            name = self._parameter.name
            self._in_front("NB13", f"{name} is required, and has a default.", "Leave one of them out.", "default")
        return False

    def _required(self, value: Json) -> bool:
        required, least = self._block.required, self._block.min_occurs
        if required is not None and least is not None and required != (least > 0):
            self._in_front(
                "NB13",
                f"required and minOccurs of {self._parameter.name} contradict each other.",
                "Leave minOccurs out.",
            )
        if required is not None:
            return required
        if least is not None:
            return least > 0
        # Without front matter a value is a default, as everywhere with papermill; described, it is an example.
        has_default = value is None or "default" in (self._block.json_schema or {})
        return value is ABSENT or (self._described and not has_default)

    def _compare_occurs(self) -> None:
        least, most = self._block.min_occurs or 0, self._block.max_occurs
        if most != "unbounded" and least > most:
            sentence = f"{self._parameter.name} needs {least} values at least and takes {most} at most."
            self._in_front("NB13", sentence, "Give it a greater maxOccurs.", "minOccurs")

    def _nothing(self, schema: Mapping[str, Json]) -> Json:
        if not self._type.nullable and schema.get("nullable") is not True:
            name = self._parameter.name
            self._in_cell(
                "NB04",
                f"{name} may be left out, but has no value for that.",
                f"Give it one, or write {name}: … | None = None.",
            )
        return None

    def _least(self, required: bool) -> int:
        least = self._block.min_occurs
        return least if least is not None and (least > 0) == required else int(required)

    def _example(self, value: Json, schema: Mapping[str, Json]) -> Json:
        given = [self._block.example, value, self._type.example, schema.get("example")]
        return next((example for example in given if example is not None and example is not ABSENT), ABSENT)

    def _check_values(self, declared: Input) -> None:
        for what, value in (("default", declared.default), ("example", declared.example)):
            if value is ABSENT or value is None:
                continue
            name = self._parameter.name
            for problem in problems(declared, value):
                place = problem.pointer.strip("/").replace("/", ".")
                detail = f"{place}: {problem.detail}" if place else problem.detail
                own = value == self._parameter.value
                sentence = f"The {what} of {name} does not satisfy its schema: {detail}"
                if own:
                    self._in_cell("NB04", sentence, "Change the value or the schema.")
                else:
                    self._in_front("NB04", sentence, "Change the value or the schema.")

    def _in_cell(self, rule: str, sentence: str, mend: str, *, severe: bool = True) -> None:
        make = error if severe else warning
        self.findings.append(make(rule, self._cell, self._parameter.line, sentence, mend))

    def _in_front(self, rule: str, sentence: str, mend: str, *path: str) -> None:
        line = self._front.line("inputs", self._parameter.name, *path)
        self.findings.append(error(rule, self._front.cell, line, sentence, mend))


def problems(declared: Input, value: Json) -> list[Any]:
    """Return what is wrong with a plain JSON value of an input; for several values, of the list of them."""
    if declared.max_occurs == 1:
        return validation.problems_of(declared.schema, value, "")
    several: dict[str, Json] = {"type": "array", "items": declared.schema, "minItems": declared.min_occurs}
    if declared.max_occurs != "unbounded":
        several["maxItems"] = declared.max_occurs
    return validation.problems_of(several, value, "")


def _with_default(declared: Input) -> Input:
    """Put the default into the schema, where clients look for it; null and lists of several have no place there."""
    if declared.default is ABSENT or declared.default is None or declared.max_occurs != 1:
        return declared
    return replace(declared, schema={**declared.schema, "default": declared.default})


def _comparable(schema: Mapping[str, Json]) -> frozenset[str]:
    return frozenset("number" if kind == "integer" else kind for kind in schemas.types(schema))
