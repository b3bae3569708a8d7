"""Control groups: on the system's own where they may be written, else on folders that look like a system's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nbprocessor.execution import cgroups, identity
from nbprocessor.execution.cgroups import PREFIX, Groups
from nbprocessor.execution.limits import Met
from nbprocessor.model.process import Limits

TAKES = "held = []\nfor _ in range(40):\n    held.append(bytearray(b'x' * 10_000_000))\nprint('took it')"
FORKS = """
import os, time
children = []
try:
    for _ in range(50):
        if not (child := os.fork()):
            time.sleep(60)
        children.append(child)
except BlockingIOError:
    print(len(children))
finally:
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def groups():
    found = Groups.found()
    if set(found.bounds) != {"memory", "pids"}:
        pytest.skip("no control group may be written here")
    return found


@pytest.fixture
def group(groups):
    made = groups.make("test")
    yield made
    made.remove()


def run(group, source: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a group: it begins only once it is in it."""
    command = [sys.executable, "-c", f"input()\n{source}"]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        group.add(process.pid)
        said, _ = process.communicate("\n", timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, said)


def test_what_takes_more_memory_than_its_group_has_is_ended_and_counted(group):
    left = group.bind(Limits(memory=100_000_000, time=5))
    assert left == Limits(time=5)
    assert run(group, TAKES).returncode == -9
    assert group.met() == Met(oom_kills=1)


def test_a_group_is_bound_anew_for_each_run(group):
    group.bind(Limits(memory=100_000_000))
    assert run(group, TAKES).returncode == -9
    group.bind(Limits(memory=1_000_000_000))
    assert (group.met(), run(group, TAKES).stdout) == (Met(), "took it\n")
    group.bind(Limits(memory=50_000_000))
    assert run(group, TAKES).returncode == -9
    group.bind(Limits())
    assert (run(group, TAKES).stdout, group.met()) == ("took it\n", Met())


def test_a_group_has_so_many_processes_and_no_more(group):
    group.bind(Limits(processes=10))
    assert run(group, FORKS).stdout == "9\n"
    assert group.met() == Met(forks_refused=1)


def test_a_group_is_removed_with_whatever_is_left_in_it(groups):
    group = groups.make("leaving")
    with subprocess.Popen(["sleep", "600"]) as process:
        group.add(process.pid)
        group.remove()
        assert process.wait(10) == -9
    assert left_over(groups, identity.own()) == []
    group.remove()


def test_what_a_lost_server_left_is_removed_by_the_next_one(groups):
    code = """
import os, subprocess
from nbprocessor.execution import identity
from nbprocessor.execution.cgroups import Groups
group = Groups.found().make("lost")
left = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
group.add(left.pid)
print(identity.own(), left.pid, flush=True)
os._exit(1)
"""
    lost = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    owner, pid = lost.stdout.split()
    assert len(left_over(groups, owner)) == 2
    Groups.found()
    assert left_over(groups, owner) == []
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


def test_groups_of_servers_that_live_or_cannot_be_known_stay(groups):
    elsewhere = "/".join(["0" * 36, *identity.own().split("/")[1:]])
    group = groups.make("slot-1")
    foreign = [
        Path(str(path).replace(identity.own().replace("/", "."), elsewhere.replace("/", ".")))
        for path in left_over(groups, identity.own())
    ]
    for path in foreign:
        path.mkdir()
    try:
        groups.sweep()
        assert sorted(left_over(groups, elsewhere)) == sorted(foreign)
        assert len(left_over(groups, identity.own())) == 2
    finally:
        for path in foreign:
            path.rmdir()
        group.remove()


def left_over(groups: Groups, owner: str) -> list[Path]:
    """Groups of one server."""
    return [
        path for place in set(groups._places.values()) for path in place.glob(f"{PREFIX}{owner.replace('/', '.')}*")
    ]


@pytest.fixture
def system(tmp_path):
    """A system with version 2 whose own group was given away to this process."""
    (tmp_path / "proc/self").mkdir(parents=True)
    own = tmp_path / "sys/fs/cgroup/system.slice/nbprocessor.service"
    own.mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/system.slice/nbprocessor.service\n")
    mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    (tmp_path / "proc/self/mountinfo").write_text(f"22 1 0:20 / / rw - ext4 /dev/vda rw\n{mount}")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    (own / "cgroup.subtree_control").touch()
    return tmp_path


def test_with_version_2_the_server_moves_into_a_branch_of_its_own_and_gives_controllers_to_the_others(system):
    found = Groups.found(system)
    own = system / "sys/fs/cgroup/system.slice/nbprocessor.service"
    assert (own / "nbprocessor-server" / "cgroup.procs").read_text() == str(os.getpid())
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"
    # A folder is no control group: it has no files that bound anything.
    assert found.bounds == []
    assert [path.name for path in own.iterdir() if path.is_dir()] == ["nbprocessor-server"]


def test_with_version_2_one_folder_bounds_both(tmp_path):
    group = Groups({"memory": tmp_path, "pids": tmp_path}, 2).make("slot")
    (folder,) = tmp_path.iterdir()
    (folder / "pids.current").write_text("3\n")
    (folder / "memory.events").write_text("low 0\noom 4\noom_kill 2\n")
    (folder / "pids.events").write_text("max 1\n")
    (folder / "memory.swap.max").touch()
    assert group.bind(Limits(memory=1000, processes=10, cpu=3)) == Limits(cpu=3)
    group.add(4711)
    written = {name: (folder / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")}
    assert written == {"memory.max": "1000", "memory.swap.max": "0", "pids.max": "13"}
    assert (folder / "cgroup.procs").read_text() == "4711"
    (folder / "memory.events").write_text("low 0\noom 5\noom_kill 3\n")
    (folder / "pids.events").write_text("max 8\n")
    assert group.met() == Met(1, 7)
    group.bind(Limits())
    assert [(folder / name).read_text() for name in ("memory.max", "pids.max")] == ["max", "max"]


@pytest.mark.parametrize("missing", ["proc/self/cgroup", "proc/self/mountinfo", "sys"])
def test_where_there_are_no_control_groups_every_process_bounds_itself(system, missing, caplog):
    path = system / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with caplog.at_level("INFO"):
        found = Groups.found(system)
    assert found.facts() == {"bounds": []}
    assert "no control group may be written" in caplog.text
    group = found.make("slot")
    group.add(os.getpid())
    assert group.bind(Limits(memory=5, processes=6)) == Limits(memory=5, processes=6)
    assert group.met() == Met()
    group.remove()


def test_in_a_container_the_own_group_is_the_top_of_what_is_mounted(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/docker/abc/sub\n5:cpu,cpuacct:/docker/abc\n")
    mount = "33 31 0:31 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    (tmp_path / "proc/self/mountinfo").write_text(mount)
    sub = tmp_path / "sys/fs/cgroup/memory/sub"
    sub.mkdir(parents=True)
    assert cgroups._places(tmp_path) == ({"memory": sub}, 1)
