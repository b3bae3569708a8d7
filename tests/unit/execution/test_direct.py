"""Runs in forks: how they end, and that nothing of them is left."""

import asyncio
import os
import select
import signal
from contextlib import suppress
from datetime import date
from pathlib import Path

import nbformat
import psutil
import pytest

from nbprocessor.errors import CellFailed, KernelDied, LimitReached
from nbprocessor.execution import slots
from nbprocessor.execution.executor import Outcome, Run, RunningJob
from nbprocessor.execution.fork_executor import ForkExecutor
from nbprocessor.execution.sandbox.isolation import Isolation, NoIsolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation, UserIsolation
from nbprocessor.model.process import Limits
from tests.servers import bubblewrap
from tests.unit.execution.forks import Forks, texts, written

pytestmark = pytest.mark.kernel
DAEMON = """
import os, time
space = os.readlink("/proc/self/ns/pid")
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    open("daemon", "w").write(f"{space} {os.getpid()}")
    while True:
        time.sleep(60)
while not os.path.exists("daemon") or not open("daemon").read():
    time.sleep(0.01)
"""
"""Leaves a process in a session of its own whose parent is gone; its number is in the file ``daemon``."""


KINDS = [NoIsolation, BubblewrapIsolation, UserIsolation]
ISOLATIONS = pytest.mark.parametrize("isolation", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def forks(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    bubblewrap.require_for(request.param)
    loop = asyncio.new_event_loop()
    opened = Forks(loop, tmp_path_factory.mktemp("forks"), ForkExecutor, request.param)
    loop.run_until_complete(opened.executor.open())
    yield opened
    loop.run_until_complete(opened.executor.close())
    loop.close()


def gone(who: str) -> bool:
    """Tell whether a process ends within a few seconds."""
    space, number = who.split()
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            facts = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            inside = next(line for line in facts if line.startswith("NSpid:")).split()[-1]
            if inside == number and str(Path(f"/proc/{process.pid}/ns/pid").readlink()) == space:
                try:
                    process.wait(5)
                except psutil.TimeoutExpired:
                    return False
    return True


def test_a_notebook_runs_to_its_end(forks: Forks):
    outcome, nb = forks.run("x = 20", "x + 1")
    assert outcome.error is None
    assert nb.cells[1].outputs[0].data["text/plain"] == "21"


def test_dates_are_injected_as_dates(forks: Forks):
    outcome, nb = forks.run("day = None", "print(repr(day))", parameters={"day": date(2020, 2, 29)})
    assert outcome.error is None
    assert "datetime.date(2020, 2, 29)" in nb.cells[-1].outputs[0].text


def test_progress_names_cells_in_their_order(forks: Forks):
    forks.progress.clear()
    forks.run("1", "2", "3")
    told = [(progress.cell, progress.of, progress.cell_id) for progress in forks.progress]
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((1, 3, "c0"), (3, 3, "c2"))


def test_no_source_of_randomness_says_the_same_in_two_runs(forks: Forks):
    sources = (
        "random.random()",
        "random.SystemRandom().random()",
        "numpy.random.random()",
        "numpy.random.default_rng().random()",
        "uuid.uuid1()",
        "uuid.uuid4()",
        "os.urandom(8).hex()",
        "secrets.token_hex()",
        "ssl.RAND_bytes(8).hex()",
        "os.path.basename(tempfile.mkdtemp())",
    )
    code = "import os, random, secrets, ssl, tempfile, uuid\nimport numpy\n"
    code += "\n".join(f"print({source})" for source in sources)
    said = [texts(forks.run(code)[1])[0].split() for _ in range(2)]
    assert len(said[0]) >= len(sources)
    assert not set(said[0]) & set(said[1])


def test_a_failing_cell_ends_the_run_and_keeps_what_was_before(forks: Forks):
    outcome, nb = forks.run("print('before')", "{}['AGS']", "print('after')")
    assert isinstance(outcome.error, CellFailed)
    assert str(outcome.error) == "cell \"c1\": KeyError 'AGS'"
    assert texts(nb) == ["before\n"]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("import os; os._exit(7)", 7), ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11)],
)
def test_a_process_that_dies_fails_its_cell_with_its_exit_code(forks: Forks, code: str, exit_code: int):
    outcome, nb = forks.run("print('kept')", code)
    assert isinstance(outcome.error, KernelDied)
    assert (outcome.error.cell_id, outcome.error.exit_code) == ("c1", exit_code)
    assert texts(nb)[0] == "kept\n"


def test_a_cell_that_takes_too_long_is_ended(forks: Forks):
    outcome, _ = forks.run("import time; time.sleep(600)", limits=Limits(cell_time=0.3))
    assert isinstance(outcome.error, LimitReached)
    assert str(outcome.error) == 'cell time limit of 0.3 s reached in cell "c0"'


@pytest.mark.parametrize("value", ["[[]] * 500_000", "['x' * 2_000_000]", "['ä' * 2_000_000]"])
def test_an_output_that_would_be_too_much_is_refused_before_it_is_read(forks: Forks, value: str):
    code = f"from IPython.display import display\ndisplay({{'application/json': {value}}}, raw=True)"
    outcome, _ = forks.run(code, limits=Limits(cell_output_size=900_000))
    assert str(outcome.error) == 'cell output limit of 900 kB reached in cell "c0"'


def test_an_interrupted_run_keeps_the_cells_that_ran(forks: Forks):
    async def interrupt(running: RunningJob, run: Run) -> None:
        await written(run.folder / "work" / "here")
        running.interrupt()

    code = "open('here', 'w').write('x')\nimport time; time.sleep(600)"
    outcome, nb = forks.run("print('kept')", code, act=interrupt)
    assert isinstance(outcome.error, CellFailed) and outcome.error.ename == "KeyboardInterrupt"
    assert texts(nb)[0] == "kept\n"


def test_a_run_that_does_not_obey_is_killed_with_all_it_started(forks: Forks):
    processes: list[str] = []

    async def kill(running: RunningJob, run: Run) -> None:
        processes.extend((await written(run.folder / "work" / "processes")).splitlines())
        running.interrupt()
        await running.kill()

    code = f"""{DAEMON}
import signal, subprocess
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
program = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open("processes.part", "w") as f:
    f.write("\\n".join([f"{{space}} {{os.getpid()}}", f"{{space}} {{program.pid}}", open("daemon").read()]))
os.rename("processes.part", "processes")
while True:
    time.sleep(60)
"""
    outcome, _ = forks.run(code, act=kill)
    assert outcome.error is not None
    assert len(processes) == 3 and all(gone(who) for who in processes)


def test_a_daemon_does_not_outlive_its_run(forks: Forks):
    run = forks.prepared(DAEMON)
    outcome = forks.loop.run_until_complete(forks._finished(run, None))
    assert outcome.error is None
    assert gone((run.folder / "work" / "daemon").read_text())


def test_a_notebook_that_kills_its_keeper_leaves_nothing(forks: Forks):
    run = forks.prepared(
        f"{DAEMON}\nimport signal\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60 * (os.getppid() > 1))"
    )
    outcome = forks.loop.run_until_complete(forks._finished(run, None))
    # The first process of a process space cannot be killed from inside.
    assert isinstance(outcome.error, KernelDied) or forks.executor.isolation.seals
    assert gone((run.folder / "work" / "daemon").read_text())


def test_a_thread_that_never_ends_does_not_hold_the_run(forks: Forks):
    outcome, _ = forks.run("import threading\nthreading.Thread(target=threading.Event().wait).start()")
    assert outcome.error is None


def test_many_runs_at_once_do_not_disturb_each_other(forks: Forks):
    async def all_of_them() -> list[Outcome]:
        runs = [forks.prepared(f"import time; time.sleep(0.1); print({number})") for number in range(8)]
        outcomes = await asyncio.gather(*(forks._finished(run, None) for run in runs))
        texts = [nbformat.read(run.folder / "executed.ipynb", as_version=4).cells[0].outputs[0].text for run in runs]
        assert texts == [f"{number}\n" for number in range(8)]
        return outcomes

    assert all(outcome.error is None for outcome in forks.loop.run_until_complete(all_of_them()))


def test_runs_leave_no_descriptor_open(forks: Forks):
    forks.run("1")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        forks.run("1")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_fork_server_that_was_killed_is_renewed_and_its_run_goes_on(forks: Forks):
    async def kill_server(running: RunningJob, run: Run) -> None:
        await written(run.folder / "work" / "here")
        forks.executor._zygote._process.kill()
        await forks.executor._zygote._process.wait()
        (run.folder / "work" / "go").touch()

    code = """
import os, time
open("here", "w").write("x")
while not os.path.exists("go"):
    time.sleep(0.01)
print("on")
"""
    outcome, nb = forks.run(code, act=kill_server)
    assert outcome.error is None
    assert nb.cells[0].outputs[0].text == "on\n"
    outcome, _ = forks.run("1 + 1")
    assert outcome.error is None
    assert forks.executor.facts()["renewals"] == 1


def test_a_slot_whose_runner_ends_is_dropped_at_once_and_its_keeper_ends_even_if_it_hangs(
    forks: Forks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(slots, "ENDING", 0.5)

    async def end_the_runner() -> None:
        zygote = await forks.executor._current()
        slot = await zygote.slot()
        zygote.give_back(slot)
        signal.pidfd_send_signal(slot._keeper, signal.SIGSTOP)
        keeper = os.dup(slot._keeper)
        signal.pidfd_send_signal(slot._runner, signal.SIGKILL)
        while slot.number in zygote._slots:
            await asyncio.sleep(0.01)
        assert slot not in zygote._idle
        await slot.close()
        assert select.select([keeper], [], [], 5)[0]
        os.close(keeper)

    forks.loop.run_until_complete(end_the_runner())


@ISOLATIONS
def test_the_end_of_the_executor_ends_its_runs(tmp_path: Path, isolation: type[Isolation]):
    loop = asyncio.new_event_loop()
    forks = Forks(loop, tmp_path, ForkExecutor, isolation)

    async def close_in_the_middle() -> str:
        run = forks.prepared(f"{DAEMON}\ntime.sleep(600)")
        running = await forks.executor.start(run, forks.progress.append)
        waiting = asyncio.ensure_future(running.wait())
        daemon = await written(run.folder / "work" / "daemon")
        await running.kill()
        await forks.executor.close()
        await waiting
        return daemon

    assert gone(loop.run_until_complete(close_in_the_middle()))
    loop.close()


def test_a_signal_to_the_fork_server_from_the_terminal_does_no_harm(forks: Forks):
    forks.executor._zygote._process.send_signal(signal.SIGINT)
    outcome, _ = forks.run("1 + 1")
    assert outcome.error is None


def test_what_exit_functions_write_belongs_to_the_job(forks: Forks):
    run = forks.prepared("import atexit, pathlib\natexit.register(lambda: pathlib.Path('last').write_text('words'))")
    outcome = forks.loop.run_until_complete(forks._finished(run, None))
    assert outcome.error is None
    assert (run.folder / "work" / "last").read_text() == "words"


def test_a_file_that_a_cell_has_left_open_is_complete(forks: Forks):
    run = forks.prepared("file = open('left', 'w')\nfile.write('words')")
    outcome = forks.loop.run_until_complete(forks._finished(run, None))
    assert outcome.error is None
    assert (run.folder / "work" / "left").read_text() == "words"


FORGED_END = """
import atexit, os, stat, struct, threading, time

def say_that_it_is_over():
    body = BODY
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, struct.pack("<Q", len(body)) + body)
        except OSError:
            pass
    time.sleep(60)

begun = threading.Event()

def write():
    while True:
        with open("growing", "a") as file:
            file.write("x")
        begun.set()

threading.Thread(target=write, daemon=True).start()
begun.wait()
atexit.register(say_that_it_is_over)
"""


@pytest.mark.parametrize(
    "body", [b'["over", {}]', b"[" * 100_000, b"[1]", b"\xff"], ids=["over", "deep", "odd", "no text"]
)
def test_a_run_that_says_anything_at_its_end_and_goes_on_writes_nothing_more(forks: Forks, body: bytes):
    run = forks.prepared(f"BODY = {body!r}\n{FORGED_END}")
    outcome = forks.loop.run_until_complete(forks._finished(run, None))
    assert outcome.error is None
    size = (run.folder / "work" / "growing").stat().st_size
    assert size > 0
    forks.run("import time\ntime.sleep(0.2)")
    assert (run.folder / "work" / "growing").stat().st_size == size


FORGED_ERROR = """
import json, os, stat, struct

body = json.dumps(["error", {"ename": "E", "evalue": "v", "traceback": [1]}]).encode()
for descriptor in map(int, os.listdir("/proc/self/fd")):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.write(descriptor, struct.pack("<Q", len(body)) + body)
    except OSError:
        pass
1 / 0
"""


def test_an_error_that_no_shell_tells_is_said_to_be_forged(forks: Forks):
    outcome, _ = forks.run(FORGED_ERROR)
    assert "wrote to the connection" in str(outcome.error)


def test_the_first_cells_remember_no_input_of_anybody_else(forks: Forks):
    outcome, notebook = forks.run("print([_i, _ii, _iii])", "print([_i, _ii, _iii])")
    assert outcome.error is None
    assert [cell.outputs[0].text for cell in notebook.cells if cell.outputs] == [
        "['', '', '']\n",
        "['print([_i, _ii, _iii])', '', '']\n",
    ]
