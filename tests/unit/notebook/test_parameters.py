import pytest

from nbprocessor.model import ABSENT
from nbprocessor.notebook import parameters
from tests.unit.notebook import written


def read(source: str):
    return parameters.read(written.document(written.parameters(source)).cells[0])


def declared(source: str) -> dict[str, parameters.Parameter]:
    found, findings = read(source)
    assert not findings
    return found


def test_a_declaration_has_name_type_value_line_and_comment():
    found = declared('# a remark\nyear: int = 2020  # the year  \nname: str = "#1"  # who')
    assert found["year"].line == 2
    assert (found["year"].value, found["year"].comment) == (2020, "the year")
    assert (found["name"].value, found["name"].comment) == ("#1", "who")
    assert found["year"].type is not None and found["year"].type.schema == {"type": "integer"}


def test_a_bare_declaration_has_no_value():
    assert declared("year: int")["year"].value is ABSENT


def test_a_name_without_annotation_has_the_type_of_its_value():
    found = declared("year = 2020")["year"]
    assert (found.type, found.value_type.schema) == (None, {"type": "integer"})


def test_the_comment_of_a_long_value_stands_behind_its_end():
    assert declared("a: list[int] = [\n  1,  # one\n  2,\n]  # numbers")["a"].comment == "numbers"


@pytest.mark.parametrize(
    ("comment", "kind", "said"),
    [
        ("# type: int", "integer", ""),
        ("# type: int how many", "integer", "how many"),
        ("# type: list[int]  numbers", "array", "numbers"),
        ("# type: dict[str, int] by name", "object", "by name"),
        ("# type: int | None  perhaps", "integer", "perhaps"),
    ],
)
def test_papermills_type_comments_are_read(comment, kind, said):
    found = declared(f"a = None  {comment}")["a"]
    assert found.type is not None and (found.type.schema["type"], found.comment) == (kind, said)


@pytest.mark.parametrize("comment", ["# noqa: E501", "# type: ignore", "# type: ignore[assignment]", "# fmt: skip"])
def test_what_a_comment_tells_a_tool_is_no_description(comment):
    assert declared(f"a: int = 1  {comment}")["a"].comment == ""


def test_a_type_comment_with_many_brackets_is_read_at_once():
    _, findings = read(f"a = 1  # type: {'a[]|' * 5000}a[]!")
    assert not findings


def test_docstrings_pass_and_imports_for_annotations_may_stand_in_the_cell():
    imports = "from __future__ import annotations\nimport datetime\nfrom typing import Literal"
    assert list(declared(f'"""What is wanted."""\n{imports}\npass\na: int = 1')) == ["a"]


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("import os", 1, "import does not belong"),
        ("from . import x", 1, "import does not belong"),
        ("a: int = 1\nprint(a)", 2, "no declaration"),
        ("if True:\n  a = 1", 1, "no declaration"),
        ("def f(): ...", 1, "no declaration"),
        ("a = b = 1", 1, "declare one name"),
        ("a, b = 1, 2", 1, "declare one name"),
        ("a += 1", 1, "declare one name"),
        ("a.b: int = 1", 1, "no declaration"),
        ("a[0] = 1", 1, "declare one name"),
        ("a: int = 1\na: int = 2", 2, "declared twice"),
        ("%matplotlib inline\na = 1", 1, "no declaration"),
        ("!pip install x", 1, "no declaration"),
        ("a: int =", 1, "no Python"),
        ("a: int = 1\nclass: str = 'a'", 2, "class cannot be the name of an input: it is a word"),
        ("a: int = open('x')", 1, "is computed"),
        ("a: Frame = 1", 1, "not known"),
        ("from datetime import date\ndate: date = date(2020, 1, 1)", 2, "imports something of that name"),
    ],
)
def test_what_is_no_declaration_is_a_finding_with_its_line(source, line, said):
    _, findings = read(source)
    assert [finding.rule for finding in findings] == ["NB02"]
    assert findings[0].line == line and said in findings[0].sentence


def test_one_wrong_line_does_not_hide_the_others():
    found, findings = read("a: int = 1\nb: int = f()\nc: int = g()\nd: int = 4")
    assert list(found) == ["a", "d"]
    assert [finding.line for finding in findings] == [2, 3]


@pytest.mark.parametrize(
    "name",
    [
        "class",
        "None",
        "__import__",
        "_hidden",
        "list",
        "id",
        "print",
        "kit",
        "display",
        "get_ipython",
        "ﬁne",
        "a" * 101,
    ],
)
def test_names_that_mean_something_else_are_refused(name):
    assert parameters.refusal(name)


@pytest.mark.parametrize("name", ["x", "größe", "stringInput", "target_time", "match"])
def test_names_that_mean_nothing_else_are_taken(name):
    assert not parameters.refusal(name)


@pytest.mark.parametrize("name", ["a b", "a-b", "1a", "", "a;import os", "a=1#"])
def test_what_is_no_identifier_is_refused(name):
    assert parameters.refusal(name)


@pytest.mark.parametrize(
    "source",
    [
        "a: " + "int|" * 900 + "int",
        "a: " + "int|" * 50_000 + "int",
        "a = " + "-" * 5_000 + "1",
        "a = " + "[" * 150 + "]" * 150,
        "a = " + "(" * 100_000,
        "a: x" + ".y" * 50_000,
        "a = date(" + "-" * 900 + "1)",
        "a = 1\0",
        "a: int = " + "9" * 5000,
        "x" * 300_000,
    ],
    ids=lambda source: f"{source[:12]}… {len(source)}",
)
def test_monstrous_cells_are_answered_by_findings(source):
    found, findings = read(source)
    assert findings or found


def test_warnings_of_the_parser_are_the_authors_business():
    assert declared('a: str = "\\d"')["a"].value == "\\d"
