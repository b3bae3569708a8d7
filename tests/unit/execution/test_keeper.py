"""The keeper of a slot, with shells that do nothing."""

import os
import subprocess
import sys

import pytest

from nbprocessor.execution.sandbox.isolation import Isolation, NoIsolation
from nbprocessor.execution.sandbox.room import UserIsolation
from tests.servers import bubblewrap

PROGRAM = """
import os, signal, socket, sys
from pathlib import Path
from nbprocessor.execution import keeper, messages, runner, shell, zygote
from nbprocessor.execution.cells import Cells

def stay(connection, hidden):
    connection.send(b"here")
    while True:
        signal.pause()

def use(control, to_keeper, *, sealed):
    shells = []
    for _ in range(2):  # nobody asks for anything to be cleared in between
        shells.append(Cells.forked(to_keeper, sealed=sealed)._connection)
        assert shells[-1].recv(4) == b"here"
    shells[0].settimeout(5)
    print("the first is gone", shells[0].recv(1) == b"")
    try:
        shells[1].recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        print("the second is there", flush=True)

shell.serve, runner.serve = stay, use
ours, theirs = messages.pair()
alive = os.pipe()
slots = zygote._Zygote(ours)
hidden = [Path(sys.argv[1])] if len(sys.argv) > 1 else None
pid, _ = slots._make_slot(hidden, os.dup(theirs.fileno()), alive[1])
os.waitpid(pid, 0)
os.close(alive[1])
assert os.read(alive[0], 1) == b""  # the keeper has ended
"""


@pytest.mark.kernel
@pytest.mark.parametrize("isolation", [NoIsolation, UserIsolation], ids=lambda kind: kind.name)
def test_no_shell_is_forked_beside_one_that_nobody_had_ended(tmp_path, isolation: type[Isolation]):
    bubblewrap.require_for(isolation)
    arguments = [str(tmp_path)] if isolation.seals else []
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert (done.stdout.splitlines(), done.stderr) == (["the first is gone True", "the second is there"], "")
