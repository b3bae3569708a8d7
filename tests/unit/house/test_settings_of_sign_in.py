"""The settings of signing in: what the platform's variables mean, what is refused, and where secrets go."""

import os

import pytest

from nbprocessor import config
from nbprocessor.config.sources import SECRETS
from nbprocessor.errors import SettingsError

KEYCLOAK = {"KC_HOSTNAME": "keycloak.example:8443", "KC_REALM_NAME": "kommonitor-demo"}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path):
    for variable in {*config.PLATFORM_VARIABLES, *(name for name in os.environ if name.startswith(config.PREFIX))}:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch):
    def set_to(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_to


def complaint() -> str:
    with pytest.raises(SettingsError) as caught:
        config.load()
    return str(caught.value)


def test_without_a_keycloak_sign_in_is_off():
    assert not config.load().auth.on


def test_the_variables_of_the_old_system_turn_it_on(environment):
    environment(**KEYCLOAK, KC_HOSTNAME_PATH="/auth", KC_CLIENT_ID="c", KC_TARGET_CLIENT_ID="t", KC_CLIENT_SECRET="s3")
    auth = config.load().auth
    assert auth.on
    assert auth.issuer_url == "https://keycloak.example:8443/auth/realms/kommonitor-demo"
    assert (auth.client_id, auth.target_client_id, auth.secret()) == ("c", "t", "s3")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"KC_REALM_NAME": "r"}, "auth.realm is set and auth.keycloak is not"),
        ({"KC_CLIENT_SECRET": "s3"}, "auth.client_secret is set and auth.keycloak is not"),
        ({"KC_HOSTNAME": "k"}, "auth.keycloak is set and auth.realm is not"),
        (KEYCLOAK | {"KC_HOSTNAME": "http://keycloak.example"}, "tokens must not travel without encryption"),
        (KEYCLOAK | {"KC_HOSTNAME": "http://127.0.0.1.example"}, "tokens must not travel without encryption"),
        (KEYCLOAK | {"KC_HOSTNAME": "ftp://keycloak.example"}, "it has to be host, host:port or a URL"),
        (KEYCLOAK | {"KC_HOSTNAME": "https://me@keycloak.example"}, "it has to be host, host:port or a URL"),
        (KEYCLOAK | {"KC_HOSTNAME": "keycloak.example:http"}, "it has to be host, host:port or a URL"),
        (KEYCLOAK | {"KC_CLIENT_SECRET": "processor-secret"}, "which everybody knows"),
        (KEYCLOAK | {"NBPROCESSOR_AUTH__INTROSPECT": "true"}, "auth.introspect needs the client's secret"),
    ],
)
def test_half_a_sign_in_and_an_unsafe_one_are_refused(environment, variables, sentence):
    environment(**variables)
    assert sentence in complaint()


def test_the_secret_everybody_knows_is_for_development(environment):
    environment(**KEYCLOAK, KC_CLIENT_SECRET="processor-secret", NBPROCESSOR_AUTH__DEVELOPMENT="true")
    assert config.load().auth.on


def test_this_machines_own_keycloak_needs_no_encryption(environment):
    environment(**KEYCLOAK | {"KC_HOSTNAME": "http://127.0.0.1:8080"})
    assert config.load().auth.issuer_url == "http://127.0.0.1:8080/realms/kommonitor-demo"


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_is_taken_out_of_the_environment(environment, variable):
    environment(**KEYCLOAK, **{variable: "s3cret"})
    settings = config.load()
    assert settings.auth.secret() == "s3cret"
    assert variable not in os.environ
    assert "s3cret" not in repr(settings)


def test_a_secret_is_read_from_its_file(environment, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    environment(**KEYCLOAK, NBPROCESSOR_AUTH__CLIENT_SECRET_FILE="secret")
    assert config.load().auth.secret() == "s3cret"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file"),
        (b"\n", "is empty"),
        (b"processor-secret", "everybody knows"),
        (b"\xff", "text"),
    ],
)
def test_a_file_without_a_usable_secret_is_named(environment, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    environment(**KEYCLOAK, NBPROCESSOR_AUTH__CLIENT_SECRET_FILE="secret")
    said = complaint()
    assert "auth.client_secret_file: secret" in said
    assert sentence in said


def test_a_secret_of_the_wrong_form_is_not_repeated(tmp_path):
    (tmp_path / "settings.yml").write_text("auth: {keycloak: k, realm: r, client_secret: 12345678}")
    with pytest.raises(SettingsError) as caught:
        config.load(tmp_path / "settings.yml")
    assert "auth.client_secret has to be a text" in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_with_sign_in_the_server_may_listen_on_any_address(environment):
    environment(NBPROCESSOR_SERVER__HOST="0.0.0.0")
    assert "sign-in is off" in complaint()
    environment(**KEYCLOAK)
    assert config.load().server.host == "0.0.0.0"
