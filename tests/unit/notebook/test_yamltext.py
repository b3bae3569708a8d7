import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.notebook import yamltext
from nbprocessor.notebook.yamltext import YamlFault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcnoyes ~:", max_size=5), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(st.text())
def test_whatever_the_text_reading_raises_nothing_but_a_yaml_fault(text):
    with contextlib.suppress(YamlFault):
        yamltext.read(text)


@given(st.text(st.sampled_from("ab01-:?[]{}&*!|>%@`'\"#,\n\t ~<=.é\x85\\")))
def test_whatever_the_punctuation_reading_raises_nothing_but_a_yaml_fault(text):
    with contextlib.suppress(YamlFault):
        yamltext.read(text)


@given(JSON)
def test_json_is_read_as_json(value):
    assert yamltext.read(json.dumps(value)).value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: no", {"a": "no"}),
        ("a: [yes, on, off, y, n]", {"a": ["yes", "on", "off", "y", "n"]}),
        ("no: 1", {"no": 1}),
        ("a: true", {"a": True}),
        ("a: 2020-01-31", {"a": "2020-01-31"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 010", {"a": 10}),
        ("a: 0o17", {"a": 15}),
        ("a: 1.0.0", {"a": "1.0.0"}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: <<", {"a": "<<"}),
        ("a: =", {"a": "="}),
        ("'<<': 1", {"<<": 1}),
        ("1: 2", {"1": 2}),
        (r"a: $\frac{I_1}{I_2}$", {"a": r"$\frac{I_1}{I_2}$"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ],
)
def test_values_are_those_of_yaml_1_2(text, value):
    assert yamltext.read(text).value == value


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, '"a" stands twice; it was on line 1'),
        ("a: {b: 1, b: 2}", 1, "stands twice"),
        ("1: a\n'1': b", 2, "stands twice"),
        ("a: !!python/object/apply:os.system [id]", 1, "is not allowed"),
        ("a: !mine 1", 1, "!mine is not allowed"),
        ("a: !!binary aGk=", 1, "!!binary is not allowed"),
        ("a: !!set {b}", 1, "!!set is not allowed"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "Merge keys"),
        ("? [a, b]\n: 1", 1, "A key has to be a text"),
        ("a: {{b}}", 1, "A key has to be a text"),
        ("a: .inf", 1, "no number that JSON has"),
        ("a: .NaN", 1, "no number that JSON has"),
        ("a: 1e999", 1, "no number that JSON has"),
        ("%YAML 1.1\n---\na: no", 1, "directive"),
        ("a: *missing", 1, "no YAML"),
        ("a: &x [*x]", 1, "nested too deeply"),
        ("a:\n\t- b", 2, "no YAML"),
        ("a: b: c", 1, "no YAML"),
        ('a: "\\q"', 1, "no YAML"),
        ('a: "\\ud800"', 1, "half a character"),
        ('"\\ud800": a', 1, "half a character"),
        ("a: 1\n---\nb: 2", 2, "no YAML"),
        ("a: [1, 2", 1, "no YAML"),
    ],
)
def test_what_is_ambiguous_or_dangerous_is_a_fault_with_its_line(text, line, said):
    with pytest.raises(YamlFault) as caught:
        yamltext.read(text)
    assert said in caught.value.sentence and caught.value.line == line


def test_nine_lines_of_aliases_that_stand_for_a_billion_values_are_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YamlFault, match="too many values"):
        yamltext.read("\n".join(lines))


@pytest.mark.parametrize("text", ["[\n" * 3000, "[" * 300 + "]" * 300, "- " * 3000 + "a", "{a: " * 3000, "? " * 3000])
def test_deep_nesting_is_refused(text):
    with pytest.raises(YamlFault):
        yamltext.read(text)


def test_a_text_of_a_megabyte_is_refused():
    with pytest.raises(YamlFault, match="characters"):
        yamltext.read("a" * 1_000_000)


def test_every_value_knows_its_line():
    lines = yamltext.read("a:\n  b: 1\n  c:\n    - x\n    - y").lines
    assert (lines["a",], lines["a", "b"], lines["a", "c", 1]) == (1, 2, 5)
