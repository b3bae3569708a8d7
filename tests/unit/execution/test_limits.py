"""Limits: which hold, what they do to a process, and how the one that ended it is told."""

import signal
import subprocess
import sys
from dataclasses import asdict

import pytest

from nbprocessor import config
from nbprocessor.errors import CellFailed, ExecutionError, KernelDied, LimitReached
from nbprocessor.execution.limits import Met, duration, explained, settled, size
from nbprocessor.model.process import Limits

ALL = Limits(cpu=2, memory=2 * 10**9, processes=64, file_size=10**9)
NOTHING = config.Maximum(**dict.fromkeys(config.Maximum.model_fields, 0))


def test_durations_are_said_in_their_largest_whole_unit():
    said = {3600: "1 h", 5400: "90 min", 600: "10 min", 90: "90 s", 1: "1 s", 0.5: "0.5 s", 7200: "2 h"}
    assert {seconds: duration(seconds) for seconds in said} == said


def test_sizes_are_said_as_people_write_them():
    said = {
        2 * 10**9: "2 GB", 2**30: "1 GiB", 512 * 2**20: "512 MiB", 50 * 10**6: "50 MB", 1500: "1.5 kB", 1024: "1 KiB",
        123_456_789: "123.5 MB", 10: "10 bytes", 0: "0 bytes",
    }  # fmt: skip
    assert {count: size(count) for count in said} == said


def test_what_a_process_leaves_out_is_the_servers_choice():
    holds = settled(Limits(time=5, concurrency=3), config.Limits(), config.Maximum())
    assert (holds.time, holds.memory, holds.concurrency) == (5, 2 * 10**9, 3)
    assert holds.cell_time is None
    assert settled(Limits(), config.Limits(memory=0), NOTHING).memory is None


def test_no_process_gets_more_than_the_maximum():
    maximum = config.Maximum(time=10, memory=10**9, cpu=7)
    holds = settled(Limits(time=3600, memory=500, cpu=None), config.Limits(memory=10**10), maximum)
    assert (holds.time, holds.memory, holds.cpu) == (10, 500, 7)
    assert settled(Limits(), config.Limits(memory=10**10), maximum).memory == 10**9


def test_every_limit_of_a_run_has_its_setting_and_its_maximum():
    assert (
        set(config.Limits.model_fields) == set(config.Maximum.model_fields) == set(asdict(Limits())) - {"concurrency"}
    )


def bound(limits: Limits, source: str) -> subprocess.CompletedProcess[str]:
    """Let a Python process run under limits, as the process of the cells does."""
    begin = "from nbprocessor.execution.limits import apply\nfrom nbprocessor.model.process import Limits\n"
    code = f"{begin}apply(Limits(**{asdict(limits)}))\n{source}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_a_process_that_computes_too_long_is_ended_by_a_signal_that_says_so():
    ended = bound(Limits(cpu=1), "while True: pass")
    assert ended.returncode == -signal.SIGXCPU
    told = explained(KernelDied("loop", ended.returncode), Limits(cpu=1))
    assert str(told) == 'processor time limit of 1 s reached in cell "loop"'


def test_a_process_that_ignores_that_signal_is_ended_all_the_same():
    ended = bound(Limits(cpu=1), "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass")
    assert ended.returncode == -signal.SIGKILL


def test_a_file_that_gets_too_large_is_an_error_in_the_cell(tmp_path):
    source = f"file = open({str(tmp_path / 'file')!r}, 'wb', buffering=0)\nfile.write(bytes(10_001))\nfile.write(b'x')"
    ended = bound(Limits(file_size=10_000), source)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert (tmp_path / "file").stat().st_size == 10_000
    told = explained(CellFailed("write", *last.split(": ", 1)), Limits(file_size=10_000))
    assert str(told) == 'file size limit of 10 kB reached in cell "write"'


def test_a_file_of_holes_is_as_large_as_it_says(tmp_path):
    source = f"open({str(tmp_path / 'file')!r}, 'wb').truncate(10_001)"
    assert "[Errno 27]" in bound(Limits(file_size=10_000), source).stderr


def test_memory_ends_where_no_control_group_bounds_it():
    ended = bound(Limits(memory=200_000_000), "b'x' * 100_000_000\nprint('kept')\nb'x' * 300_000_000")
    assert (ended.returncode, ended.stdout) == (1, "kept\n")
    assert ended.stderr.splitlines()[-1] == "MemoryError"


def test_programs_that_a_cell_starts_are_bound_as_it_is():
    source = "import subprocess\nsubprocess.run(['prlimit', '--fsize', '--core', '--noheadings', '--output', 'SOFT'])"
    assert bound(Limits(file_size=12_345), source).stdout.split() == ["12345", "0"]


def test_a_process_may_be_bound_by_another_and_is_never_set_free():
    source = """
import resource, subprocess
child = subprocess.Popen(["sleep", "60"])
try:
    apply(Limits(cpu=5, file_size=1000), child.pid)
    apply(Limits(cpu=50, file_size=10_000), child.pid)
    print(resource.prlimit(child.pid, resource.RLIMIT_CPU), resource.prlimit(child.pid, resource.RLIMIT_FSIZE))
finally:
    child.kill()
"""
    assert bound(Limits(), source).stdout == "(5, 10) (1000, 1000)\n"


@pytest.mark.parametrize(
    ("error", "met", "told"),
    [
        (KernelDied("c", -signal.SIGXCPU), None, 'processor time limit of 2 s reached in cell "c"'),
        (KernelDied("c", 128 + signal.SIGXCPU), None, 'processor time limit of 2 s reached in cell "c"'),
        (KernelDied("c", -signal.SIGXFSZ), None, 'file size limit of 1 GB reached in cell "c"'),
        (KernelDied("c", -signal.SIGKILL), Met(oom_kills=1), 'memory limit of 2 GB reached in cell "c"'),
        (CellFailed("c", "CalledProcessError", "died"), Met(oom_kills=2), 'memory limit of 2 GB reached in cell "c"'),
        (CellFailed("c", "MemoryError", ""), None, 'memory limit of 2 GB reached in cell "c"'),
        (CellFailed("c", "_ArrayMemoryError", "20 GiB"), None, 'memory limit of 2 GB reached in cell "c"'),
        (CellFailed("c", "OSError", "[Errno 27] File too large"), None, 'file size limit of 1 GB reached in cell "c"'),
        (KernelDied("c", -signal.SIGKILL), Met(3, 9), 'process limit of 64 reached in cell "c"'),
        (CellFailed("c", "Anything", "at all"), Met(forks_refused=9), 'process limit of 64 reached in cell "c"'),
        (
            CellFailed("c", "BlockingIOError", "[Errno 11] Resource temporarily unavailable", "os.fork()"),
            None,
            'process limit of 64 reached in cell "c"',
        ),
        (CellFailed("c", "RuntimeError", "can't start new thread"), None, 'process limit of 64 reached in cell "c"'),
    ],
)
def test_a_failure_by_a_limit_names_it_with_its_value_and_its_cell(error, met, told):
    found = explained(error, ALL, met)
    assert isinstance(found, LimitReached)
    assert str(found) == told


@pytest.mark.parametrize(
    "error",
    [
        KernelDied("c", -signal.SIGKILL),
        KernelDied("c", -signal.SIGSEGV),
        KernelDied("c", None),
        KernelDied(),
        CellFailed("c", "KeyError", "'AGS'"),
        CellFailed("c", "BlockingIOError", "[Errno 11] Resource temporarily unavailable", "socket.recv"),
        LimitReached("time", "1 h", "c"),
        ExecutionError("anything else"),
    ],
)
def test_any_other_failure_stays_what_it_is(error):
    assert explained(error, ALL, Met()) is error
    assert explained(error, Limits()) is error


def test_what_has_no_limit_is_not_blamed_on_one():
    for error in (KernelDied("c", -signal.SIGXCPU), CellFailed("c", "MemoryError", "")):
        assert explained(error, Limits(), Met(oom_kills=1, forks_refused=1)) is error


def test_the_users_own_bound_of_processes_counts_where_the_run_has_users_of_its_own():
    source = "import resource\nprint(resource.getrlimit(resource.RLIMIT_NPROC)[0])"
    code = "from nbprocessor.execution.limits import apply\nfrom nbprocessor.model.process import Limits\n"
    for alone in (True, False):
        run = [sys.executable, "-c", f"{code}apply(Limits(processes=7), alone={alone})\n{source}"]
        said = int(subprocess.run(run, capture_output=True, text=True, timeout=60, check=True).stdout)
        assert (said == 7) is alone
