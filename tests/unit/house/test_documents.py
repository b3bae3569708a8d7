"""README, CONTRIBUTING and CHANGELOG are true and in form."""

import re
import shlex

import pytest

from nbprocessor import __version__
from nbprocessor.cli.main import nbprocessor
from tests.unit.house.repository import ROOT, make_targets, pyproject

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def commands(document: str) -> list[list[str]]:
    """Return what the document's code tells people to type, as words."""
    text = re.sub(r"^ +", "", (ROOT / document).read_text(), flags=re.MULTILINE)
    lines = [
        line for block, inline in CODE.findall(text) for line in (block or inline).replace("\\\n", " ").splitlines()
    ]
    words = []
    for line in lines:
        try:
            words.append(shlex.split(line, comments=True))
        except ValueError:  # an apostrophe in a drawing
            continue
    return [[*found] for found in words if found]


def of(program: str) -> list[tuple[str, list[str]]]:
    found = []
    for document in DOCUMENTS:
        for words in commands(document):
            bare = [word for word in words if not re.fullmatch(r"[A-Z_]+=.*", word)]
            if bare[:1] == [program]:
                found.append((document, bare[1:]))
    return found


@pytest.mark.parametrize(("document", "words"), of("nbprocessor"))
def test_every_nbprocessor_command_that_is_named_exists_with_its_options(document, words):
    if not words or words[0].startswith("-"):
        return
    command = nbprocessor.commands.get(words[0])
    assert command is not None, f"{document} names nbprocessor {words[0]}"
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    assert {word for word in words[1:] if word.startswith("-")} <= known


@pytest.mark.parametrize(("document", "words"), of("make"))
def test_every_make_command_that_is_named_exists(document, words):
    assert {word for word in words if "=" not in word} <= make_targets(), document


def test_the_readme_names_every_command():
    named = {words[0] for document, words in of("nbprocessor") if document == "README.md" and words}
    assert {name for name, command in nbprocessor.commands.items() if not command.hidden} <= named


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 120


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_within_the_repository_lead_somewhere(document):
    text = (ROOT / document).read_text()
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)$", text, re.M)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not re.match(r"https?://", target):
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_paths_that_are_named_exist(document):
    """Names with a placeholder are left out, and so is what appears only with use."""
    named = re.findall(r"`((?:nbprocessor|tests|config|docker|notebooks)/[\w./-]*)`", (ROOT / document).read_text())
    missing = [path for path in named if not (ROOT / path).exists() and path != "notebooks/my_process.ipynb"]
    assert not missing


def test_the_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n")
    versions = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", version) for version in versions[1:])
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= CHANGES


def test_the_version_is_said_once_more_and_is_the_same():
    assert pyproject()["project"]["version"] == __version__


def test_the_licence_is_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert pyproject()["project"]["license"] == "Apache-2.0"
