"""A real PostgreSQL, started from the system's package: a server for each test process, a database for each test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import psycopg
import pytest

PLACES = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"]
# Faster, and as safe as a test needs it: nobody pulls the plug of this server's machine.
OPTIONS = "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"


@dataclass(frozen=True)
class PostgreSQL:
    """A running server that listens on a socket in its folder only."""

    programs: Path
    folder: Path
    account: str

    def start(self) -> None:
        self._run("initdb", "-D", self.data, "-U", "nbprocessor", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"{OPTIONS} -k {self.folder}"
        self._run("pg_ctl", "start", "-w", "-D", self.data, "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self.data)

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, give its URL, and drop it whoever still uses it."""
        name = f"test_{uuid4().hex}"
        with psycopg.connect(host=str(self.folder), user="nbprocessor", dbname="postgres", autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of our own making
            yield f"postgresql://nbprocessor@/{name}?host={self.folder}"
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # likewise

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        other = {"user": self.account, "group": pwd.getpwnam(self.account).pw_gid, "extra_groups": []}
        account = other if os.geteuid() == 0 else {}
        command = [str(self.programs / program), *arguments]
        # Into a file: the server keeps what it inherits open, and a pipe would never end.
        with (self.folder / "output").open("w+b") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                check=False,
                **account,
            )
            if done.returncode != 0:
                output.seek(0)
                pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{output.read().decode()}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A server, stopped at the end; where PostgreSQL is not installed the test is skipped, or fails if CI=true."""
    with running(installed() or _missing()) as server:
        yield server


@contextmanager
def running(programs: Path) -> Iterator[PostgreSQL]:
    """Run a server of one's own."""
    # Not below pytest's folder, which only its owner may enter, and short: a socket's path has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    account = _account()
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, account)
        server = PostgreSQL(programs, folder, account)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    with postgresql_server.database() as url:
        yield url


def installed() -> Path | None:
    """Return where PostgreSQL's programs are, if they are anywhere."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    places += [folder for place in PLACES for folder in sorted(Path("/").glob(place[1:]), reverse=True)]
    return next((folder for folder in places if (folder / "initdb").exists()), None)


def _account() -> str:
    accounts = {entry.pw_name for entry in pwd.getpwall()}
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    return "postgres" if "postgres" in accounts else "nobody"


def _missing() -> NoReturn:
    reason = "PostgreSQL is not installed; Debian and Ubuntu: apt-get install postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
