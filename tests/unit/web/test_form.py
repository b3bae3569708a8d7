"""The run form: every schema gets a control that can hold its values."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprocessor.web import form
from nbprocessor.web.pages import Pages
from nbprocessor.web.snippets import python_literal, shell_json
from tests.unit.web.documents import process


def field(schema, **described):
    (found,) = form.fields({"inputs": {"x": {"title": "X", "schema": schema, **described}}}, "en")
    return found


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "date"}, "text"),
        ({"type": "string", "contentMediaType": "application/gml+xml"}, "longtext"),
        ({"type": "string", "contentEncoding": "binary", "contentMediaType": "image/tiff"}, "file"),
        ({"type": "integer", "minimum": 1}, "number"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "string", "enum": ["a", "b"]}, "choice"),
        ({"type": "integer", "enum": [1, 2]}, "choice"),
        ({"type": "array", "items": {"type": "string"}}, "lines"),
        ({"type": "array", "items": {"type": "string", "enum": ["a"]}}, "choices"),
        ({"type": "array", "items": {"type": "object"}}, "json"),
        ({"allOf": [{"format": "ogc-bbox"}, {"type": "object"}]}, "bbox"),
        ({"type": "object"}, "json"),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, "json"),
        ({"type": ["string", "null"]}, "json"),
        ({}, "json"),
    ],
)
def test_each_kind_of_schema_has_its_control(schema, kind):
    assert field(schema).kind == kind


def test_a_plain_input_that_may_occur_often_takes_a_line_each():
    assert field({"type": "string"}, maxOccurs=3).kind == "lines"
    assert field({"type": "integer"}, maxOccurs="unbounded").items == "number"


def test_text_is_sent_as_text_where_one_branch_allows_it():
    assert field({"oneOf": [{"type": "string"}, {"type": "object"}]}).text_allowed
    assert not field({"oneOf": [{"type": "array"}, {"type": "object"}]}).text_allowed


def test_an_input_with_a_default_is_not_required():
    assert field({"type": "integer"}).required
    assert not field({"type": "integer"}, minOccurs=0).required
    assert not field({"type": "integer", "default": 3}).required


def test_the_form_shows_the_examples_then_the_defaults():
    values = {one.id: one.value for one in form.fields(process(), "de")}
    assert values["numerator"] == "unter-18"
    assert values["units"] == "stadtteile\nquartiere"
    assert values["digits"] == "3"
    assert values["method"] == '"mean"'
    assert values["years"] == ["2020", "2022"]
    assert values["strict"] == "true"
    assert values["day"] == ""
    assert json.loads(values["time"]) == {"mode": "ALL"}


@pytest.mark.parametrize(
    ("value", "shown"), [("SUM", "SUM"), ("12", '"12"'), ("", '""'), (" a", '" a"'), ({"a": 1}, '{\n  "a": 1\n}')]
)
def test_a_text_among_other_types_has_quotes_only_where_it_could_be_mistaken(value, shown):
    schema = {"oneOf": [{"type": "string"}, {"type": "object"}], "default": value}
    assert field(schema).value == shown


def test_input_boxes_become_groups_and_nothing_is_lost():
    fields = form.fields(process(), "de")
    boxes = [
        {"id": "a", "title": "Erste", "contents": ["digits", "no-such"]},
        {"id": "b", "contents": []},
        "x",
    ]
    groups = form.groups(fields, boxes, "Weitere")
    assert [group.title for group in groups] == ["Erste", "Weitere"]
    assert sorted(one.id for group in groups for one in group.fields) == sorted(process()["inputs"])


schemas = st.recursive(
    st.fixed_dictionaries({}, optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "array", ["string", "null"]]),
        "enum": st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=2),
        "format": st.sampled_from(["date", "date-time", "uri", "ogc-bbox", "x"]),
        "default": st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
        "minimum": st.integers(),
        "contentMediaType": st.just("text/plain"),
        "$ref": st.just("#/x"),
    }),
    lambda inner: st.fixed_dictionaries({}, optional={
        "type": st.just("array"), "items": inner,
        "oneOf": st.lists(inner, max_size=2), "allOf": st.lists(inner, max_size=2),
    }),
    max_leaves=4,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # drawing recursive schemas takes its time
@given(schemas)
def test_any_schema_can_be_shown(schema):
    document = process(inputs={"x": {"title": "X", "schema": schema}}, example={})
    html = Pages().render("process", document, language="de", url="/processes/x", base_url="")
    assert 'data-input="x"' in html


def test_snippets_hold_the_forms_first_request():
    request = form.initial_request(process())
    assert request["inputs"]["digits"] == 3
    assert "day" not in request["inputs"]
    assert shell_json({"a": "it's"}) == '{"a": "it\'\\\'\'s"}'
    assert eval(python_literal(request)) == request
