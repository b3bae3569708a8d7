"""Settings: which source counts, and the sentences about what is wrong."""

import os
from pathlib import Path

import pytest

from nbprocessor import config
from nbprocessor.errors import SettingsError


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path):
    for variable in [
        *config.PLATFORM_VARIABLES,
        *(name for name in os.environ if name.startswith(config.PREFIX)),
    ]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path):
    def written(text: str | bytes) -> Path:
        path = tmp_path / "settings.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def complaint(path: Path | None = None, **overrides) -> str:
    with pytest.raises(SettingsError) as caught:
        config.load(path, **overrides)
    return str(caught.value)


def test_command_line_counts_before_environment_before_file_before_default(file, monkeypatch):
    path = file("server: {port: 1, page_size: 2, language: en}")
    monkeypatch.setenv("NBPROCESSOR_SERVER__PORT", "3")
    monkeypatch.setenv("NBPROCESSOR_SERVER__PAGE_SIZE", "4")
    server = config.load(path, server={"port": 5, "host": None}).server
    assert (server.port, server.page_size, server.language, server.host) == (5, 4, "en", "127.0.0.1")


def test_the_file_of_the_working_folder_is_found(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "nbprocessor.yml").write_text("server: {port: 8100}")
    assert config.load().server.port == 8100


def test_the_variables_of_the_platform_keep_their_meaning(monkeypatch, tmp_path):
    monkeypatch.setenv("PROCESS_RESULTS_DIR", str(tmp_path / "jobs"))
    monkeypatch.setenv("KOMMONITOR_DATA_MANAGEMENT_URL", "http://localhost:8085/management/")
    monkeypatch.setenv("KOMMONITOR_PROCESSES_API_ALLOWED_CORS_ORIGINS", "http://a, http://b")
    settings = config.load()
    assert settings.results.folder == tmp_path / "jobs"
    assert settings.data.source == "http://localhost:8085/management/"
    assert settings.server.cors_origins == ("http://a", "http://b")


def test_a_variable_of_ours_counts_before_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setenv("PROCESS_RESULTS_DIR", str(tmp_path / "theirs"))
    monkeypatch.setenv("NBPROCESSOR_RESULTS__FOLDER", str(tmp_path / "ours"))
    assert config.load().results.folder == tmp_path / "ours"


@pytest.mark.parametrize("value", ["80,8080", "80, 8080", "[80, 8080]"])
def test_a_variable_holds_a_list(value, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_OUTBOUND__PORTS", value)
    assert config.load().outbound.ports == (80, 8080)


def test_an_empty_variable_is_an_empty_list(monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_SERVER__CORS_ORIGINS", "")
    assert config.load().server.cors_origins == ()


def test_folders_are_absolute_once_loaded(tmp_path):
    settings = config.load(notebooks={"folder": Path("mine")})
    assert settings.notebooks.folder == tmp_path / "mine"
    assert settings.store_url == f"sqlite:///{tmp_path / 'results' / 'nbprocessor.db'}"


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\n", "{}"])
def test_an_empty_file_or_section_leaves_the_defaults(file, text):
    assert config.load(file(text)) == config.load()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("server: {port: 80a}", "server.port is '80a'; it has to be a whole number."),
        ("server: {port: 70000}", "server.port is 70000; it has to be at most 65535."),
        ("server: {language: fr}", "server.language is 'fr'; it has to be 'de' or 'en'."),
        ("server: {prot: 1}", "there is no setting server.prot; known here: cors_origins, host,"),
        ("sever: {port: 1}", "there is no setting sever; known here: auth, data, execution,"),
        ("server: 8099", "server is 8099; it has to be a section with keys."),
        (
            "metadata: {title: 5}",
            "metadata.title is 5; it has to be a text (quote it if it looks like a number).",
        ),
        ("execution: {sync_wait: no}", "execution.sync_wait is 'no'; it has to be a number."),
        ("outbound: {ports: 80}", "outbound.ports is 80; it has to be a list."),
        ("notebooks: {folder: [a]}", "notebooks.folder is ['a']; it has to be a path."),
        ("- server", 'settings are sections with keys, such as "server:"'),
        ("just words", "settings are sections with keys"),
    ],
)
def test_a_wrong_value_is_a_sentence_that_names_file_key_and_mend(file, text, sentence):
    path = file(text)
    said = complaint(path)
    assert said.startswith(f"{path}: {sentence}")
    assert "\n" not in said


def test_every_fault_is_named_not_the_first(file):
    said = complaint(file("server: {port: x, page_size: 0}\nexecution: {queue: 0}")).splitlines()
    assert len(said) == 3


def test_a_number_that_is_a_text_in_the_environment_is_a_number(monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_EXECUTION__SYNC_WAIT", "1.5")
    assert config.load().execution.sync_wait == 1.5


def test_a_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_SERVER__PORT", "x")
    assert complaint().startswith("environment variable NBPROCESSOR_SERVER__PORT: server.port is 'x'")


@pytest.mark.parametrize("variable", ["NBPROCESSOR_SEVER__PORT", "NBPROCESSOR_SERVER__PROT"])
def test_a_misspelt_variable_is_refused(variable, monkeypatch):
    monkeypatch.setenv(variable, "1")
    assert complaint().startswith(f"environment variable {variable}: there is no se")


def test_the_kernels_own_variables_are_no_settings(monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_JOB_ID", "x")
    monkeypatch.setenv("NBPROCESSOR_SOURCE", "demo")
    config.load()


def test_a_wrong_option_is_said_to_be_on_the_command_line():
    assert complaint(server={"port": -1}) == "command line: server.port is -1; it has to be at least 0."


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_while_sign_in_is_off_only_this_machine_may_be_served(file, host):
    said = complaint(file(f'server: {{host: "{host}"}}'))
    assert f"server.host is '{host}', and sign-in is off" in said
    assert "Use 127.0.0.1" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_machines_own_addresses_may_be_served(host):
    assert config.load(server={"host": host}).server.host == host


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"server:\n  port: 1\n  port: 2\n", ', line 3: this is not YAML: found duplicate key "port"'),
        (b"server:\n  port: [1\n", ", line 3: this is not YAML: expected"),
        (b"server:\n\tport: 1\n", ", line 2: this is not YAML: found character"),
        (b"\xff\xfe", ": this is not YAML in UTF-8"),
        (b"a\x00b: 1", ": this is not YAML in UTF-8"),
        (
            b"server: !!python/object:os.system {}",
            ", line 1: this is not YAML: could not determine a constructor",
        ),
    ],
)
def test_a_file_that_is_no_yaml_is_named_with_its_line(file, content, sentence):
    path = file(content)
    assert complaint(path).startswith(f"{path}{sentence}")


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert (
        complaint(tmp_path / "no.yml")
        == f"{tmp_path / 'no.yml'}: there is no such settings file; name another with --config."
    )


def test_a_folder_is_no_settings_file(tmp_path):
    assert "there is no such settings file" in complaint(tmp_path)


def test_the_error_carries_file_and_key(file):
    path = file("server: {port: x}")
    with pytest.raises(SettingsError) as caught:
        config.load(path)
    assert (caught.value.file, caught.value.key) == (path, "server.port")


def test_secrets_are_files_by_name_in_the_file_and_in_a_variable(file, monkeypatch, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("value")
    expected = {"A": tmp_path / "a", "B_2": tmp_path / "b"}
    path = file(f"data: {{secrets: {{A: {tmp_path}/a, B_2: {tmp_path}/b}}}}")
    assert config.load(path).data.secrets == expected
    monkeypatch.setenv("NBPROCESSOR_DATA__SECRETS", f"A={tmp_path}/a, B_2={tmp_path}/b")
    assert config.load().data.secrets == expected


def test_a_secret_without_a_file_is_told_when_the_server_starts(file, tmp_path):
    said = complaint(file(f"data: {{secrets: {{KEY: {tmp_path}/none}}}}"))
    assert f"data.secrets.KEY is '{tmp_path}/none': there is no file {tmp_path}/none that can be read." in said
    assert "data.secrets.key" in complaint(file(f"data: {{secrets: {{key: {tmp_path}}}}}"))


@pytest.mark.parametrize(
    ("notice", "key"),
    [
        ({"host": "mail"}, "sender"),
        ({"host": "mail", "sender": "A <a@example.org>"}, "sender"),
        ({"operator": "a@example.org"}, "operator"),
        (
            {"host": "mail", "sender": "a@example.org", "domains": "example.org", "operator": "b@example.com"},
            "operator",
        ),
        ({"host": "mail", "sender": "a@example.org", "user": "a"}, "user"),
        ({"host": "mail", "sender": "a@example.org", "user": "a", "password_file": "/nowhere"}, "password_file"),
        ({"host": "mail", "sender": "a@example.org", "user": "a", "password_file": __file__, "tls": "none"}, "tls"),
    ],
)
def test_notices_that_could_not_be_sent_are_refused_at_the_start(notice, key):
    with pytest.raises(SettingsError, match=rf"notice\.{key} ") as caught:
        config.load(notice=notice)
    assert caught.value.key == f"notice.{key}"
