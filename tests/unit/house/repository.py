"""The repository as these tests see it: its files, its declared packages, its commands."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def committed(*patterns: str) -> list[Path]:
    """Return the committed files that are there, all of them or those that match git's patterns."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
