"""Notebooks that mean harm: each fails with its own reason, or does none; the next job runs as if nothing had been.

They are run by one server with small limits, one after the other, and only where runs are sealed: what some of them
do would hit every process of this user.
"""

import json
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from nbprocessor import contract
from nbprocessor.execution import scratch
from nbprocessor.store.results import ResultStore
from tests.faults.conftest import write_notebook
from tests.faults.hostile import ATTACKS, SECRET
from tests.faults.invariants import assert_nothing_lost, wait_until_gone
from tests.servers import bubblewrap
from tests.servers.nbprocessor import start

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(300)]
LIMITS = {
    "time": 60, "memory": 800_000_000, "processes": 64, "file_size": 20_000_000, "output_size": 40_000_000,
    "temporary_size": 30_000_000, "cell_outputs": 500, "cell_output_size": 5_000_000,
}  # fmt: skip
QUICK = "from nbprocessor import kit\nkit.output('result', number * 2)"


def opened(folder, executor, isolation="bwrap"):
    """Run a server on all the notebooks; nothing may be left of them at its end."""
    notebooks, results = folder / "notebooks", folder / "results"
    notebooks.mkdir()
    output = "\n  outputs: {result: {title: Result, schema: {type: number}}}"
    write_notebook(notebooks, "quick", "number: float = 1.0", QUICK, output)
    for name, attack in ATTACKS.items():
        facts = f"\n  limits: {{{attack.limits}}}" if attack.limits else ""
        write_notebook(notebooks, name, "port: int = 0", attack.source, facts + (output if attack.output else ""))
    environment = {f"NBPROCESSOR_LIMITS__{name.upper()}": str(limit) for name, limit in LIMITS.items()}
    environment |= {"NBPROCESSOR_EXECUTION__EXECUTOR": executor, "NBPROCESSOR_EXECUTION__ISOLATION": isolation}
    environment |= {"NBPROCESSOR_EXECUTION__SLOTS": "1", "OTHER_SECRET": SECRET}
    acknowledged = []
    with start(notebooks, results, env=environment) as server:
        yield server, acknowledged
    wait_until_gone(folder)
    assert_nothing_lost(results, acknowledged)
    groups = Path("/sys/fs/cgroup").glob(f"**/nbprocessor-*.{server.process.pid}.*")
    assert list(groups) == []
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def direct(tmp_path_factory):
    bubblewrap.require()
    yield from opened(tmp_path_factory.mktemp("hostile-direct"), "direct")


@pytest.fixture(scope="module")
def subprocesses(tmp_path_factory):
    bubblewrap.require()
    yield from opened(tmp_path_factory.mktemp("hostile-subprocess"), "subprocess")


@pytest.fixture(scope="module")
def without_bubblewrap(tmp_path_factory):
    yield from opened(tmp_path_factory.mktemp("hostile-user"), "direct", "user")


def attacked(server, acknowledged, name):
    """Run an attack and the next job; return the attack's job and what its notebook shows."""
    attack = ATTACKS[name]
    port = int(server.url.rpartition(":")[2].split("/")[0])
    job = server.job(name, {"port": port})
    after = server.job("quick", {"number": 2})
    acknowledged += [job["jobID"], after["jobID"]]
    assert (after["status"], server.get(f"/jobs/{after['jobID']}/results").json()) == ("successful", 4)
    if attack.ends:
        assert (job["status"], job["message"][: len(attack.ends)]) == ("failed", attack.ends)
    elif not attack.output:
        assert job["status"] == "successful", job["message"]
    shown = executed(server, job)
    assert attack.says in shown
    assert_harmless(server, job)
    return job, shown


def executed(server, job) -> str:
    """Return what the cell "work" shows."""
    notebook = json.loads(ResultStore(server.results).read(job["jobID"], contract.FILE_EXECUTED))
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == "work"]
    return json.dumps(cell["outputs"])


def assert_harmless(server, job) -> None:
    """Nothing of a job that has ended goes on or lies about, and its folder has nothing that is not its own."""
    folder = server.results / job["jobID"]
    assert ResultStore(server.results).verify(job["jobID"]) == []
    for path in folder.rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or (path.is_file() and path.stat().st_nlink == 1)
        assert path.is_dir() or b"root:x:0" not in path.read_bytes()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 60_000_000
    assert not list(scratch.home().glob(f"{job['jobID'].replace('-', '')}-*"))
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                assert process.environ().get(contract.JOB_ID) != job["jobID"], process.cmdline()
                assert not Path(process.cwd()).is_relative_to(folder), process.cmdline()
    assert not (server.results.parent / "x").exists()
    assert not (server.results / "x").exists()


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - {"look_around", "connect"}))
def test_a_hostile_notebook_fails_with_its_reason_or_does_no_harm(direct, name):
    attacked(*direct, name)


@pytest.mark.parametrize("name", sorted(name for name, attack in ATTACKS.items() if attack.kernel_too))
def test_a_hostile_notebook_in_a_kernel_fails_likewise(subprocesses, name):
    attacked(*subprocesses, name)


@pytest.mark.parametrize("name", ["daemon", "fork_bomb", "kill_all", "suicide", "temporary_files"])
def test_without_bubblewrap_a_hostile_notebook_does_no_harm_either(without_bubblewrap, name):
    attacked(*without_bubblewrap, name)


@pytest.fixture(params=["direct", "subprocesses", "without_bubblewrap"])
def server(request):
    return request.getfixturevalue(request.param)


def test_a_notebook_that_looks_around_sees_nothing_but_its_own(server):
    job, shown = attacked(*server, "look_around")
    at = server[0]
    assert SECRET not in shown
    assert "KC_CLIENT_SECRET" not in shown
    assert "nbprocessor.db" not in shown
    assert "serve" not in shown
    assert "root:" not in shown
    others = {path.name for path in at.results.iterdir()} - {job["jobID"]}
    assert others
    assert not [name for name in others if name in shown]


def test_a_notebook_reaches_no_address(server):
    _, shown = attacked(*server, "connect")
    assert "connected" not in shown
    assert shown.count("refused") == 4


def test_the_server_itself_has_no_more_open_than_before(direct):
    server, acknowledged = direct
    attacked(server, acknowledged, "suicide")
    process = psutil.Process(server.process.pid)
    before = process.num_fds(), process.num_threads()
    for _ in range(3):
        attacked(server, acknowledged, "suicide")
        attacked(server, acknowledged, "displays")
    # A thread may be at work on what came in last.
    assert process.num_fds() <= before[0] + 2
    assert process.num_threads() <= before[1] + 2
