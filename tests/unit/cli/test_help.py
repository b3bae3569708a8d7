"""Help: every command explains itself, in whole sentences and with an example."""

import shlex
import subprocess
import sys

import click
import pytest

from nbprocessor import __version__, cli
from nbprocessor.cli.main import FAILED, INTERRUPTED, UNAVAILABLE, WRONG, nbprocessor

COMMANDS = sorted(name for name, command in nbprocessor.commands.items() if not command.hidden)


def test_the_commands_are_the_ones_promised():
    promised = (
        "check describe doctor init jobs login logout logs recover results run schedules serve token whoami worker"
    )
    assert promised.split() == COMMANDS


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_help_lists_every_command_with_a_sentence_that_is_not_cut(call, flag):
    done = call(flag)
    assert done.code == 0
    listed = done.out.partition("Commands:")[2].strip().splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert all(line.endswith(".") and not line.endswith("..") for line in listed)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example_in_one_line(call, name):
    done = call(name, "--help")
    assert done.code == 0
    examples = [line for line in done.out.splitlines() if f" nbprocessor {name}" in line and "Usage" not in line]
    assert examples
    for example in examples:
        words = shlex.split(example[example.index("nbprocessor") :])
        known = {option for parameter in nbprocessor.commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    silent = [p.name for p in nbprocessor.commands[name].params if isinstance(p, click.Option) and not p.help]
    assert not silent


def test_the_exit_codes_are_said_in_the_help_and_are_the_ones_that_are_used(call):
    said = call("--help").out.partition("Exit codes:")[2]
    used = (0, FAILED, 2, WRONG, UNAVAILABLE, INTERRUPTED)
    assert [int(line.split()[0]) for line in said.strip().splitlines()[: len(used)]] == list(used)
    assert all(f"{code} " in cli.__doc__ for code in used)


def test_without_a_command_the_help_is_printed(call):
    done = call()
    assert done.code == 2
    assert done.err.startswith("Usage: nbprocessor")


@pytest.mark.parametrize("program", [["nbprocessor"], ["jupyter-nbprocessor", "nbprocessor"]])
def test_the_version_is_told_under_both_names(call, program):
    done = call(*program[1:], "--version", program=program[0])
    assert (done.code, done.out) == (0, f"nbprocessor, version {__version__}\n")


def test_the_help_does_not_wait_for_the_house():
    late = {"nbprocessor.app", "pygeoapi", "sqlalchemy", "rich", "uvicorn", "papermill", "geopandas"}
    code = f"import sys, nbprocessor.cli.main; sys.exit(' '.join({late} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
