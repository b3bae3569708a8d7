"""What the tests of acting for somebody share: a realm of their own, and a Data Management that keeps what comes in."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
from joserfc import jws

from tests.servers.keycloak import REALM_FILE, Keycloak

LIFESPAN = "10"
"""Seconds a token of this realm is good: so few that each request of a run needs another."""
ASKS = """
import os, pathlib, time
from nbprocessor.kit.connection import Connection
way = Connection("http://data", socket=os.environ["NBPROCESSOR_SOURCE_SOCKET"])
time.sleep(wait)  # the token that came with the request has expired when its run asks for data
for number in range(times):
    way.download("/management/indicators", "indicators", pathlib.Path(f"{number}.json"), 1000)
assert not [name for name in os.environ if "TOKEN" in name]
"""


@dataclass
class Recorder:
    """Stands where Data Management is."""

    url: str
    seen: list[str] = field(default_factory=list)
    """The Authorization headers of the requests."""

    def claims(self) -> list[dict[str, Any]]:
        """Return what the tokens say that came along."""
        return [json.loads(jws.extract_compact(said.removeprefix("Bearer ").encode()).payload) for said in self.seen]


@contextmanager
def recording() -> Iterator[Recorder]:
    """Answer every request with an empty list while the body runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            recorder.seen.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        recorder = Recorder(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


def make_realm(keycloak: Keycloak, name: str, **attributes: str) -> Keycloak:
    """Make a realm as the project's, with further attributes of the processor's client."""
    text = REALM_FILE.read_text().replace(f"default-roles-{keycloak.realm}", f"default-roles-{name}")
    realm = json.loads(text) | {"realm": name}
    for user in realm["users"]:
        user.pop("id", None)
    for client in realm["clients"]:
        if client["clientId"] == keycloak.client:
            client["attributes"] |= {"access.token.lifespan": LIFESPAN, **attributes}
    keycloak.admin("master").create_realm(realm)
    return Keycloak(keycloak.url, keycloak.pid, realm=name)


def write_asking(folder: Path) -> None:
    """Write a notebook that asks Data Management as often as it is told."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [
        nbformat.v4.new_raw_cell("---\nprocess:\n  id: ask\n---"),
        nbformat.v4.new_code_cell("times: int = 1\nwait: float = 0.0", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(ASKS),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "ask.ipynb")
