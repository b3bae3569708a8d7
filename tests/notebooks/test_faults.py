"""Every fault of the processes that were replaced has a test, a case, or a reason why it cannot occur."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

TESTS = Path(__file__).parents[1]
COMPUTATION = range(1, 30)
"""B30 and later are faults of the HTTP application."""


def with_a_test():
    """Return the numbers in names of tests and of cases."""
    names = [
        name
        for file in sorted(TESTS.rglob("test_*.py"))
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    cases = [
        name
        for file in sorted(Path(__file__).parent.glob("*.yml"))
        for name in re.findall(r"name: ([^\n]*)", file.read_text(encoding="utf-8"))
    ]
    in_tests = {int(number) for name in names for number in re.findall(r"_b(\d+)(?=_)", name)}
    return in_tests | {int(number) for name in cases for number in re.findall(r"\bB(\d+)\b", name)}


def reasons():
    return YAML(typ="safe", pure=True).load((Path(__file__).parent / "faults.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", COMPUTATION)
def test_a_fault_has_a_test_a_case_or_a_reason_why_it_cannot_occur(number):
    assert number in with_a_test() or f"B{number}" in reasons()


def test_a_reason_is_a_sentence():
    assert all(reason.strip().endswith(".") and len(reason) > 60 for reason in reasons().values())
