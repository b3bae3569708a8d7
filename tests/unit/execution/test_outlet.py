"""Texts and messages of a cell, whoever prints them and whatever comes in between."""

import asyncio
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from nbprocessor.execution import outlet
from nbprocessor.execution.fork_executor import ForkExecutor
from nbprocessor.execution.outlet import Outlet, Sender, Stream
from nbprocessor.execution.sandbox.isolation import NoIsolation
from tests.unit.execution.forks import Forks, texts

LONG = 3_000_000
"""More bytes than a socket takes while nobody reads."""


class Heard:
    """Takes the texts that streams send; ``between`` is done once, in the middle of it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.between = lambda: None

    def __call__(self, _: str, content) -> None:
        between, self.between = self.between, lambda: None
        between()
        self.texts.append(content["text"])

    @property
    def lines(self) -> list[str]:
        return "".join(self.texts).splitlines()


@pytest.fixture
def heard(monkeypatch) -> Heard:
    heard = Heard()
    monkeypatch.setattr(Outlet, "emit", staticmethod(heard))
    return heard


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Reader(threading.Thread):
    """Reads what is sent; at the first byte, when more is on its way than fits, it has a signal handled."""

    def __init__(self, connection: socket.socket, sending: Sequence[threading.Thread] = ()) -> None:
        super().__init__()
        self.read = b""
        self.handled = threading.Event()
        self._connection = connection
        self._sending = sending

    def run(self) -> None:
        self.read += self._connection.recv(1)
        for thread in self._sending:
            thread.start()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        self.handled.wait()
        while part := self._connection.recv(1 << 16):
            self.read += part


@contextmanager
def handling(handle: Callable[[], None], reader: Reader) -> Iterator[None]:
    def begin(*_: object) -> None:
        reader.handled.set()
        handle()

    before = signal.signal(signal.SIGALRM, begin)
    try:
        reader.start()
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def test_lines_that_threads_print_at_once_are_each_told_once(heard, monkeypatch):
    monkeypatch.setattr(outlet, "PAUSE", 0.0)  # as many messages as can be
    stream = Stream("stdout", 1)

    def write(name: str) -> None:
        for number in range(20_000):
            stream.write(f"{name}-{number}\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.flush()
    assert Counter(heard.lines) == Counter(f"{name}-{number}" for name in "abcd" for number in range(20_000))
    for name in "abcd":
        assert [line for line in heard.lines if line[0] == name] == [f"{name}-{number}" for number in range(20_000)]


def test_what_a_signals_handler_prints_in_the_middle_of_a_print_comes_behind_it(heard):
    stream = Stream("stdout", 1)

    def handle(*_: object) -> None:
        stream.write("handled\n")
        stream.flush()

    before = signal.signal(signal.SIGALRM, handle)
    try:
        heard.between = lambda: signal.raise_signal(signal.SIGALRM)
        stream.write("one\n")
        stream.flush()
        stream.write("two\n")
        stream.flush()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert heard.lines == ["one", "handled", "two"]


def test_a_handler_that_prints_to_the_other_stream_waits_for_nobody(ends, monkeypatch):
    ours, theirs = ends
    sender = Sender(ours)
    monkeypatch.setattr(Outlet, "emit", staticmethod(lambda _, content: sender.send(content["text"].encode())))
    out, err = Stream("stdout", 1), Stream("stderr", 2)

    def handle() -> None:
        err.write("handled\n")
        err.flush()

    others = [threading.Thread(target=stream.write, args=("other\n",)) for stream in (out, err)]
    reader = Reader(theirs, others)
    with handling(handle, reader):
        out.write("x" * LONG + "\n")
    for thread in others:
        thread.join()
    for stream in (out, err):
        stream.flush()
    ours.shutdown(socket.SHUT_WR)
    reader.join()
    lines = Counter(reader.read.decode().replace("x" * LONG, "long").splitlines())
    assert lines == {"long": 1, "handled": 1, "other": 2}


def test_a_message_is_whole_also_when_a_signals_handler_raises_in_the_middle_of_it(ends):
    ours, theirs = ends
    sender, reader = Sender(ours), Reader(theirs)

    def handle() -> None:
        raise TimeoutError

    with handling(handle, reader), pytest.raises(TimeoutError):
        sender.send(b"a" * LONG)
    sender.send(b"b")
    ours.shutdown(socket.SHUT_WR)
    reader.join()
    assert reader.read == b"a" * LONG + b"b"


def test_a_message_that_a_handler_sends_begins_behind_the_one_it_came_into(ends):
    ours, theirs = ends
    sender, reader = Sender(ours), Reader(theirs)
    with handling(lambda: sender.send(b"b"), reader):
        sender.send(b"a" * LONG)
    ours.shutdown(socket.SHUT_WR)
    reader.join()
    assert reader.read == b"a" * LONG + b"b"


FORKS = """
import os, threading
print("before", end=" ")
busy = threading.Event()

def go_on():
    while not busy.is_set():
        print("", end="")

threads = [threading.Thread(target=go_on) for _ in range(4)]
for thread in threads:
    thread.start()
for number in range(30):
    child = os.fork()
    if child == 0:
        print("child", number)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
busy.set()
for thread in threads:
    thread.join()
child = os.fork()
print("parent" if child else "fork to its end", end="")
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.kernel
def test_forks_of_a_cell_print_whatever_the_threads_of_the_cell_are_at(tmp_path):
    loop = asyncio.new_event_loop()
    forks = Forks(loop, tmp_path, ForkExecutor, NoIsolation)
    try:
        outcome, nb = forks.run("import warnings\nwarnings.simplefilter('ignore')", FORKS)
    finally:
        loop.run_until_complete(forks.executor.close())
        loop.close()
    assert outcome.error is None
    said = "".join(texts(nb))
    for once in ("before ", "parent", "fork to its end"):
        assert said.count(once) == 1
        said = said.replace(once, "")
    assert said == "".join(f"child {number}\n" for number in range(30))
