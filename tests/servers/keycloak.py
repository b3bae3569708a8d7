"""A real Keycloak, fetched by Maven and built once per machine; one server per test session, or as a person wants it.

``python -m tests.servers.keycloak install`` fetches and builds it, ``serve`` runs it with the realm of
``docker/keycloak/realm.json`` until Ctrl-C.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
from filelock import FileLock
from keycloak import KeycloakAdmin
from platformdirs import user_cache_path

from tests.servers.nbprocessor import REPOSITORY

VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
REALM_FILE = REPOSITORY / "docker" / "keycloak" / "realm.json"
ADMIN = "admin"
"""Name and password of the administrator of all realms."""
SHARED = "keycloak.json"
"""Beside the temporary folders of the session's workers: where the session's Keycloak is."""
START_TIMEOUT = 240
_STARTED: "list[subprocess.Popen[bytes]]" = []
"""What was started here: Python complains of a process that still runs when nobody knows it any more."""
SERVE_PORT = 8080


@dataclass(frozen=True)
class Keycloak:
    """A running Keycloak."""

    url: str
    pid: int
    realm: str = "kommonitor"
    client: str = "kommonitor-processor"
    secret: str = "processor-secret"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{self.realm}"

    def tokens(self, user: str, *, client: str = "", scope: str = "openid", realm: str = "") -> dict:
        """Sign a user in by name and password, which are the same, and return Keycloak's answer."""
        body = {"grant_type": "password", "username": user, "password": user, "scope": scope}
        return self._grant(body | self._client(client), realm)

    def token(self, user: str, **how: str) -> str:
        return self.tokens(user, **how)["access_token"]

    def sign_out(self, refresh_token: str) -> None:
        """End the sign-in a refresh token is of."""
        url = f"{self.issuer}/protocol/openid-connect/logout"
        body = self._client("") | {"refresh_token": refresh_token}
        requests.post(url, data=body, timeout=60).raise_for_status()

    def service_token(self) -> str:
        """Return a token of the processor's own service account."""
        return self._grant({"grant_type": "client_credentials"} | self._client(""), "")["access_token"]

    def admin(self, realm: str = "") -> KeycloakAdmin:
        """Return an administrator's view of a realm."""
        return KeycloakAdmin(
            server_url=self.url,
            username=ADMIN,
            password=ADMIN,
            realm_name=realm or self.realm,
            user_realm_name="master",
            timeout=60,
        )

    def environment(self) -> dict[str, str]:
        """Return what a server needs to sign people in here."""
        return {
            "KC_HOSTNAME": self.url,
            "KC_HOSTNAME_PATH": "",
            "KC_REALM_NAME": self.realm,
            "KC_CLIENT_ID": self.client,
            "KC_CLIENT_SECRET": self.secret,
            "KC_TARGET_CLIENT_ID": "kommonitor-data-management",
            "NBPROCESSOR_AUTH__DEVELOPMENT": "true",
        }

    def _client(self, client: str) -> dict[str, str]:
        if client and client != self.client:
            return {"client_id": client}
        return {"client_id": self.client, "client_secret": self.secret}

    def _grant(self, body: dict[str, str], realm: str) -> dict:
        url = f"{self.url}/realms/{realm or self.realm}/protocol/openid-connect/token"
        answer = requests.post(url, data=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Keycloak:
    """The session's Keycloak, shared by its workers: the first that needs it starts it, the session's end stops it."""
    home, data = _installed_or_missing()
    shared = shared_folder(request.config) / SHARED
    with FileLock(f"{shared}.lock"):
        known = _shared(shared)
        if known is None:
            known = start(home, tmp_path_factory.mktemp("keycloak"), data=data)
            shared.write_text(json.dumps({"url": known.url, "pid": known.pid}))
    return known


def shared_folder(config: pytest.Config) -> Path:
    """Return the session's folder, which is the same in all of its workers."""
    base = config._tmp_path_factory.getbasetemp()
    return base.parent if hasattr(config, "workerinput") else base


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's Keycloak, if there is one, when the session ends; the process that began it does."""
    for process in _STARTED:
        # A worker that started it leaves it to the others, and Python would complain of that.
        process.returncode = process.poll() or 0
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is None or factory._basetemp is None or hasattr(config, "workerinput"):
        return
    if (known := _shared(shared_folder(config) / SHARED)) is not None:
        stop(known)


def _shared(file: Path) -> Keycloak | None:
    if not file.exists():
        return None
    known = Keycloak(**json.loads(file.read_text()))
    return known if psutil.pid_exists(known.pid) else None


@contextmanager
def running(folder: Path) -> Iterator[Keycloak]:
    """Run a Keycloak of one's own, to be stopped and killed as the test likes."""
    home, data = _installed_or_missing()
    server = start(home, folder, data=data)
    try:
        yield server
    finally:
        stop(server)


def start(home: Path, folder: Path, port: int = 0, data: Path | None = None) -> Keycloak:
    """Start a server with the project's realm and wait until it answers.

    Args:
        home: Where Keycloak is installed.
        folder: For its log and what it writes.
        port: Port; 0: a free one.
        data: What it begins with; None: nothing but the realm's file, which takes it half a minute to read.
    """
    port = port or free_port()
    # Links to the installation, so that servers share its files and none writes into it. Where the script is really
    # is where it looks for all else.
    own = folder / "home"
    (own / "bin").mkdir(parents=True)
    shutil.copy(home / "bin" / "kc.sh", own / "bin")
    for part in ("conf", "lib", "providers", "themes"):
        (own / part).symlink_to(home / part)
    if data is None:
        (own / "data" / "import").mkdir(parents=True)
        shutil.copy(REALM_FILE, own / "data" / "import")
    else:
        shutil.copytree(data, own / "data")
    log = folder / "keycloak.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            _command(own, port),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=_environment(),
            cwd=folder,
            start_new_session=True,
        )
    _STARTED.append(process)
    server = Keycloak(f"http://127.0.0.1:{port}", process.pid)
    try:
        _wait(server, process, log)
    except BaseException:  # Ctrl-C, too, must not leave it running
        stop(server)
        raise
    return server


def stop(server: Keycloak, how: signal.Signals = signal.SIGKILL) -> None:
    """End a server with the script that started it; most have nothing to keep."""
    try:
        script = psutil.Process(server.pid)
        processes = [script, *script.children(recursive=True)]
        os.killpg(server.pid, how)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
    psutil.wait_procs(processes, timeout=30)
    for process in _STARTED:
        process.poll()


def install() -> tuple[Path, Path]:
    """Fetch, build and fill Keycloak, as far as that was not done before on this machine.

    Returns:
        Where it is, and the data that a server of the project's realm begins with.
    """
    home, data = home_folder(), data_folder()
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"), tempfile.TemporaryDirectory(dir=home.parent) as name:
        if not home.exists():
            made = _fetched(Path(name))
            _run([str(made / "bin" / "kc.sh"), "build", "--db=dev-file", "--cache=local"])
            made.rename(home)
        if not data.exists():
            server = start(home, Path(name) / "first")
            stop(server, signal.SIGTERM)
            (Path(name) / "first" / "home" / "data").rename(data)
    return home, data


def install_legacy() -> Path:
    """Build Keycloak once more, with the legacy token exchange that older platforms rely on; return where it is."""
    home, _ = _installed_or_missing()
    legacy = home.with_name(f"{home.name}-legacy")
    with FileLock(f"{legacy}.lock"), tempfile.TemporaryDirectory(dir=home.parent) as name:
        if not legacy.exists():
            made = Path(name) / "home"
            shutil.copytree(home, made)
            features = "--features=token-exchange,admin-fine-grained-authz:v1"
            _run([str(made / "bin" / "kc.sh"), "build", "--db=dev-file", "--cache=local", features])
            made.rename(legacy)
    return legacy


def home_folder() -> Path:
    """Return where Keycloak is, or will be."""
    return user_cache_path("nbprocessor-tests") / f"keycloak-{VERSION}"


def data_folder() -> Path:
    """Return where the data is: another place for every version of the realm's file."""
    digest = hashlib.sha256(REALM_FILE.read_bytes()).hexdigest()[:16]
    return user_cache_path("nbprocessor-tests") / f"keycloak-{VERSION}-realm-{digest}"


def _fetched(folder: Path) -> Path:
    _run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"])
    (archive,) = folder.glob("*.zip")
    shutil.unpack_archive(archive, folder)
    archive.unlink()
    (unpacked,) = folder.glob("keycloak-*")
    for script in (unpacked / "bin").glob("*.sh"):
        script.chmod(0o755)  # an archive unpacked by Python has no permissions
    return unpacked


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _command(home: Path, port: int) -> list[str]:
    options = {
        "http-enabled": "true",
        "hostname-strict": "false",
        "http-host": "127.0.0.1",
        "http-port": str(port),
    }
    return [str(home / "bin" / "kc.sh"), "start", "--optimized", "--import-realm"] + [
        f"--{name}={value}" for name, value in options.items()
    ]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KC_")}
    return kept | {
        "JAVA_OPTS_KC_HEAP": "-Xms256m -Xmx512m",
        # It starts in half the time when Java does not optimise what runs for a few minutes only.
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN,
    }


def free_port() -> int:
    """Return a port that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Keycloak, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the realm is there."""
    for _ in range(START_TIMEOUT * 4):
        try:
            if requests.get(f"{server.issuer}/.well-known/openid-configuration", timeout=10).ok:
                return
        except requests.ConnectionError:
            pass
        try:
            process.wait(0.25)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"Keycloak did not start:\n{log.read_text()}")


def _installed_or_missing() -> tuple[Path, Path]:
    if home_folder().exists():
        return install()  # the realm's file may have changed since
    reason = (
        f"Keycloak {VERSION} is not installed; `make servers` fetches and builds it, with Java 17 and Maven "
        "(Debian and Ubuntu: apt-get install default-jre-headless maven)"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def main(command: str) -> None:
    """Install Keycloak, or serve it until Ctrl-C."""
    home, data = install()
    if command == "install":
        return
    with tempfile.TemporaryDirectory(prefix="keycloak-") as folder:
        sys.stderr.write("Keycloak starts ...\n")
        server = start(home, Path(folder), SERVE_PORT, data)
        lines = [f"{server.issuer} (administrator: {ADMIN} / {ADMIN}; users: their name is their password)"]
        lines += [f"export {name}={value}" for name, value in server.environment().items()]
        sys.stderr.write("\n".join([*lines, ""]))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
        stop(server)


if __name__ == "__main__":
    main(sys.argv[1])
