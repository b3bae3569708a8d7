"""Kernels that are forked: the Jupyter protocol with what forks give, and take away."""

import asyncio
import signal

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from nbprocessor.errors import CellFailed, KernelDied, LimitReached
from nbprocessor.execution import provisioner, selftest
from nbprocessor.execution.fork_executor import KernelForkExecutor
from nbprocessor.execution.sandbox.isolation import NoIsolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation
from nbprocessor.model.process import Limits
from tests.servers import bubblewrap
from tests.unit.execution.forks import Forks, texts, written

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", params=[NoIsolation, BubblewrapIsolation], ids=lambda kind: kind.name)
def forks(tmp_path_factory, request):
    if request.param.seals:
        bubblewrap.require()
    loop = asyncio.new_event_loop()
    opened = Forks(loop, tmp_path_factory.mktemp("kernels"), KernelForkExecutor, request.param)
    loop.run_until_complete(opened.executor.open())
    yield opened
    loop.run_until_complete(opened.executor.close())
    loop.close()


def test_the_cells_run_in_ipykernel_and_have_what_it_gives(forks):
    outcome, nb = forks.run(
        "print(type(get_ipython()).__module__)", "1 + 1", "import os\ndone = os.system('echo words')"
    )
    assert outcome.error is None
    assert texts(nb) == ["ipykernel.zmqshell\n", "words\n"]
    assert nb.cells[1].outputs[0].data["text/plain"] == "2"
    assert nb.metadata.language_info["name"] == "python"


def test_widgets_keep_their_state_in_the_notebook(forks):
    widget = "{'state': {'_model_module': 'm', '_model_module_version': '1', '_model_name': 'n', 'value': 7}}"
    make = f"made = comm.create_comm('jupyter.widget', {widget}, {{'version': '2.1.0'}})"
    outcome, nb = forks.run(f"import comm\n{make}")
    assert outcome.error is None
    (state,) = nb.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert state["state"]["value"] == 7


def test_what_the_fork_server_imported_need_not_be_imported_again(forks):
    outcome, nb = forks.run("import sys\nprint('geopandas' in sys.modules)")
    assert (outcome.error, texts(nb)) == (None, ["True\n"])


def test_a_plot_is_shown_though_matplotlib_was_imported_before(forks):
    outcome, nb = forks.run("import matplotlib.pyplot as plt\nlines = plt.plot([1, 2])")
    assert outcome.error is None
    assert "image/png" in nb.cells[0].outputs[-1].data


def test_runs_share_no_state_no_input_and_no_randomness(forks):
    code = "assert 'left' not in globals()\nleft = 1\nimport random\nprint(random.random(), [_i, _ii])"
    first, second = (texts(forks.run(code)[1])[0] for _ in range(2))
    assert first != second
    assert first.endswith("['', '']\n")


def test_a_cell_that_fails_ends_the_run_with_its_error(forks):
    outcome, nb = forks.run("1 / 0", "print('never')")
    assert isinstance(outcome.error, CellFailed)
    assert outcome.error.ename == "ZeroDivisionError"
    assert texts(nb) == []


def test_a_kernel_that_is_killed_is_named_with_its_cell_and_the_next_run_goes_well(forks):
    outcome, _ = forks.run("import os\nos.kill(os.getpid(), 9)")
    assert isinstance(outcome.error, KernelDied)
    assert (outcome.error.cell_id, outcome.error.exit_code) == ("c0", -signal.SIGKILL)
    assert forks.run("1")[0].error is None


def test_an_interrupted_run_ends_and_keeps_what_it_said(forks):
    async def interrupt(running, run):
        await written(run.folder / "work" / "begun")
        running.interrupt()

    outcome, nb = forks.run(
        "print('said')", "import time\nopen('begun', 'w').write('yes')\ntime.sleep(60)", "print('never')", act=interrupt
    )
    assert isinstance(outcome.error, CellFailed)
    assert outcome.error.ename == "KeyboardInterrupt"
    assert texts(nb) == ["said\n"]


def test_a_cell_that_takes_too_long_is_named(forks):
    outcome, _ = forks.run("import time\ntime.sleep(60)", limits=Limits(cell_time=0.5))
    assert isinstance(outcome.error, LimitReached)
    assert (outcome.error.limit, outcome.error.cell_id) == ("cell time", "c0")


def test_a_sealed_kernel_does_not_get_out(tmp_path):
    bubblewrap.require()

    async def found():
        executor = KernelForkExecutor(BubblewrapIsolation(tmp_path))
        await executor.open()
        try:
            return await selftest.escapes(executor, tmp_path)
        finally:
            await executor.close()

    assert asyncio.run(found()) == []


def test_jupyter_client_finds_the_provisioner_by_its_name():
    wanted = KernelSpec(metadata={"kernel_provisioner": {"provisioner_name": provisioner.NAME}})
    assert KernelProvisionerFactory.instance().is_provisioner_available(wanted)
