"""Fail points end the process where a test wants it, and never else."""

import os
import subprocess
import sys

import pytest

from nbprocessor import faultpoints
from tests.unit.house.repository import ROOT, committed


def ended(value: str, *passed: str) -> int:
    """Arm a point in a process, let it pass some, and return its exit code."""
    lines = ["from nbprocessor import faultpoints", f"faultpoints.arm({value!r})"]
    lines += [f"faultpoints.passed({name!r})" for name in passed]
    return subprocess.run([sys.executable, "-c", "; ".join(lines)], check=False, cwd=ROOT).returncode


@pytest.mark.parametrize(
    ("value", "passed", "code"),
    [
        ("", ["claimed"], 0),
        ("claimed", ["row-added"], 0),
        ("claimed", ["row-added", "claimed"], faultpoints.EXIT_CODE),
        ("claimed:2", ["claimed"], 0),
        ("claimed:2", ["claimed", "claimed"], faultpoints.EXIT_CODE),
    ],
)
def test_the_process_ends_at_the_armed_point_and_at_no_other(value, passed, code):
    assert ended(value, *passed) == code


@pytest.mark.parametrize("value", ["nowhere", "claimed:0", "claimed:x", ":1"])
def test_a_point_that_is_not_there_is_named_with_those_that_are(value):
    command = [sys.executable, "-m", "nbprocessor", "jobs"]
    environment = os.environ | {faultpoints.VARIABLE: value}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 3
    assert faultpoints.VARIABLE in done.stderr and "manifest-written" in done.stderr


def test_every_point_is_passed_somewhere():
    sources = "".join(path.read_text() for path in committed("nbprocessor/*.py"))
    assert [name for name in faultpoints.POINTS if f'passed("{name}")' not in sources] == []
