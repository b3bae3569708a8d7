"""A server that is killed while a notebook uses its gateway: the next one removes what is left of it."""

from pathlib import Path

import pytest

from tests.faults.conftest import at_work
from tests.faults.invariants import assert_nothing_lost, wait_until_gone
from tests.servers.nbprocessor import start
from tests.unit.notebook import written

pytestmark = pytest.mark.kernel
READ = (
    "import os, time\nfrom pathlib import Path\nfrom nbprocessor import kit\n"
    "kit.open_source().indicator('a')\n"
    "Path('socket').write_text(os.environ['NBPROCESSOR_SOURCE_SOCKET'])"
)


def test_a_killed_servers_socket_is_gone_once_the_next_has_settled_its_job(tmp_path, datamanagement):
    datamanagement.city.add_indicator("a", "A", public=True)
    folder, results = tmp_path / "notebooks", tmp_path / "results"
    folder.mkdir()
    front = written.front("process:\n  id: reading\n  title: A\n  description: A")
    cells = (written.code(READ, "read"), written.text("## Work"))
    written.saved(folder, front, *cells, written.code("time.sleep(600)", "work"), name="reading.ipynb")
    environment = {"KOMMONITOR_DATA_MANAGEMENT_URL": datamanagement.url}
    with start(folder, results, env=environment) as server:
        job_id = at_work(server, "reading")
        server.process.kill()
        server.process.wait()
    socket = Path((results / job_id / "work" / "socket").read_text())
    assert socket.is_socket(), "nobody was there to remove it"
    wait_until_gone(tmp_path)
    with start(folder, results, env=environment) as server:
        assert server.ended(job_id)["status"] == "failed"
        assert not socket.parent.exists()
    assert_nothing_lost(results, [job_id])
