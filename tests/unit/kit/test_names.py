import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from nbprocessor import kit

TREE = ast.parse(Path(kit.__file__).read_text(encoding="utf-8"))
IMPORTED = {
    alias.name: node.module
    for node in ast.walk(TREE)
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nbprocessor.kit.")
    for alias in node.names
}


def test_every_public_name_has_a_home_and_an_import_for_type_checkers():
    assert set(kit.__all__) == set(kit._HOME) == set(IMPORTED)
    assert {name: f"nbprocessor.kit.{home}" for name, home in kit._HOME.items()} == IMPORTED


@pytest.mark.parametrize("name", sorted(kit.__all__))
def test_every_public_name_can_be_used_and_is_documented(name):
    value = getattr(kit, name)
    assert callable(value)
    assert value.__doc__
    assert value.__module__ == importlib.import_module(f"nbprocessor.kit.{kit._HOME[name]}").__name__


def test_a_name_the_kit_does_not_have_is_answered_with_those_it_has():
    with pytest.raises(AttributeError, match=r"the kit has no 'plot'; it has: Summary, chart, choropleth"):
        kit.plot  # noqa: B018 - the access itself is what fails


def test_handing_over_text_does_not_wait_for_pandas():
    code = "import sys; from nbprocessor import kit; kit.output('a', 'b'); print({'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"
