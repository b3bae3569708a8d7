import ast

import pytest

from nbprocessor.notebook import annotations
from nbprocessor.notebook.annotations import Unreadable


def read(source: str) -> annotations.Type:
    return annotations.read(ast.parse(source, mode="eval").body)


@pytest.mark.parametrize(
    ("source", "schema"),
    [
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("str", {"type": "string"}),
        ("date", {"type": "string", "format": "date"}),
        ("datetime.date", {"type": "string", "format": "date"}),
        ("datetime", {"type": "string", "format": "date-time"}),
        ("datetime.datetime", {"type": "string", "format": "date-time"}),
        ("Any", {}),
        ("list", {"type": "array", "items": {}}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("List[list[str]]", {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
        ("list[int | None]", {"type": "array", "items": {"type": "integer", "nullable": True}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        ("tuple[int, int]", {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
        ("dict", {"type": "object"}),
        ("dict[str, Any]", {"type": "object"}),
        ("typing.Dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ('Literal["a", "b"]', {"type": "string", "enum": ["a", "b"]}),
        ("Literal[-1, 1]", {"type": "integer", "enum": [-1, 1]}),
        ('Literal["a", 1]', {"enum": ["a", 1]}),
        ("int | str", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("int | float", {"type": "number"}),
        ("Union[int, str]", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("int | Any", {}),
        ("Annotated[int, Field(ge=0, le=12)]", {"type": "integer", "minimum": 0, "maximum": 12}),
        ("Annotated[float, Field(gt=0)]", {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        ("Annotated[float, Field(lt=-0.5)]", {"type": "number", "maximum": -0.5, "exclusiveMaximum": True}),
        ("Annotated[int, Field(multiple_of=5)]", {"type": "integer", "multipleOf": 5}),
        ('Annotated[str, Field(pattern="^a", min_length=1)]', {"type": "string", "pattern": "^a", "minLength": 1}),
        ("Annotated[list[int], Field(max_length=3)]", {"type": "array", "items": {"type": "integer"}, "maxItems": 3}),
    ],
)
def test_an_annotation_is_a_json_schema(source, schema):
    assert read(source).whole == schema


@pytest.mark.parametrize(
    "source", ["int | None", "None | int", "Optional[int]", "typing.Optional[int]", "Union[int, None]"]
)
def test_every_way_to_write_that_a_value_may_be_missing_is_nullable(source):
    assert read(source).whole == {"type": "integer", "nullable": True}


@pytest.mark.parametrize("source", ['"date | None"', '"date" | None', '"datetime.date | None"'])
def test_an_annotation_may_be_a_text(source):
    kind = read(source)
    assert (kind.injected_as, kind.nullable) == ("date", True)


@pytest.mark.parametrize(
    ("source", "kind"),
    [("date", "date"), ("list[date]", "date"), ("datetime | None", "datetime"), ("list[date | None]", "date"),
     ("date | str", ""), ("int", "")],
)  # fmt: skip
def test_dates_are_known_inside_lists_and_beside_none(source, kind):
    assert read(source).injected_as == kind


def test_annotated_carries_title_description_and_example():
    kind = read('Annotated[int, "how many", Field(title="Count", examples=[3])]')
    assert (kind.title, kind.description, kind.example) == ("Count", "how many", 3)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("complex", "complex is not known"),
        ("pd.DataFrame", "pd.DataFrame is not known"),
        ("set[int]", "set[int] is not known"),
        ("int()", "int() is not known"),
        ("5", "5 is not known"),
        ('"int["', "is no Python"),
        ("dict[int, str]", "keys of a dict"),
        ("dict[str, date]", "inside a dict would arrive as a text"),
        ("tuple[date, int]", "dates in all places"),
        ("tuple[()]", "dates in all places"),
        ("Literal[1.5]", "whole numbers"),
        ('Literal[b"a"]', "literal values that JSON has"),
        ("Literal[x]", "literal values"),
        ("Annotated[int, Gt(0)]", "takes a text or Field"),
        ("Annotated[int, Field(5)]", "takes a text or Field"),
        ("Annotated[int, Field(ge=x)]", "literal values"),
        ("Annotated[int, Field(ge=1e999)]", "that JSON has"),
        ("Annotated[int, Field(**more)]", "literal values"),
        ("Annotated[int, Field(examples=[{1}])]", "that JSON has"),
        ('Annotated[str, Field(description="\\ud800")]', "that JSON has"),
        ("Annotated[str, Field(ge=1)]", "says nothing here about string"),
        ("Annotated[int, Field(ge=True)]", "says nothing here about integer"),
        ("Annotated[int | str, Field(ge=1)]", "says nothing here about this type"),
    ],
)
def test_what_has_no_json_form_is_refused_with_a_sentence(source, said):
    with pytest.raises(Unreadable) as caught:
        read(source)
    assert said in caught.value.sentence


def test_a_number_too_large_for_json_is_refused():
    with pytest.raises(Unreadable, match="too large"):
        read(f"Literal[0x{'f' * 500}]")
