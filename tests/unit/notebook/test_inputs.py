import pytest

from nbprocessor.model import ABSENT
from tests.unit.notebook import written


def one(source: str, yaml: str = ""):
    """The input x of a notebook, and what was found."""
    cells = [written.parameters(source)]
    if yaml:
        cells.insert(0, written.front(f"process:\n  inputs:\n    x: {yaml}"))
    reading = written.examined(*cells)
    return (reading.process.inputs["x"] if reading.process else None), list(reading.findings)


def right(source: str, yaml: str = ""):
    found, findings = one(source, yaml)
    assert not findings
    return found


def test_without_front_matter_a_value_is_the_default():
    found = right("x: int = 5  # how many")
    assert (found.min_occurs, found.default, found.schema) == (0, 5, {"type": "integer", "default": 5})
    assert (found.title, found.description, found.example) == ("x", "how many", ABSENT)


def test_without_a_value_an_input_is_required():
    found = right("x: int")
    assert (found.min_occurs, found.default, found.schema) == (1, ABSENT, {"type": "integer"})


def test_with_front_matter_a_value_is_the_example_of_a_required_input():
    found = right("x: int = 5", "{title: X}")
    assert (found.min_occurs, found.default, found.example, found.title) == (1, ABSENT, 5, "X")
    assert found.schema == {"type": "integer"}


def test_with_required_false_the_value_is_the_default():
    found = right("x: int = 5", "{required: false}")
    assert (found.min_occurs, found.default, found.schema["default"]) == (0, 5, 5)


def test_none_as_value_may_be_left_out():
    found = right("x: int | None = None", "{title: X}")
    assert (found.min_occurs, found.default) == (0, None)
    assert found.schema == {"type": "integer", "nullable": True}


def test_a_default_may_stand_in_the_schema():
    found = right("x: int", "{schema: {type: integer, default: 7}}")
    assert (found.min_occurs, found.default, found.schema["default"]) == (0, 7, 7)


def test_a_schema_without_type_refines_the_annotation():
    found = right("x: int = 5", "{schema: {minimum: 0, x-unit: m}}")
    assert found.schema == {"type": "integer", "minimum": 0, "x-unit": "m"}


def test_a_schema_with_type_takes_the_annotations_place():
    assert right("x: dict = {}", "{required: false, schema: {type: object, required: []}}").schema["required"] == []


def test_dates_come_as_dates():
    source = "from datetime import date\nx: date = date(2020, 1, 31)"
    found = right(source)
    assert (found.injected_as, found.default) == ("date", "2020-01-31")
    assert found.schema == {"type": "string", "format": "date", "default": "2020-01-31"}
    assert right("from datetime import date\nx: list[date] = []").injected_as == "date"


def test_several_values_come_as_a_list():
    found = right("x: list[int] = [1, 2]", "{maxOccurs: 3, minOccurs: 1}")
    assert (found.schema, found.min_occurs, found.max_occurs, found.example) == ({"type": "integer"}, 1, 3, [1, 2])
    unbounded = right("x: list[str] = []", "{maxOccurs: unbounded, required: false}")
    assert (unbounded.max_occurs, unbounded.default, "default" in unbounded.schema) == ("unbounded", [], False)


def test_an_example_may_stand_in_the_front_matter():
    assert right("x: int = 5", "{example: 6}").example == 6


@pytest.mark.parametrize(
    ("source", "yaml", "rule", "severity", "said"),
    [
        ("y: int = 1", "{title: X}", "NB03", "error", "x is not in the parameters cell"),
        ("x: int = 1\ny: int = 1", "{title: X}", "NB03", "warning", "y has no texts"),
        ("x: int = 1", "{schema: {type: intger}}", "NB04", "error", '"intger" is no type'),
        ("x: int = 1", "{schema: {minimum: 5}}", "NB04", "error", "1 is less than 5"),
        ("x: int = 1", "{example: a, schema: {type: integer}}", "NB04", "error", "example of x does not satisfy"),
        ("x: list[int] = [1, 2]", "{maxOccurs: 1, schema: {maxItems: 1}}", "NB04", "error", "more than 1 values"),
        ("x: list[int] = [1, 2, 3]", "{maxOccurs: 2}", "NB04", "error", "more than 2 values"),
        ("x: int", "{required: false}", "NB04", "error", "may be left out, but has no value"),
        ('x: Literal["a"] = "b"', "", "NB04", "error", '"b" is none of "a"'),
        ("x: int = 1", "{schema: {type: string}}", "NB13", "error", "annotated as number, but its schema says string"),
        ("x: int = 1", "{schema: {type: integer, default: 2}}", "NB13", "error", "default 2 here and 1"),
        ("x: int = 1", "{required: true, minOccurs: 0}", "NB13", "error", "contradict each other"),
        ("x: list[int] = [1]", "{minOccurs: 3, maxOccurs: 2}", "NB13", "error", "needs 3 values at least and takes 2"),
        ("x: int = 1", "{maxOccurs: 2}", "NB13", "error", "receives a list"),
        ("x: str = date(2020, 1, 1)", "", "NB13", "error", "not annotated as one"),
        ('x: date = "2020-01-31"', "", "NB13", "warning", "its value is none"),
        (
            'x: Annotated[str, Field(pattern="(")] = "a"',
            "",
            "NB04",
            "error",
            "annotation of x cannot be used: The pattern",
        ),
        ("x: Annotated[int, Field(multiple_of=0)] = 1", "", "NB04", "error", "annotation of x cannot be used"),
        ("x: Annotated[list, Field(min_length=-1)]", "", "NB04", "error", "annotation of x cannot be used"),
        ('x: date = "soon"', "", "NB04", "error", "is not a date"),
    ],
)
def test_what_contradicts_itself_is_found(source, yaml, rule, severity, said):
    _, findings = one(source, yaml)
    assert [
        said in finding.sentence for finding in findings if (finding.rule, finding.severity) == (rule, severity)
    ] == [True]


def test_a_misspelt_input_is_answered_with_the_right_one():
    _, findings = one("xs: int = 1", "{title: X}")
    assert "Is it called xs there?" in [finding.mend for finding in findings]


def test_a_line_that_cannot_be_read_is_not_also_a_missing_input():
    _, findings = one("x: int = f()", "{title: X}")
    assert written.rules(findings) == ["NB02"]


def test_inputs_the_folder_describes_and_the_notebook_does_not_have_are_no_fault():
    reading = written.examined(
        written.front("process:\n  id: a"), written.parameters("a: int = 1"),
        shared=b"process:\n  inputs:\n    a: {title: A}\n    z: {title: Z}",
    )  # fmt: skip
    assert reading.process is not None and not reading.findings
    assert list(reading.process.inputs) == ["a"] and reading.process.inputs["a"].title == "A"


def test_a_notebook_in_another_language_has_the_inputs_of_its_front_matter():
    kernel = {"display_name": "R", "language": "R", "name": "ir"}
    reading = written.examined(
        written.front("process:\n  inputs:\n    n: {schema: {type: integer}}"),
        written.parameters("n <- 5"),
        kernel=kernel,
    )
    assert reading.process is not None and reading.process.kernel == "ir"
    assert reading.process.inputs["n"].schema == {"type": "integer"}


@pytest.mark.parametrize(
    ("kind", "schema", "expected"),
    [
        ("date", "{type: string}", {"type": "string", "format": "date"}),
        ("datetime", "{type: string}", {"type": "string", "format": "date-time"}),
        (
            "list[date]",
            "{type: array, items: {type: string}}",
            {"type": "array", "items": {"type": "string", "format": "date"}},
        ),
        (
            "date | None",
            "{oneOf: [{type: string}, {enum: [null]}]}",
            {"oneOf": [{"type": "string", "format": "date"}, {"enum": [None]}]},
        ),
    ],
)
def test_a_schema_of_a_date_takes_dates_only_as_others_could_not_be_injected(kind, schema, expected):
    assert right(f"x: {kind}", f"{{schema: {schema}}}").schema == expected


def test_a_schema_of_a_date_with_another_format_is_found():
    _, findings = one("x: date", "{schema: {type: string, format: date-time}}")
    assert written.rules(findings) == ["NB13"]


def test_names_that_would_be_code_in_another_language_are_refused():
    kernel = {"display_name": "R", "language": "R", "name": "ir"}
    yaml = "process:\n  inputs:\n    'a; system(1)': {}\n    if: {}\n    _a: {}"
    reading = written.examined(written.front(yaml), kernel=kernel)
    assert [(f.rule, f.line) for f in reading.errors] == [("NB03", 4), ("NB03", 5), ("NB03", 6)]


def test_a_wrong_schema_is_found_although_the_line_could_not_be_read():
    _, findings = one("x: int = f()", "{schema: {type: strng}}")
    assert set(written.rules(findings)) == {"NB02", "NB04"}


def test_a_default_of_its_own_leaves_the_cells_value_an_example():
    found = right('x: str | None = "shown"', "{title: X, description: X, default: null}")
    assert (found.min_occurs, found.default, found.example) == (0, None, "shown")
    found = right("x: int = 3", "{title: X, description: X, default: 5}")
    assert (found.min_occurs, found.default, found.example, found.schema["default"]) == (0, 5, 3, 5)


def test_an_input_with_a_default_of_its_own_cannot_be_demanded():
    found, findings = one("x: int = 3", "{title: X, required: true, default: 1}")
    assert found is None and "NB13" in written.rules(findings)
