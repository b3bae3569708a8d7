"""Set-up finds a Python that fits, and says what to do where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT

TOOLS = "/usr/bin:/bin"
"""Where sort, tail and cut are."""


def find(*wanted: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"]} | environment
    return subprocess.run(
        [ROOT / ".ci" / "python", *wanted], env=kept, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def interpreter(tmp_path):
    """A program that answers as a Python of some version would."""

    def made(name: str, version: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{version} {path}"\n')
        path.chmod(0o755)
        return path

    return made


def test_the_python_that_is_named_is_taken():
    found = find(PYTHON=sys.executable)
    assert Path(found.stdout.strip()).samefile(sys.executable)


def test_a_python_that_cannot_be_used_is_named():
    found = find(PYTHON="no-such-python")
    assert found.returncode == 1
    assert found.stderr.startswith("PYTHON=no-such-python cannot be used: it has to be a released CPython 3.11+")


def test_where_no_python_fits_the_sentence_says_what_to_install():
    found = find("3.99")
    assert found.returncode == 1
    assert found.stdout == ""
    assert "No Python 3.99 with the modules venv, ensurepip and ssl was found" in found.stderr
    assert "make setup PYTHON=" in found.stderr


def test_the_newest_counts_by_number_wherever_it_lies(tmp_path, interpreter):
    interpreter("bin/python3.99", "3 99 9")
    newest = interpreter(".pyenv/versions/3.100.10/bin/python", "3 100 10")
    interpreter(".pyenv/versions/3.100.9/bin/python", "3 100 9")
    found = find(PATH=f"{tmp_path}/bin:{TOOLS}", HOME=str(tmp_path))
    assert found.stdout.strip() == str(newest)


def test_pythons_that_do_not_run_are_passed_over(tmp_path, interpreter):
    fits = interpreter("bin/python3.99", "3 99 0")
    broken = interpreter("bin/python3.98", "")
    broken.write_text("#!/nowhere/python\n")
    found = find(PATH=f"{tmp_path}/bin:{TOOLS}", PYENV_ROOT=str(tmp_path / "none"), HOME=str(tmp_path))
    assert found.stdout.strip() == str(fits)
