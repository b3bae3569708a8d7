"""Signing in from the command line: approved on Keycloak's own pages, kept, renewed, ended."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from tests.keycloak.conftest import Guarded
from tests.keycloak.visitors import Visitor


class CommandLine:
    """A user's command line, with a folder of settings of its own."""

    def __init__(self, signed: Guarded, folder: Path):
        self.url = signed.server.url
        self.signed = signed
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NBPROCESSOR_", "KC_"))}
        self.environment = kept | {"XDG_CONFIG_HOME": str(folder)}

    @property
    def file(self) -> Path:
        return self.folder / "nbprocessor" / "sign-ins.json"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nbprocessor", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )

    @contextmanager
    def beginning(self, url: str = ""):
        """Begin to sign in; gives the page to open and the process that waits."""
        command = [sys.executable, "-m", "nbprocessor", "login", url or self.url]
        with subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stderr=subprocess.PIPE, text=True
        ) as process:
            said = process.stderr.readline()
            assert said.startswith("Open http"), said
            try:
                yield said.split()[1], process
            finally:
                process.kill()

    def sign_in(self, name: str) -> str:
        """Sign in, and return what was said at the end."""
        with self.beginning() as (page, process):
            decide(Visitor(self.signed.server), page, name, "accept")
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            return said

    def edit(self, **changed) -> None:
        """Change what is kept of the tokens."""
        kept = json.loads(self.file.read_text())
        kept[self.url]["tokens"] |= changed
        self.file.write_text(json.dumps(kept))


def decide(visitor: Visitor, page: str, name: str, button: str) -> None:
    """Open the page the command line names, sign in there, and press a button of the question that comes."""
    form = visitor.open(page, allow_redirects=True)
    sent = visitor.browser.post(
        action(form), data={"username": name, "password": name}, timeout=60, allow_redirects=True
    )
    asked = visitor.browser.post(action(sent), data={"code": code(sent), button: "x"}, timeout=60)
    assert asked.status_code == 200, asked.text


def action(page: requests.Response) -> str:
    return urljoin(page.url, unescape(re.search(r'<form[^>]* action="([^"]+)"', page.text)[1]))


def code(page: requests.Response) -> str:
    return unescape(re.search(r'name="code" value="([^"]*)"', page.text)[1])


@pytest.fixture
def line(signed: Guarded, tmp_path: Path) -> CommandLine:
    return CommandLine(signed, tmp_path)


def test_one_signs_in_uses_the_token_and_signs_out(line: CommandLine):
    said = line.sign_in("cora")
    assert f"Signed in to {line.url} as cora" in said
    assert line.file.stat().st_mode & 0o777 == 0o600
    assert line.run("whoami").stdout == f"cora at {line.url}\n"
    token = line.run("token").stdout.strip()
    assert line.signed.bearer(token).get("/jobs").status_code == 200
    refresh = json.loads(line.file.read_text())[line.url]["tokens"]["refresh_token"]
    assert line.run("logout").returncode == 0
    assert refresh not in line.file.read_text()
    ended = requests.post(
        f"{line.signed.keycloak.issuer}/protocol/openid-connect/token",
        data={"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "nbprocessor-cli"},
        timeout=60,
    )
    assert ended.status_code == 400
    again = line.run("whoami", line.url)
    assert again.returncode == 3
    assert f"nbprocessor login {line.url}" in again.stderr


def test_a_token_that_is_about_to_expire_is_renewed_and_one_that_cannot_be_is_forgotten(line: CommandLine):
    line.sign_in("edda")
    before = line.run("token").stdout
    assert line.run("token").stdout == before
    line.edit(expires=0)
    renewed = line.run("token").stdout
    assert renewed != before
    assert line.signed.bearer(renewed.strip()).get("/jobs").status_code == 200
    line.edit(expires=0, refresh_token="of.another.realm")
    refused = line.run("token")
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert "the sign-in has ended" in refused.stderr
    assert json.loads(line.file.read_text()) == {}


def test_a_sign_in_that_is_refused_in_the_browser_signs_nobody_in(line: CommandLine):
    with line.beginning() as (page, process):
        decide(Visitor(line.signed.server), page, "cora", "cancel")
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "it was refused there" in said
    assert not line.file.exists()


def test_a_command_that_is_killed_while_it_waits_leaves_nothing(line: CommandLine):
    with line.beginning():
        pass
    assert not line.file.exists()


@pytest.mark.parametrize(
    ("url", "status", "sentence"),
    [
        ("http://nbprocessor.example", 3, "tokens must not travel without encryption"),
        ("nbprocessor.example", 3, "no address of a server"),
        ("http://127.0.0.1:1", 4, "does not answer"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_with_its_mend(line: CommandLine, url, status, sentence):
    refused = line.run("login", url)
    assert refused.returncode == status
    assert sentence in refused.stderr


def test_a_file_that_others_may_read_is_not_used(line: CommandLine):
    line.file.parent.mkdir()
    line.file.write_text("{}")
    line.file.chmod(0o644)
    refused = line.run("token", line.url)
    assert refused.returncode == 3
    assert "chmod 600" in refused.stderr
