"""A stand-in for KomMonitor's Data Management API on a free loopback port, with faults that can be asked for.

What it answers is in `tests.servers.city`; here is how: over TCP or a unix socket, logged, and broken on demand::

    def test_something(datamanagement):
        datamanagement.city.add_indicator("einwohner", "Einwohner", {"u": {"1": {"2020-12-31": 5}}})
        datamanagement.fault(r"/einwohner/u/", status=503, times=1)
        source = DataManagement(datamanagement.url, token=EDITOR)
        ...
        assert datamanagement.count("GET", "/management/indicators/einwohner") == 1
"""

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from nbprocessor.kit.connection import Patience
from nbprocessor.kit.datamanagement import DataManagement
from tests.servers.answers import Answer
from tests.servers.city import EDITOR, City, Request

QUICK = Patience(first_wait=0.001, longest_wait=0.01, connect=5, read=20)
"""Retries without the pauses a real server needs."""
PATIENCE = 20
"""Seconds a held answer waits at most, so that a failing test ends."""


@dataclass
class Fault:
    """What goes wrong with answers to requests whose path contains the pattern."""

    path: str
    method: str | None = None
    times: int | None = None
    """How many requests it meets; None: all."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    rewrite: Callable[[bytes], bytes] | None = None
    """Makes another body of the good one: `half`, or a function of the test."""
    hold: threading.Event | None = None
    """The answer waits until this is set."""
    refuse: bool = False
    """The connection is reset before a single byte is answered."""
    reset: bool = False
    """The connection is reset in the middle of the body."""
    after: bool = False
    """The fault comes after the request was done: a PUT is stored, then the answer goes wrong."""
    met: threading.Event = field(default_factory=threading.Event)
    """Set when the first request meets the fault."""

    def meets(self, request: Request) -> bool:
        """Tell whether it applies."""
        same = self.method in (None, request.method) and re.search(self.path, request.path)
        return bool(same) and self.times != 0


class StandIn:
    """The running server: its address, its city, what it was asked, and the faults that are to come."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Condition()
        self.reset()

    def reset(self) -> None:
        """Forget everything and be the recorded city again."""
        self.city = City.recorded()
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.busy = self.most_at_once = 0

    def fault(self, path: str, **what: Any) -> Fault:
        """Let requests go wrong whose path contains the regular expression ``path``; earlier faults come first."""
        fault = Fault(path, **what)
        self.faults.append(fault)
        return fault

    def count(self, method: str, path: str) -> int:
        """Return how many requests there were to exactly this path."""
        return sum(request.method == method and request.path == path for request in self.requests)

    def bodies(self, method: str = "PUT") -> list[bytes]:
        """Return the bodies that were sent."""
        return [request.body for request in self.requests if request.method == method]

    def wait_until_busy(self, number: int) -> None:
        """Wait until so many requests have been there at once."""
        with self._lock:
            assert self._lock.wait_for(lambda: self.most_at_once >= number, PATIENCE)

    def begin(self, request: Request) -> Fault | None:
        """Note a request and return the fault it meets."""
        with self._lock:
            self.requests.append(request)
            self.busy += 1
            self.most_at_once = max(self.most_at_once, self.busy)
            self._lock.notify_all()
            fault = next((fault for fault in self.faults if fault.meets(request)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
            return fault

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Return what is to be sent."""
        with self._lock:
            if fault is None or fault.after or fault.status is None:
                answer = self.city.answer(request)
            else:
                answer = Answer(fault.status)
        if fault is None:
            return answer
        body = answer.body if fault.body is None else fault.body
        body = fault.rewrite(body) if fault.rewrite else body
        return Answer(fault.status or answer.status, body, answer.media_type, {**answer.headers, **fault.headers})

    def end(self) -> None:
        """Note that a request is done."""
        with self._lock:
            self.busy -= 1


def half(body: bytes) -> bytes:
    """Return the first half: an answer cut by something in between, and correctly framed."""
    return body[: len(body) // 2]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def setup(self) -> None:
        if self.request.family != socket.AF_INET:
            self.disable_nagle_algorithm = False
        super().setup()

    def _serve(self) -> None:
        headers, stand_in = self.headers, self.server.stand_in
        length = int(headers.get("Content-Length") or 0)
        authorization = self.server.authorization or headers.get("Authorization", "")
        path = unquote(urlsplit(self.path).path)
        request = Request(
            self.command,
            path,
            headers.get("Accept", ""),
            authorization,
            self.rfile.read(length),
            self.path,
            {name.lower(): value for name, value in headers.items()} | {"x-port": str(self.client_address[1])},
        )
        fault = stand_in.begin(request)
        try:
            if fault is not None:
                fault.met.set()
                if fault.hold is not None:
                    fault.hold.wait(PATIENCE)
            if fault is not None and fault.refuse and not fault.after:
                self._break()
                return
            answer = stand_in.answer(request, fault)
            if fault is not None and fault.refuse:
                self._break()
            else:
                self._send(answer, broken=fault is not None and fault.reset)
        except OSError:  # the client has gone
            self.close_connection = True
        finally:
            stand_in.end()

    def _send(self, answer: Answer, broken: bool) -> None:
        self.send_response(answer.status)
        if answer.media_type:
            self.send_header("Content-Type", answer.media_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(half(answer.body) if broken else answer.body)
        if broken:
            self._break()

    def _break(self) -> None:
        """Reset the connection, as when the other side dies."""
        self.wfile.flush()
        self.close_connection = True
        if self.request.family == socket.AF_INET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the stand-in's log is `StandIn.requests`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stand_in: StandIn
    authorization = ""
    """What a gateway puts into every request."""


class _SocketServer(_Server):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = self.socket.accept()
        return connection, ("gateway", 0)


@contextmanager
def _running(server: _Server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def start() -> Iterator[StandIn]:
    """Start a stand-in on a free loopback port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.stand_in = StandIn(f"http://127.0.0.1:{server.server_port}")
    with _running(server):
        yield server.stand_in


@contextmanager
def gateway(stand_in: StandIn, path: Path, token: str = EDITOR) -> Iterator[Path]:
    """Open a unix socket that leads to the stand-in and adds a token, as a job's gateway does."""
    server = _SocketServer(str(path), _Handler)  # type: ignore[arg-type]  # a path, where the class knows host and port
    server.stand_in, server.authorization = stand_in, f"Bearer {token}"
    with _running(server):
        yield path


@pytest.fixture(scope="session")
def datamanagement_server() -> Iterator[StandIn]:
    """One stand-in per test session (and xdist worker)."""
    with start() as stand_in:
        yield stand_in


@pytest.fixture
def datamanagement(datamanagement_server: StandIn) -> StandIn:
    """The stand-in with the recorded city, no faults and an empty log."""
    datamanagement_server.reset()
    return datamanagement_server


@pytest.fixture
def editor(datamanagement: StandIn) -> Iterator[DataManagement]:
    """The source as one sees it who may do everything."""
    with closing(DataManagement(datamanagement.url, token=EDITOR, patience=QUICK)) as source:
        yield source
