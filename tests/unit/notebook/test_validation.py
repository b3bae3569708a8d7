import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.notebook import schemas, validation

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
NUMBERED = {"type": "array", "uniqueItems": True}


def said(schema, value):
    return [str(problem) for problem in validation.problems_of(schema, value, "/inputs/x")]


@given(JSON)
def test_whatever_the_value_it_is_judged_and_every_sentence_can_be_sent(value):
    schema = {"anyOf": [{"type": "string", "format": "date"}, NUMBERED, {"type": "object", "required": ["a"]}]}
    for problem in validation.problems_of(schema, value, ""):
        assert json.dumps([problem.pointer, problem.detail], ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        ({"type": "integer"}, "5", '/inputs/x: "5" is not a whole number.'),
        ({"type": "integer"}, 1.5, "/inputs/x: 1.5 is not a whole number."),
        ({"type": "number"}, True, "/inputs/x: true is not a number."),
        ({"type": "string", "nullable": True}, 5, "/inputs/x: 5 is not a text or null."),
        ({"enum": ["a", "b"]}, "c", '/inputs/x: "c" is none of "a", "b".'),
        ({"type": "integer", "minimum": 0}, -1, "/inputs/x: -1 is less than 0."),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, 0, "/inputs/x: 0 is not more than 0."),
        ({"type": "string", "minLength": 2}, "a", '/inputs/x: "a" is shorter than 2 characters.'),
        ({"type": "string", "pattern": "^a"}, "b", '/inputs/x: "b" does not match the pattern ^a.'),
        ({"type": "array", "maxItems": 1}, [1, 2], "/inputs/x: It has more than 1 values."),
        (NUMBERED, [1, 1.0], "/inputs/x: A value stands in it more than once."),
        ({"type": "object", "required": ["a"]}, {}, '/inputs/x: "a" is missing.'),
        ({"additionalProperties": False}, {"a": 1}, '/inputs/x: There is nothing called "a" here.'),
        ({"properties": {"a/b": {"type": "string"}}}, {"a/b": 1}, "/inputs/x/a~1b: 1 is not a text."),
        ({"items": {"type": "string"}}, ["a", 1], "/inputs/x/1: 1 is not a text."),
        ({"format": "date"}, "soon", '/inputs/x: "soon" is not a date such as 2020-01-31.'),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, 5, "/inputs/x: 5 is not a text or an object."),
        (
            {"oneOf": [{"type": "integer"}, {"type": "number"}]},
            5,
            "/inputs/x: 5 fits more than one of the allowed forms.",
        ),
        (
            {"anyOf": [{"type": "string", "minLength": 3}, {"type": "integer"}]},
            "a",
            '/inputs/x: "a" is shorter than 3 characters.',
        ),
        ({"not": {"type": "string"}}, "a", '/inputs/x: "a" is not allowed.'),
        ({}, float("inf"), "/inputs/x: The number is not finite."),
        ({}, 10**400, "/inputs/x: The number is too large."),
        ({}, ["\ud800"], "/inputs/x/0: The text has half a character (a surrogate)."),
        ({}, {"\ud800": 1}, "/inputs/x: A name in it has half a character (a surrogate)."),
    ],
)
def test_a_fault_is_a_sentence_with_its_place(schema, value, sentence):
    assert said(schema, value) == [sentence]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1.0),
        ({"type": "number", "multipleOf": 0.1}, 0.3),
        ({"type": "string", "nullable": True}, None),
        ({"enum": ["a"], "nullable": True}, None),
        ({"type": "string", "format": "unheard-of"}, "a"),
        (NUMBERED, [True, 1, "1", [1], {"a": 1}]),
        (schemas.BBOX, {"bbox": [7, 51, 8, 52]}),
        ({"title": 5, "example": {}, "default": 1}, "anything"),
    ],
)
def test_what_satisfies_a_schema_has_no_problems(schema, value):
    assert said(schema, value) == []


def test_every_fault_is_named_up_to_a_hundred():
    assert len(said({"items": {"type": "string"}}, list(range(3)))) == 3
    assert len(said({"items": {"type": "string"}}, list(range(5000)))) == 100


def test_deep_values_are_refused():
    value: list = []
    for _ in range(5000):
        value = [value]
    assert said({}, value) == ["/inputs/x: The value is nested more than 100 deep."]


def test_a_long_text_is_not_matched():
    assert said({"pattern": "a$"}, "a" * 20_000) == ["/inputs/x: It is longer than 10,000 characters."]


def test_thousands_of_objects_are_told_apart_at_once():
    begin = time.perf_counter()
    assert said(NUMBERED, [{"a": n} for n in range(20_000)]) == []
    assert time.perf_counter() - begin < 5


def test_a_long_value_is_cut_in_sentences():
    assert len(said({"type": "integer"}, "a" * 1_000_000)[0]) < 200
