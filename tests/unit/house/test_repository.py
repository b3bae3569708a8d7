"""What is committed: where it lies, what it does not say, and that every exception has its reason."""

import ast
import io
import re
import tokenize

import pytest

from tests.unit.house.repository import ROOT, committed

TOP_LEVEL = {
    "notebooks",
    "nbprocessor",
    "results",
    "config",
    "tests",
    "docker",
    "environment.yml",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
}
MACHINE_PATH = re.compile(r"(?<![\w.:/}>*-])/(?:work|root|Users|home)/(?!nbprocessor\b)\w")
IGNORE = re.compile(r"#\s*(noqa(: [A-Z0-9, ]+[0-9])?|type: ignore(\[[\w, -]+\])?|pragma: no cover)")
PYTHON = committed("*.py")


def comments(source: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def test_the_top_level_has_its_fixed_entries_and_dot_files_only():
    entries = {path.relative_to(ROOT).parts[0] for path in committed()}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL


def test_results_are_not_committed():
    assert [path.name for path in committed("results")] == ["README.md"]


def test_no_committed_file_names_a_folder_of_somebodys_machine():
    found = []
    for path in committed():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture or an archive
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in MACHINE_PATH.finditer(text)]
    assert not found


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_ignore_says_why(path):
    bare = []
    for line, comment in comments(path.read_text(encoding="utf-8")):
        if (found := IGNORE.match(comment)) and len(re.findall(r"\w+", comment[found.end() :])) < 1:
            bare.append(f"line {line}: {comment}")
    assert not bare, "write the reason behind it: # noqa: S704  # the library escapes"


def test_every_ignored_rule_of_the_linter_says_why():
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("\nignore = [") :]
    lines = block[: block.index("\n]")].splitlines()[2:]
    assert [line for line in lines if "#" not in line] == []


def test_no_module_is_called_utils_helpers_common_or_base():
    names = {path.stem for path in PYTHON if ROOT / "nbprocessor" in path.parents}
    assert not names & {"utils", "util", "helpers", "helper", "common", "base", "misc"}


@pytest.mark.parametrize("path", committed("nbprocessor/*.py"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_its_responsibility_and_every_public_name_what_it_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert (ast.get_docstring(tree) or "").splitlines()[:1], "the module has no docstring"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    silent = [n.name for n in tree.body if isinstance(n, kinds) and n.name[0] != "_" and not ast.get_docstring(n)]
    assert not silent
