"""Sealed runs: what a notebook that wants to get out can do, and what is chosen where sealing does not hold."""

import asyncio
import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from jupyter_core.paths import jupyter_path

from nbprocessor.config import Execution, Results, Settings
from nbprocessor.errors import ExecutionError
from nbprocessor.execution import selftest
from nbprocessor.execution.choice import EXECUTORS, Executors
from nbprocessor.execution.executor import Executor, Run
from nbprocessor.execution.fork_executor import ForkExecutor
from nbprocessor.execution.sandbox import bubblewrap, keyring, places, unshare
from nbprocessor.execution.sandbox.choice import isolations
from nbprocessor.execution.sandbox.isolation import Isolation, NoIsolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation, UserIsolation
from nbprocessor.execution.subprocess_executor import SubprocessExecutor
from nbprocessor.store.unfinished import PLACE
from tests.servers import bubblewrap as installed
from tests.unit.execution.forks import Forks, texts

pytestmark = pytest.mark.kernel
EXECUTOR = pytest.mark.parametrize("executor", [ForkExecutor, SubprocessExecutor], ids=lambda kind: kind.name)
ROOM = pytest.mark.parametrize("room", [BubblewrapIsolation, UserIsolation], ids=lambda kind: kind.name)


class Sieve(NoIsolation):
    """An isolation that claims to seal, and does not."""

    name: ClassVar[str] = "bwrap"
    seals: ClassVar[bool] = True

    def around_fork_server(self, environment: Mapping[str, str]) -> Sequence[str]:
        raise ExecutionError("no fork server here")


class Leaky(SubprocessExecutor):
    """An executor whose kernels do not shut themselves off either."""

    def inside(self, run: Run) -> Run:
        return replace(super().inside(run), sealed=False)


LEAKY = {**EXECUTORS, SubprocessExecutor.name: Leaky}


def escapes(kind: type[Executor], isolation: Isolation) -> Sequence[str]:
    async def attempt() -> Sequence[str]:
        executor = kind(isolation)
        await executor.open()
        try:
            return await selftest.escapes(executor, isolation.results)
        finally:
            await executor.close()

    return asyncio.run(attempt())


@ROOM
@EXECUTOR
def test_a_sealed_run_can_do_nothing_of_what_it_must_not(
    tmp_path: Path, executor: type[Executor], room: type[Isolation]
):
    installed.require_for(room)
    assert escapes(executor, room(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == [PLACE]
    assert [path.name for path in (tmp_path / PLACE).iterdir()] == [".lock"]


KEYS = """
import ctypes, sys
libc = ctypes.CDLL(None)
add, keyctl = {numbers}
for name in (b"of the server", b"of a job"):
    if libc.syscall(keyctl, 10, -3, b"user", name, 0) > 0:
        print("found the key", name.decode(), end="; ")
print("added one" if libc.syscall(add, b"user", b"of a job", b"x", 1, -3) > 0 else "added none")
"""


@ROOM
@EXECUTOR
def test_a_run_finds_no_key_of_the_servers_session_nor_of_another_run(
    tmp_path: Path, executor: type[Executor], room: type[Isolation]
):
    installed.require_for(room)
    numbers = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(os.uname().machine)
    keyring.leave()
    added = numbers and ctypes.CDLL(None).syscall(numbers[0], b"user", b"of the server", b"x", 1, -3)
    if not added or added < 0:
        pytest.skip("the system gives this process no keys")
    loop = asyncio.new_event_loop()
    forks = Forks(loop, tmp_path, executor, room)
    try:
        loop.run_until_complete(forks.executor.open())
        said = [texts(forks.run(KEYS.format(numbers=numbers))[1]) for _ in range(2)]
    finally:
        loop.run_until_complete(forks.executor.close())
        loop.close()
    assert said == [["added one\n"]] * 2


@EXECUTOR
def test_the_self_test_finds_what_an_unsealed_run_can_do(tmp_path: Path, executor: type[Executor]):
    found = escapes(executor, NoIsolation(tmp_path))
    assert {
        "sees another job's folder",
        "reaches the machine's network",
        "sees the server's process",
        "can leave something for others",
    } <= set(found)


def test_what_does_not_hold_is_passed_over_with_what_a_run_could_do(tmp_path: Path, caplog):
    async def choose() -> tuple[str, str]:
        executors = Executors("auto", LEAKY, [Sieve(tmp_path), NoIsolation(tmp_path)])
        try:
            chosen = await executors.choose("", "python3", "python")
            broken = {fact["name"]: fact["broken"] for fact in executors.facts() if "broken" in fact}
            assert "does not hold: a run can read files of the server's user" in broken["subprocess"]
            return chosen.name, chosen.isolation.name
        finally:
            await executors.close()

    assert asyncio.run(choose()) == ("direct", "none")
    assert any("sees another job's folder" in record.message for record in caplog.records)


def test_sealing_that_was_asked_for_is_never_left_out(tmp_path: Path):
    async def choose() -> None:
        executors = Executors("auto", LEAKY, [Sieve(tmp_path)])
        try:
            await executors.choose("", "python3", "python")
        finally:
            await executors.close()

    with pytest.raises(ExecutionError, match="does not hold"):
        asyncio.run(choose())


def test_without_bubblewrap_the_reason_is_said(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(bubblewrap, "program", lambda: None)
    with pytest.raises(ExecutionError, match="bubblewrap is not installed"):
        escapes(SubprocessExecutor, BubblewrapIsolation(tmp_path))


def test_without_unshare_the_reason_is_said(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(unshare, "program", lambda: None)
    with pytest.raises(ExecutionError, match="unshare is not installed"):
        escapes(SubprocessExecutor, UserIsolation(tmp_path))


def test_without_bubblewrap_runs_are_sealed_all_the_same(tmp_path: Path, monkeypatch):
    async def choose() -> tuple[str, str]:
        settings = Settings(results=Results(folder=tmp_path))
        executors = Executors("auto", EXECUTORS, isolations(settings))
        try:
            chosen = await executors.choose("", "python3", "python")
            return chosen.name, chosen.isolation.name
        finally:
            await executors.close()

    monkeypatch.setattr(bubblewrap, "program", lambda: None)
    assert asyncio.run(choose()) == ("direct", "user")


@pytest.mark.parametrize(
    ("setting", "names"),
    [("auto", ["bwrap", "user", "none"]), ("bwrap", ["bwrap"]), ("user", ["user"]), ("none", ["none"])],
)
def test_the_setting_says_what_may_be_tried(tmp_path: Path, setting: str, names: list[str]):
    settings = Settings(results=Results(folder=tmp_path), execution=Execution(isolation=setting))
    assert [isolation.name for isolation in isolations(settings)] == names


def test_nothing_of_the_users_is_in_the_room(tmp_path: Path):
    command = bubblewrap.command("bwrap", writable=[tmp_path], environment={}, options=[])
    shown = {Path(command[place + 1]) for place, part in enumerate(command) if part in {"--ro-bind", "--bind"}}
    assert Path.home() not in shown and Path("/") not in shown and Path("/etc") not in shown
    project = Path(places.nbprocessor.__file__).parent.parent
    assert project not in shown and project / "nbprocessor" in shown


def test_an_environment_with_the_package_in_it_is_shown_as_a_whole(tmp_path: Path, monkeypatch):
    environment, results = tmp_path / "env", tmp_path / "results"
    packages = environment / "lib" / "site-packages"
    (packages / "nbprocessor").mkdir(parents=True)
    (packages / "nbprocessor" / "__init__.py").touch()
    (packages / "of_one_file.py").touch()
    monkeypatch.setattr(places.nbprocessor, "__file__", str(packages / "nbprocessor" / "__init__.py"))
    monkeypatch.setattr(places.sys, "prefix", str(environment))
    monkeypatch.setattr(places.sys, "path", [str(packages)])
    command = bubblewrap.command("bwrap", writable=[results], environment={}, options=[])
    shown = [command[place + 1] for place, part in enumerate(command) if part == "--ro-bind"]
    assert [path for path in shown if path.startswith(str(tmp_path))] == [str(environment)]


def test_a_sealed_run_has_a_home_of_its_own_and_knows_the_users_kernels(tmp_path: Path):
    given = {"HOME": "/root", "LANG": "C"}
    inside = BubblewrapIsolation(tmp_path).inside(given, tmp_path / "scratch")
    assert Path(inside["HOME"]).is_relative_to(tmp_path / "scratch") and inside["LANG"] == "C"
    assert {str(folder) for folder in jupyter_path()} <= set(inside["JUPYTER_PATH"].split(os.pathsep))
    assert NoIsolation(tmp_path).inside(given, tmp_path) == given
