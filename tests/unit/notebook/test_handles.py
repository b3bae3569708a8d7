"""Rules about what a notebook writes, and which secrets it reads."""

from collections.abc import Collection

import pytest

from nbprocessor.notebook import check
from tests.unit.notebook import written

TITLES = "title: {de: A, en: B}, description: {de: A, en: B}"
FRONT = f"process:\n  title: {{de: A, en: B}}\n  description: {{de: A, en: B}}\n  inputs:\n    n: {{{TITLES}}}\n"


def found(tmp_path, front: str, *cells: written.Cell, secrets: Collection[str] | None = None) -> list[tuple[str, str]]:
    notebook = (written.front(front), written.text("# A\n\nText."), written.parameters('n: str = "a"'), *cells)
    findings = check.findings(written.saved(tmp_path, *notebook), secrets)
    return [(finding.rule, finding.severity) for finding in findings]


@pytest.mark.parametrize(
    "source",
    [
        "from nbprocessor import kit\nx = kit.secret('KEY')",
        "from nbprocessor.kit import secret\nx = secret('KEY')",
        "from nbprocessor.kit import secret as hidden\nx = hidden('KEY')",
    ],
)
def test_a_secret_that_is_read_has_to_be_declared(tmp_path, source):
    assert found(tmp_path, FRONT, written.code(source, "a")) == [("NB15", "error")]
    assert found(tmp_path, f"{FRONT}  secrets: [KEY]\n", written.code(source, "a")) == []


def test_a_declared_secret_the_server_does_not_have_is_a_warning(tmp_path):
    front = f"{FRONT}  secrets: [KEY]\n"
    assert found(tmp_path, front, secrets=()) == [("NB15", "warning")]
    assert found(tmp_path, front, secrets={"KEY"}) == []


@pytest.mark.parametrize("names", ["[key]", "[A-B]", "[A__B]", "KEY", "{KEY: value}", "[1]"])
def test_names_of_secrets_are_in_capitals(tmp_path, names):
    assert ("NB01", "error") in found(tmp_path, f"{FRONT}  secrets: {names}\n")


@pytest.mark.parametrize(
    "source",
    [
        "from nbprocessor import kit\nsource = kit.open_source()\nsource.write(1)",
        "from nbprocessor import kit\nsummary = kit.Summary(1, [])\nsummary.write(1, 2)",
    ],
)
def test_what_is_written_has_to_be_an_input_that_says_so(tmp_path, source):
    assert found(tmp_path, FRONT, written.code(source, "a")) == [("NB14", "warning")]
    declared = FRONT.replace("    n: {", "    n: {writes: true, ")
    assert found(tmp_path, declared, written.code(source, "a")) == []


def test_files_may_be_written_without_saying_so(tmp_path):
    assert found(tmp_path, FRONT, written.code("f = open('a')\nf.write('b')", "a")) == []
