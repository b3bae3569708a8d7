"""What runs a notebook is foreign to the server: unsealed, the notebook may have written what it tells."""

import asyncio
from pathlib import Path

import pytest

from nbprocessor.execution.sandbox.isolation import NoIsolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation
from nbprocessor.execution.subprocess_executor import SubprocessExecutor
from tests.servers import bubblewrap
from tests.unit.execution.forks import Forks, texts, written

pytestmark = pytest.mark.kernel

TO_THE_SERVER = """
import os, signal, time
runner = os.getppid()
number = int(open(f"/proc/{runner}/cmdline", "rb").read().split(b"\\0")[-2])
pipe = os.open(f"/proc/{runner}/fd/{number}", os.O_WRONLY)
"""
"""Opens the pipe on which the runner tells the server how far it is."""
FLOOD = """
os.kill(runner, signal.SIGSTOP)
for _ in range(5000):
    os.write(pipe, b'{"ask": "met"}\\n')
open("flooded", "w").write("x")
time.sleep(1000)
"""


@pytest.fixture
def runs(tmp_path: Path):
    with asyncio.Runner() as runner:
        yield lambda isolation: Forks(runner.get_loop(), tmp_path, SubprocessExecutor, isolation)


def test_a_runner_that_asks_and_does_not_read_holds_nobody_up(runs):
    async def end(running, run):
        await written(run.folder / "work" / "flooded")
        await running.kill()

    outcome, _ = runs(NoIsolation).run(TO_THE_SERVER + FLOOD, act=end)
    assert "died" in str(outcome.error)


@pytest.mark.parametrize(
    "lie",
    [
        b'{"progress": {"cell": 1, "of": 10000000000, "cell_id": "c", "heading": "", "fraction": 0, "text": ""}}',
        b'{"progress": {"cell": "1"}}',
        b'{"end": 5}',
        b"[" * 100_000,
        b"nothing",
        b"\xff",
    ],
    ids=["cells without number", "a text", "no end", "a deep one", "no JSON", "no text"],
)
def test_a_message_that_makes_no_sense_ends_its_own_run_alone(runs, lie):
    source = f"{TO_THE_SERVER}os.write(pipe, {lie!r} + b'\\n')\ntime.sleep(1000)"
    outcome, _ = runs(NoIsolation).run(source)
    assert "makes no sense" in str(outcome.error)


def test_a_sealed_kernel_reaches_neither_the_runner_nor_the_record(runs):
    bubblewrap.require()
    left = """
from pathlib import Path
for name in ("process.json", "inputs.json", "notebook.ipynb", "manifest.json", "new"):
    try:
        open(f"../{name}", "a").write("x")
        print("wrote", name)
    except OSError as error:
        print("refused")
"""
    outcome, nb = runs(BubblewrapIsolation).run(left, TO_THE_SERVER)
    assert texts(nb) == ["refused\n" * 5]
    assert "PermissionError" in str(outcome.error)
