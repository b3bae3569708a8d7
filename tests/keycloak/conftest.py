"""What the tests with a real Keycloak share: a server that signs in there, and the seven people of its realm."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.keycloak.acting import Recorder, recording
from tests.keycloak.notebooks import write_notebooks
from tests.servers.keycloak import Keycloak
from tests.servers.nbprocessor import Server, start

PEOPLE = ("nora", "vera", "edda", "cora", "paul", "anna")
"""Nobody's role, viewer, editor, creator, publisher, administrator; beside them somebody who has not signed in."""


@dataclass(frozen=True)
class Person:
    """Somebody who asks the server, with a token or without."""

    server: Server
    token: str | None

    def ask(self, method: str, path: str, **how) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        headers |= how.pop("headers", {})
        return requests.request(method, f"{self.server.url}{path}", headers=headers, timeout=120, **how)

    def get(self, path: str, **how) -> requests.Response:
        return self.ask("GET", path, **how)

    def execute(self, process: str = "echo_text", inputs: Mapping | None = None, **headers: str) -> requests.Response:
        body = {"inputs": dict(inputs or {})}
        return self.ask("POST", f"/processes/{process}/execution", json=body, headers=headers)

    def job(self) -> str:
        """Run a process to its end and return the job's id."""
        done = self.execute()
        assert done.status_code == 200, done.text
        return done.headers["Location"].rpartition("/")[2]


@dataclass(frozen=True)
class Guarded:
    """A server that signs in at a Keycloak."""

    server: Server
    keycloak: Keycloak
    log: Path
    folder: Path

    def person(self, name: str) -> Person:
        """Return one of the realm's users, with a token made just now; no name: nobody."""
        return Person(self.server, self.keycloak.token(name) if name else None)

    def bearer(self, token: str) -> Person:
        return Person(self.server, token)

    def lines(self) -> list[dict]:
        """Return the lines of the security log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def guarded(folder: Path, keycloak: Keycloak, source: str = "", **settings: str) -> "Iterator[Guarded]":
    """Run a server that signs in, with further settings of the section ``auth``; ``source`` is where its data is."""
    log = folder / "security.log"
    write_notebooks(folder / "notebooks")
    environment = keycloak.environment() | {
        "NBPROCESSOR_AUTH__SECURITY_LOG": str(log),
        **{f"NBPROCESSOR_AUTH__{key.upper()}": value for key, value in settings.items()},
    }
    environment |= {"NBPROCESSOR_DATA__SOURCE": source} if source else {}
    with start(folder / "notebooks", folder / "results", env=environment) as server:
        yield Guarded(server, keycloak, log, folder)


@pytest.fixture(scope="module")
def signed(keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server with the settings the old system's environment gives it."""
    yield from guarded(tmp_path_factory.mktemp("signed"), keycloak)


@pytest.fixture(scope="module")
def data() -> Iterator[Recorder]:
    """Stand where Data Management is, and keep what comes in."""
    with recording() as recorder:
        yield recorder
