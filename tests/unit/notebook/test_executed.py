import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.notebook import executed

KEYS = st.sampled_from(
    ["cells", "outputs", "output_type", "metadata", "nbprocessor", "output", "mediaType", "href", "data", "name"]
)
ANYTHING = st.recursive(
    st.none() | st.integers() | st.sampled_from(["display_data", "a", "text/plain"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def notebook(*outputs):
    return {"cells": [{"cell_type": "markdown"}, *({"outputs": [output]} for output in outputs)]}


def handed(id="a", media_type="application/json", href="a.json", kind="display_data", **facts):
    described = {"output": id, "mediaType": media_type, "href": href, **facts}
    return {"output_type": kind, "data": {}, "metadata": {"nbprocessor": described}}


def scrap(name, data, kind="json"):
    content = {"name": name, "data": data, "encoder": kind, "version": 1}
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {f"application/scrapbook.scrap.{kind}+json": content},
    }


def found(*outputs):
    return [(o.id, o.media_type, o.file, o.content) for o in executed.handed_over(notebook(*outputs))]


def test_outputs_are_those_of_the_display_metadata_in_their_order():
    assert found(handed("b", "text/csv", "b.csv"), handed(kind="execute_result")) == [
        ("b", "text/csv", "b.csv", None),
        ("a", "application/json", "a.json", None),
    ]


def test_the_last_of_a_name_counts():
    assert found(handed(href="a.json"), handed(media_type="text/csv", href="a.csv")) == [
        ("a", "text/csv", "a.csv", None)
    ]


def test_scrapbooks_outputs_are_read_from_the_notebook():
    assert found(scrap("a", {"x": 1}), scrap("b", "ü", "text")) == [
        ("a", "application/json", "a.json", b'{"x": 1}'),
        ("b", "text/plain", "b.txt", "ü".encode()),
    ]


@pytest.mark.parametrize(
    "output",
    [
        handed(id="../a"), handed(id=""), handed(id=5), handed(id="a\n"), handed(media_type="text"),
        handed(media_type="text/html\r\nSet-Cookie: a=b"), handed(media_type=5), handed(href=5), handed(kind="stream"),
        scrap("../a", 1), scrap(5, 1), scrap("a", float("nan")), scrap("a", "\ud800"),
        handed(href="../a.json"), handed(href="/etc/passwd"),
        handed(href=".a"), handed(href=""),
        {"output_type": "display_data"},
        {"output_type": "display_data", "metadata": 5},
        {"output_type": "display_data", "metadata": {"nbprocessor": 5}, "data": None}, 5, None,
    ],
)  # fmt: skip
def test_what_is_malformed_is_no_output(output):
    assert found(output) == []


@given(ANYTHING)
def test_whatever_a_notebook_wrote_reading_it_never_fails(value):
    for content in (value, {"cells": value}, notebook(value)):
        for output in executed.handed_over(content):
            json.dumps([output.id, output.media_type, output.file])
