"""The wheel carries everything: in an empty environment, it serves its examples from any folder."""

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.servers import bubblewrap

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Path]:
    """Install the wheel, and what it says it needs, into an environment that has nothing else.

    Without a network that cannot be; then the tests are skipped, or fail if CI=true.
    """
    # Not in pytest's folder, which stays for three sessions: this is a gigabyte.
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        home = Path(name) / "venv"
        venv.create(home, with_pip=False, symlinks=True)
        # Nothing is compiled that is not used.
        install = [*PIP, "--python", home / "bin" / "python", "install", "--quiet", "--no-compile", "--retries", 1]
        try:
            run(*install, wheel)
        except AssertionError as error:
            if "NewConnectionError" in str(error) and os.environ.get("CI") != "true":
                pytest.skip("the packages that the wheel needs cannot be fetched without a network")
            raise
        yield home


@pytest.fixture
def environment() -> dict[str, str]:
    left_out = ("NBPROCESSOR_", "KOMMONITOR_", "PYTHON", "VIRTUAL_ENV", "PROCESS_RESULTS_DIR")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


@pytest.fixture
def server(installed: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[str]:
    command = [installed / "bin" / "nbprocessor", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if " processes on http" in line:
                    yield line.partition(" processes on ")[2].split()[0]
                    break
            else:
                pytest.fail("the server did not start:\n" + "".join(said))
        finally:
            process.terminate()


def test_the_wheel_holds_package_pages_examples_and_licence_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"nbprocessor"}
    wanted = {"py.typed", "api/openapi.yml", "web/templates/landing.html", "web/static/pages.css"}
    assert {f"nbprocessor/{name}" for name in wanted} <= set(names)
    assert "nbprocessor/notebooks_included/kommonitor/hello_world.ipynb" in names
    assert "nbprocessor/notebooks_included/_template.ipynb" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if ".ipynb_checkpoints" in name or "__pycache__" in name]


def test_only_the_wheel_provides_the_package(installed, tmp_path, environment):
    python = installed / "bin" / "python"
    file = run(python, "-c", "import nbprocessor; print(nbprocessor.__file__)", cwd=tmp_path, env=environment)
    assert Path(file.strip()).is_relative_to(installed)


def test_the_examples_are_served_and_executed_sealed_and_fast_in_an_empty_folder(server, tmp_path):
    bubblewrap.require()
    listed = requests.get(f"{server}/processes", params={"limit": 1000, "f": "json"}, timeout=60).json()
    assert {path.stem for path in (ROOT / "notebooks" / "examples").glob("*.ipynb")} <= {
        p["id"] for p in listed["processes"]
    }
    body = {"inputs": {"name": "Ada"}}
    answer = requests.post(f"{server}/processes/hello_world/execution", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert "Hello Ada" in answer.text
    (executor,) = requests.get(f"{server}/health", timeout=60).json()["execution"]["executors"]
    assert (executor["name"], executor["isolation"]) == ("direct", "bwrap")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_the_authors_command_is_there_under_both_names(installed, tmp_path, environment):
    for command in (["nbprocessor"], ["jupyter-nbprocessor", "nbprocessor"]):
        said = run(installed / "bin" / command[0], *command[1:], "--version", cwd=tmp_path, env=environment)
        assert said.startswith("nbprocessor, version ")
