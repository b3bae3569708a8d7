"""A server of strangers: answers as it is told, keeps what it was asked, and can be slow on purpose."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Strangers:
    """A running server; ``answers`` by path."""

    url: str
    port: int
    answers: dict[str, Answer]
    asked: list[Asked] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Lets slow answers go on."""
    reached: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Counts the requests that came in."""


def content(body: bytes, media_type: str = "application/json", status: int = 200, **headers: str) -> Answer:
    """Answer with a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def wait_for_callers(patience: float = 20.0) -> None:
    """Wait for the threads that called strangers: what they do at their end may go on when its effect is seen."""
    for thread in threading.enumerate():
        if thread.name == "strangers":
            thread.join(patience)


@contextmanager
def strangers(**answers: Answer) -> Iterator[Strangers]:
    """Serve ``/name`` by the answer of this name, and ``/slow`` once it is released."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            known.asked.append(Asked(self.command, self.path, dict(self.headers.items()), self.rfile.read(size)))
            known.reached.release()
            name = self.path.partition("?")[0].strip("/")
            if name == "slow":
                known.released.wait(60)
            answer = known.answers.get(name) or content(b'{"from": "stranger"}')
            try:
                answer(self)
            except OSError:
                return  # nobody listens any more

        do_GET = do_POST = handle_one  # noqa: N815  # http.server's names

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    port = server.server_address[1]
    known = Strangers(f"http://127.0.0.1:{port}", port, dict(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        known.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
