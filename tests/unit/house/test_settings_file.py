"""config/nbprocessor.yml shows every setting with its default and what it means."""

import re
from typing import get_args

import pytest
from ruamel.yaml import YAML

from nbprocessor import config
from nbprocessor.execution.choice import AUTO, EXECUTORS
from tests.unit.house.repository import ROOT

FILE = ROOT / "config" / "nbprocessor.yml"
KEYS = [
    (section, key)
    for section, field in config.Settings.model_fields.items()
    for key in type(field.default).model_fields
]


def test_the_file_says_what_the_defaults_are(monkeypatch, tmp_path):
    for variable in config.PLATFORM_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    assert config.load(FILE) == config.load()


def test_the_file_has_every_key_and_no_other():
    document = YAML(typ="safe", pure=True).load(FILE.read_text())
    assert {(section, key) for section, content in document.items() for key in content} == set(KEYS)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_a_comment_above_each_key_says_what_it_means(section, key):
    text = FILE.read_text()
    body = re.split(r"^(?=\w)", text[text.index(f"\n{section}:") + 1 :], flags=re.MULTILINE)[1]
    lines = body.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(f"  {key}:"))
    assert re.match(r"  # .*[\w).:]$", lines[place - 1]), f"{section}.{key} has no comment above it"


def test_every_way_to_run_jobs_can_be_set_and_is_explained():
    known = get_args(config.Execution.model_fields["executor"].annotation)
    assert set(known) == {AUTO, *EXECUTORS}
    text = FILE.read_text()
    comment = text[text.index("execution:") : text.index("  executor:")]
    assert all(name in comment for name in known)
