import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.notebook import schemas
from nbprocessor.notebook.schemas import SchemaFault

KEYWORDS = st.sampled_from(
    ["type", "enum", "format", "minimum", "exclusiveMinimum", "pattern", "items", "properties", "required", "allOf",
     "oneOf", "not", "$ref", "$defs", "nullable", "const", "additionalProperties", "default", "x-a", "contentSchema",
     "maxItems"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
    | st.sampled_from(["string", "#/$defs/a", "(", "integer"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(KEYWORDS, ANYTHING, max_size=5))
def test_whatever_stands_in_a_schema_it_is_read_or_refused(schema):
    with contextlib.suppress(SchemaFault):
        schemas.normalised(schema)


@pytest.mark.parametrize(
    ("given_schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"const": 5}, {"enum": [5]}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        ({"type": "integer", "examples": [3, 4]}, {"type": "integer", "example": 3}),
        ({"type": "array", "items": True}, {"type": "array", "items": True}),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string"}, {"type": "string"}),
        (
            {"$ref": "#/$defs/share", "$defs": {"share": {"type": "number", "maximum": 1}}, "minimum": 0},
            {"type": "number", "maximum": 1, "minimum": 0},
        ),
        ({"x-kommonitor": "indicator", "type": "string"}, {"x-kommonitor": "indicator", "type": "string"}),
        (
            {"$ref": "https://schemas.opengis.net/ogcapi/processes/part1/1.0/openapi/schemas/bbox.yaml"},
            dict(schemas.BBOX),
        ),
        (
            {"$ref": "https://geojson.org/schema/FeatureCollection.json"},
            {"type": "object", "format": "geojson-feature-collection"},
        ),
        (
            {"type": "string", "contentMediaType": "application/gml+xml", "contentSchema": "http://a.example/b.xsd"},
            {"type": "string", "contentMediaType": "application/gml+xml", "contentSchema": "http://a.example/b.xsd"},
        ),
    ],
)
def test_schemas_are_brought_to_the_dialect_of_openapi(given_schema, expected):
    assert schemas.normalised(given_schema) == expected


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"typ": "string"}, '"typ" is no keyword'),
        ({"patternProperties": {}}, "no keyword"),
        ({"type": "strng"}, '"strng" is no type'),
        ({"type": 5}, "5 is no type"),
        ({"items": 5}, "has to be a map"),
        ({"allOf": []}, "list of schemas"),
        ({"allOf": {}}, "list of schemas"),
        ({"properties": []}, "map of schemas"),
        ({"required": True}, "not valid"),
        ({"minimum": "0"}, "not valid"),
        ({"multipleOf": 0}, "not valid"),
        ({"enum": 5}, "not valid"),
        ({"pattern": "("}, "cannot be used"),
        ({"pattern": "(?=a)"}, "cannot be used"),
        ({"pattern": 5}, "not valid"),
        ({"nullable": "yes"}, "true or false"),
        ({"$ref": "https://a.example/schema.json"}, "nothing is fetched"),
        ({"$ref": "file:///etc/passwd"}, "nothing is fetched"),
        ({"$ref": "#/nowhere"}, "leads nowhere"),
        ({"$ref": 5}, "leads out"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "refers to itself"),
        ({"properties": {"a": False}}, "has to be a map"),
    ],
)
def test_what_is_no_schema_is_refused_with_a_sentence(schema, said):
    with pytest.raises(SchemaFault) as caught:
        schemas.normalised(schema)
    assert said in caught.value.sentence


def test_a_few_references_that_stand_for_a_billion_schemas_are_refused_at_once():
    definitions = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 10} for n in range(12)}
    with pytest.raises(SchemaFault, match="too deeply"):
        schemas.normalised({"$ref": "#/$defs/a0", "$defs": {**definitions, "a12": {}}})


def test_types_media_types_and_kinds_are_told():
    assert schemas.types({"oneOf": [{"type": "string"}, {"enum": [1]}]}) == {"string", "integer"}
    assert schemas.types({"oneOf": [{"type": "string"}, {}]}) == frozenset()
    assert schemas.types(schemas.BBOX) == {"object"}
    assert schemas.media_types({"type": "object", "format": "geojson-feature"}) == [
        "application/geo+json",
        "application/json",
    ]
    assert schemas.media_types({"type": "string", "contentMediaType": "text/csv"}) == ["text/csv"]
    assert schemas.is_bbox(schemas.BBOX) and not schemas.is_bbox({"type": "object"})
    assert schemas.is_binary({"type": "string", "contentEncoding": "base64"}) and not schemas.is_binary(
        {"type": "string"}
    )
    assert schemas.has_property({"allOf": [{"properties": {"a": {}}}]}, "a")
