"""Servers that cannot start: a sentence that names the file, the setting or the port, and the mend."""

import os
import socket
import subprocess

import pytest

from tests.faults.conftest import serve

WRONG, UNAVAILABLE = 3, 4


def test_a_port_that_is_taken_is_named(tmp_path, notebooks):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = serve(notebooks, tmp_path / "results", "--port", str(port))
    assert said.code == UNAVAILABLE
    assert f"Port {port} on 127.0.0.1 is taken; choose another with --port." in said.text


def test_an_address_others_can_reach_is_refused(tmp_path, notebooks):
    said = serve(notebooks, tmp_path / "results", "--host", "0.0.0.0")
    assert (said.code, "sign-in is off" in said.text) == (WRONG, True)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("NBPROCESSOR_EXECUTION__SLOTS", "many", ["NBPROCESSOR_EXECUTION__SLOTS", "a whole number"]),
        ("NBPROCESSOR_STORE__URL", "mysql://host/name", ["store.url", "mysql", "postgresql"]),
        ("NBPROCESSOR_RESULTS__URL", "nowhere://bucket", ["results.url", "nowhere"]),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_has_to_be(tmp_path, notebooks, variable, value, words):
    said = serve(notebooks, tmp_path / "results", **{variable: value})
    assert said.code == WRONG
    assert [word for word in words if word not in said.text] == [], said.text


def test_a_results_folder_that_is_a_file_is_named(tmp_path, notebooks):
    (tmp_path / "results").write_text("no folder")
    said = serve(notebooks, tmp_path / "results")
    assert (said.code, str(tmp_path / "results") in said.text) == (UNAVAILABLE, True)
    assert (tmp_path / "results").read_text() == "no folder"


def test_a_results_folder_that_cannot_be_written_is_named(tmp_path, notebooks):
    results = tmp_path / "results"
    results.mkdir()
    if os.geteuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(results)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"a read-only file system cannot be mounted here ({done.stderr.strip()})")
    else:
        results.chmod(0o500)
    try:
        # The database elsewhere: it is the folder of the jobs that is looked at.
        said = serve(notebooks, results, NBPROCESSOR_STORE__URL=f"sqlite:///{tmp_path / 'jobs.db'}")
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(results)], check=True)
    assert (said.code, f"The folder {results} cannot be used" in said.text) == (UNAVAILABLE, True), said


def test_a_folder_of_notebooks_that_is_not_there_is_named(tmp_path, notebooks):
    said = serve(tmp_path / "nowhere" / "notebooks", tmp_path / "results")
    assert (said.code, "There is no such folder of notebooks" in said.text) == (WRONG, True)
