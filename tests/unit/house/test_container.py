"""The container's files fit the repository; no engine is needed to see that."""

import json
import os
import re
import shlex
import subprocess
import sys
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from nbprocessor.cli.main import nbprocessor
from nbprocessor.config import LOOPBACK, Settings
from tests.unit.house.repository import ROOT

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
COMPOSE = YAML(typ="safe").load((ROOT / "docker" / "compose.yml").read_text())
HOME = "/srv/nbprocessor"


def instructions(name: str) -> list[str]:
    logical = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [line.partition(" ")[2] for line in logical.splitlines() if line.partition(" ")[0] == name]


def test_base_images_are_pinned_by_tag_and_slim():
    images = [line.split()[0] for line in instructions("FROM")]
    assert images
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", image) for image in images)


def test_the_images_python_can_carry_the_project():
    minor = int(re.search(r"python:3\.(\d+)", DOCKERFILE)[1])
    assert minor >= 11


def test_what_is_copied_is_here_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in instructions("COPY"):
        sources = [word for word in shlex.split(line)[:-1] if not word.startswith("--")]
        if "--from=" not in line:
            assert all((ROOT / source).exists() for source in sources), line
            assert all(f"!{source}" in ignored for source in sources), line


def test_the_server_does_not_run_as_root():
    assert instructions("USER") == ["nbprocessor"]
    assert DOCKERFILE.index("\nUSER nbprocessor") < DOCKERFILE.index("\nCMD ")


def test_runs_in_the_container_can_be_sealed():
    assert "bubblewrap" in " ".join(instructions("RUN")).split()
    assert {"seccomp=unconfined", "systempaths=unconfined"} <= set(COMPOSE["services"]["nbprocessor"]["security_opt"])


def test_the_container_runs_a_command_that_exists():
    program, command = YAML(typ="safe").load(instructions("CMD")[-1])
    assert program == nbprocessor.name == "nbprocessor"
    assert command in nbprocessor.commands


def health_check() -> list[str]:
    return json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])


def test_the_health_check_asks_the_servers_default_port():
    assert str(Settings().server.port) in health_check()[2]


def test_the_health_check_asks_the_port_of_the_environment_and_tells_whether_the_server_answers(server):
    port = str(urlsplit(server.url).port)
    check = [sys.executable, *health_check()[1:]]
    for variable, code in ((port, 0), ("1", 1)):
        environment = {**os.environ, "NBPROCESSOR_SERVER__PORT": variable}
        assert subprocess.run(check, env=environment, capture_output=True, check=False).returncode == code


def test_notebooks_and_results_are_volumes_where_the_server_looks_for_them():
    settings = Settings()
    wanted = {f"{HOME}/{settings.notebooks.folder}", f"{HOME}/{settings.results.folder}"}
    assert instructions("WORKDIR")[-1] == HOME
    assert set(YAML(typ="safe").load(instructions("VOLUME")[0])) == wanted
    mounted = {volume.split(":")[1] for volume in COMPOSE["services"]["nbprocessor"]["volumes"]}
    assert wanted <= mounted


def test_compose_builds_this_image_and_mounts_what_is_here():
    service = COMPOSE["services"]["nbprocessor"]
    folder = ROOT / "docker"
    assert (folder / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    for volume in service["volumes"]:
        source = volume.split(":")[0]
        assert (folder / source).is_dir() if source.startswith(".") else source in COMPOSE["volumes"]


def test_the_container_is_reached_on_the_hosts_loopback_while_sign_in_is_off():
    service = COMPOSE["services"]["nbprocessor"]
    assert Settings().server.host in LOOPBACK
    assert service["network_mode"] == "host"
    assert "ports" not in service


def test_compose_sets_variables_that_exist():
    for variable in COMPOSE["services"]["nbprocessor"]["environment"]:
        section, key = variable.removeprefix("NBPROCESSOR_").lower().split("__")
        assert key in type(Settings.model_fields[section].default).model_fields
