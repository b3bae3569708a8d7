"""The command line as people use it, and one results folder in which jobs ran, shared by the tests that only read."""

import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbprocessor import config
from nbprocessor.cli import main
from tests.servers.nbprocessor import REPOSITORY, Server


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    """Start each test in an empty folder, without settings of this machine."""
    for variable in [*config.PLATFORM_VARIABLES, *(name for name in os.environ if name.startswith(config.PREFIX))]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(monkeypatch, capfd) -> Call:
    """Call the command line in this process, through the door that turns errors into sentences and exit codes."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def called(*arguments: object, program: str = "nbprocessor") -> Done:
        monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        root.handlers[:], root.level = handlers, level
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Done(ended.value.code, out, err)

    return called


@dataclass(frozen=True)
class Recorded:
    """A results folder in which jobs ran, and which job is which."""

    results: Path
    successful: str
    several: str
    failed: str


@pytest.fixture(scope="session")
def recorded(server: Server) -> Recorded:
    """Let the real server run a job that succeeds, one with several outputs and one that fails."""
    several = server.job("echo", {"stringInput": "x", "arrayInput": [1, 2], "objectInput": {"a": 1}})
    failed = server.job("fails", {})
    successful = server.job("hello_world", {"name": "Ada"})
    jobs = {"several": several, "failed": failed, "successful": successful}
    return Recorded(server.results, **{name: job["jobID"] for name, job in jobs.items()})


@pytest.fixture
def examples(tmp_path) -> Path:
    """Copy the small notebooks, so that `run` need not read all the others."""
    folder = Path(shutil.copytree(REPOSITORY / "notebooks" / "examples", tmp_path / "notebooks"))
    shutil.copy(REPOSITORY / "notebooks" / "kommonitor" / "hello_world.ipynb", folder)
    return folder
