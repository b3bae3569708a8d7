from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import papermill_translators

from nbprocessor.execution import injection

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])) | st.dates() | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def injected(**values):
    """Run the cell papermill would inject, and return what it defines."""
    code = injection.DatedPythonTranslator.codify(injection.injectable(values))
    found = {}
    exec(code, found)
    return {name: found[name] for name in values}


@given(VALUES)
def test_a_value_is_in_the_notebook_what_it_was_before(value):
    assert injected(value=value) == {"value": value}


def test_a_date_is_a_date_and_the_notebooks_own_datetime_stays():
    found = {"datetime": "mine"}
    values = {"day": date(2026, 3, 1), "moments": [datetime(2026, 3, 1, 12, tzinfo=UTC)]}
    exec(injection.DatedPythonTranslator.codify(injection.injectable(values)), found)
    assert (found["day"], found["moments"], found["datetime"]) == (values["day"], values["moments"], "mine")


def test_a_cell_without_dates_imports_nothing():
    assert "import" not in injection.DatedPythonTranslator.codify(injection.injectable({"a": 1, "b": "date"}))


@pytest.mark.parametrize("text", ["'", '"', "\\", "\n", "'''", "{x}", "%s", "\0", "# a", "' + __import__('os') + '"])
def test_texts_are_never_code(text):
    assert injected(value=text, nested={text: [text]}) == {"value": text, "nested": {text: [text]}}


@pytest.mark.parametrize("name", ["x=1\nimport os", "1a", "class", "", "a b", "__builtins__", "a.b"])
def test_a_name_that_is_no_variable_is_refused(name):
    with pytest.raises(ValueError, match="no variable name"):
        injection.injectable({name: 1})


def test_papermill_uses_the_translator_once_it_is_registered(monkeypatch):
    monkeypatch.setattr(papermill_translators, "_translators", dict(papermill_translators._translators))
    injection.register()
    assert papermill_translators.find_translator("python3", "python") is injection.DatedPythonTranslator


def test_a_moment_is_a_text_for_other_languages_and_for_json():
    moment = injection.injectable({"day": date(2026, 3, 1)})["day"]
    assert (moment, isinstance(moment, str)) == ("2026-03-01", True)
