"""The real server as a process of its own, on a free loopback port."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running server and the folders it works on."""

    url: str
    notebooks: Path
    results: Path
    process: subprocess.Popen[str]
    log: Path

    def get(self, path: str, **kwargs) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=60, **kwargs)

    def post(self, path: str, **kwargs) -> requests.Response:
        return requests.post(f"{self.url}{path}", timeout=120, **kwargs)

    def delete(self, path: str, **kwargs) -> requests.Response:
        return requests.delete(f"{self.url}{path}", timeout=60, **kwargs)

    def execute(self, process: str, inputs: Mapping | None = None, *, prefer: str = "", **body) -> requests.Response:
        headers = {"Prefer": prefer} if prefer else {}
        return self.post(
            f"/processes/{process}/execution", json={"inputs": dict(inputs or {}), **body}, headers=headers
        )

    def job(self, process: str, inputs: Mapping | None = None, **body) -> dict:
        """Execute asynchronously and return the job once it has ended."""
        accepted = self.execute(process, inputs, prefer="respond-async", **body)
        assert accepted.status_code == 201, accepted.text
        return self.ended(accepted.json()["jobID"])

    def running(self, process: str, inputs: Mapping | None = None, **body) -> str:
        """Execute asynchronously and return the job's id once it runs."""
        accepted = self.execute(process, inputs, prefer="respond-async", **body)
        assert accepted.status_code == 201, accepted.text
        job_id = accepted.json()["jobID"]
        self.until(job_id, lambda job: job["status"] == "running" and job["progress"] > 0)
        return job_id

    def until(self, job_id: str, reached: Callable[[dict], bool]) -> dict:
        """Follow a job's events until one is as wanted, and return it."""
        for job in self.events(job_id):
            if reached(job):
                return job
        raise AssertionError(f"the job ended before: {job}")

    def events(self, job_id: str) -> Iterator[dict]:
        """Yield a job's states as its events tell them, to its end."""
        with requests.get(f"{self.url}/jobs/{job_id}/events", stream=True, timeout=120) as events:
            for line in events.iter_lines():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))

    def ended(self, job_id: str) -> dict:
        """Follow a job's events to its end and return its status."""
        for _ in self.events(job_id):
            pass
        return self.get(f"/jobs/{job_id}").json()


@contextmanager
def start(
    notebooks: Path,
    results: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (),
) -> Iterator[Server]:
    """Start the server and stop it as an operator would; its log is kept beside the results.

    ``command`` is another module, with its arguments, that is a server.
    """
    serve = ["nbprocessor", "serve", "--port", "0", "--notebooks", str(notebooks), "--results", str(results), *options]
    results.parent.mkdir(parents=True, exist_ok=True)
    log = results.parent / f"{results.name}-server.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NBPROCESSOR_", "KOMMONITOR_", "KC_"))}
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *(command or serve)],
            stderr=said,
            text=True,
            env=environment | dict(env or {}),
            cwd=results.parent,
            start_new_session=True,
        )
    try:
        yield Server(url_in(log, process), notebooks, results, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"the server did not stop within 20 s:\n{log.read_text()}") from None


def url_in(log: Path, process: subprocess.Popen[str]) -> str:
    """Wait for the line of a server's log that names the address."""
    log.touch()
    with log.open() as lines:
        while process.poll() is None:
            line = lines.readline()
            if " processes on http" in line and line.endswith("\n"):
                return line.partition(" processes on ")[2].split()[0]
            if not line:
                try:
                    process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server per test session (and xdist worker), on copies of the project's notebooks and of the tests' own."""
    folder = tmp_path_factory.mktemp("server")
    notebooks = folder / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", notebooks)
    shutil.copytree(REPOSITORY / "tests" / "data" / "notebooks", notebooks / "tests")
    with start(notebooks, folder / "results", env={"NBPROCESSOR_OUTBOUND__ALLOW_HOSTS": '["127.0.0.1"]'}) as running:
        yield running
