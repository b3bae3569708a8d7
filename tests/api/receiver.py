"""A subscriber: an HTTP server that keeps every callback it gets, and answers as a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """One callback as it came in."""

    path: str
    headers: dict[str, str]
    body: Any


class Receiver:
    """What came in, by path; answers 200 unless told otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._told: list[Told] = []
        self._answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self._changed = threading.Condition()

    def answer(self, path: str, *answers: tuple[int, dict[str, str]]) -> None:
        """Answer the next callbacks to a path in this order."""
        self._answers[path] = list(answers)

    def take(self, told: Told) -> tuple[int, dict[str, str]]:
        """Keep a callback and return how it is answered."""
        with self._changed:
            self._told.append(told)
            self._changed.notify_all()
            left = self._answers.get(told.path, [])
            return left.pop(0) if left else (200, {})

    def told(self, path: str, count: int = 1, patience: float = 30) -> list[Told]:
        """Wait until a path was called ``count`` times and return what it was told."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.at(path)) >= count, patience)
            return self.at(path)

    def at(self, path: str) -> list[Told]:
        """Return what a path was told so far."""
        return [told for told in self._told if told.path == path]


@contextmanager
def listening() -> Iterator[Receiver]:
    """Listen on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answered = receiver.take(Told(self.path, headers, json.loads(body)))
            self.send_response(status)
            for name, value in answered.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            content = json.dumps("fetched").encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
