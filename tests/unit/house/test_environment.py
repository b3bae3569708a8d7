"""environment.yml and pyproject.toml name the same packages."""

import re

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

from tests.unit.house.repository import ROOT, pyproject

CONDA_NAMES = {"matplotlib": "matplotlib-base"}
"""Packages conda-forge offers under another name than the Python Package Index."""


def conda_packages() -> dict[str, SpecifierSet]:
    document = YAML(typ="safe").load((ROOT / "environment.yml").read_text())
    requirements = [Requirement(line) for line in document["dependencies"] if isinstance(line, str)]
    return {requirement.name: requirement.specifier for requirement in requirements}


def declared_packages() -> dict[str, SpecifierSet]:
    requirements = [Requirement(line) for line in pyproject()["project"]["dependencies"]]
    names = [re.sub(r"(\[\])", "", f"{r.name}[{','.join(sorted(r.extras))}]") for r in requirements]
    return {CONDA_NAMES.get(name, name): r.specifier for name, r in zip(names, requirements, strict=True)}


def test_conda_and_pip_install_the_same_packages_with_the_same_bounds():
    conda = conda_packages()
    python, _ = conda.pop("python"), conda.pop("pip")
    assert conda == declared_packages()
    assert python == SpecifierSet(pyproject()["project"]["requires-python"])


def test_conda_takes_its_packages_from_conda_forge_and_the_project_from_here():
    document = YAML(typ="safe").load((ROOT / "environment.yml").read_text())
    assert document["channels"] == ["conda-forge"]
    assert document["dependencies"][-1] == {"pip": ["-e ."]}


def test_every_package_has_a_lower_bound():
    unbounded = [name for name, bounds in declared_packages().items() if not any(b.operator == ">=" for b in bounds)]
    assert not unbounded
