"""Mistakes at the command line end in a sentence that names the place and the mend, and in the exit code for it."""

import socket

import pytest

JOB = "4be5c6f2-6c1f-4b45-9c1e-0b6f3fb5a2d1"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["jbos"], "No such command 'jbos'"),
        (["serve", "--port", "99999"], "99999 is not in the range"),
        (["serve", "--prot", "1"], "No such option"),
        (["run"], "Missing argument 'PROCESS'"),
        (["run", "x", "-p", "name"], "requires 2 arguments"),
        (["run", "x", "-f", "missing.json"], "'missing.json': No such file or directory"),
        (["run", "x", "-f", "."], "Is a directory"),
        (["jobs", "--status", "lost"], "'lost' is not one of 'accepted', 'running'"),
        (["jobs", "--limit", "0"], "0 is not in the range"),
        (["logs", "nonsense"], "'nonsense' is not a valid UUID"),
        (["results"], "Missing argument 'JOB_ID'"),
        (["results", JOB, "--to", "file"], "'file' is a file"),
    ],
)
def test_a_wrong_command_line_is_2(call, tmp_path, arguments, sentence):
    (tmp_path / "file").touch()
    done = call(*arguments)
    assert done.code == 2
    assert sentence in done.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config", "no.yml", "serve"], "no.yml: there is no such settings file; name another with --config."),
        (["serve", "--host", "0.0.0.0"], "server.host is '0.0.0.0', and sign-in is off: everybody who reaches"),
        (["serve", "--notebooks", "missing", "--port", "0"], "missing: There is no such folder of notebooks."),
        (["serve", "--notebooks", "notebooks", "--port", "0"], "There is no such folder of notebooks."),
        (["run", "x", "--notebooks", "missing"], "missing: There is no such folder of notebooks."),
        (["run", "missing.ipynb"], "missing.ipynb: The file cannot be read: No such file or directory."),
        (["run", "broken.ipynb"], "broken.ipynb: The file is not JSON: Expecting value (line 1, column 1)."),
        (["describe", "broken.ipynb"], "broken.ipynb: The file is not JSON"),
        (["describe", "."], "nbprocessor: .: "),
        (["check", "missing"], "missing: There is no such notebook or folder."),
        (["jobs"], "results: there is no such results folder, nothing ran here; name another with --results."),
        (["logs", JOB, "--results", "missing"], "missing: there is no such results folder"),
        (["results", JOB, "--results", "missing"], "missing: there is no such results folder"),
        (["init", "a b"], '"a b" is no process id: begin with a letter'),
    ],
)
def test_a_wrong_setting_notebook_or_id_is_3(call, tmp_path, arguments, sentence):
    (tmp_path / "broken.ipynb").write_text("x")
    done = call(*arguments)
    assert done.code == 3
    assert done.err.startswith("nbprocessor: ")
    assert sentence in done.err


def test_a_command_that_only_reads_makes_no_folder(call, tmp_path):
    call("jobs", "--results", "misspelt")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named_with_its_place(call, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_SERVER__PORT", "x")
    done = call("jobs")
    assert done.code == 3
    assert done.err.startswith("nbprocessor: environment variable NBPROCESSOR_SERVER__PORT: server.port is 'x'")


def test_every_wrong_setting_is_a_line_of_its_own(call, tmp_path):
    (tmp_path / "s.yml").write_text("server: {port: x, page_size: 0}")
    said = call("--config", "s.yml", "jobs").err.splitlines()
    assert len(said) == 2 and all(line.startswith("nbprocessor: ") for line in said)


def test_a_port_that_is_taken_is_4(call):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = call("serve", "--port", port)
    assert done.code == 4
    assert done.err == f"nbprocessor: Port {port} on 127.0.0.1 is taken; choose another with --port.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "x", "--results", "file"], "file cannot be used (Not a directory)"),
        (["jobs", "--results", "file"], "file/nbprocessor.db cannot be made: File exists."),
        (["init", "x", "--notebooks", "file"], "file: File exists."),
        (["init", "--notebooks", "file/below"], "file/below: Not a directory."),
    ],
)
def test_a_folder_that_cannot_be_used_is_4(call, tmp_path, examples, arguments, sentence):
    (tmp_path / "file").touch()
    done = call(*arguments)
    assert done.code == 4
    assert sentence in done.err


def test_a_database_that_does_not_answer_is_4(call, tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    monkeypatch.setenv("NBPROCESSOR_STORE__URL", "postgresql://nobody@127.0.0.1:1/x")
    done = call("jobs")
    assert done.code == 4
    assert "127.0.0.1:1/x cannot be used" in done.err and "store.url" in done.err
