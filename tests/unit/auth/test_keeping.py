"""What the command line keeps of sign-ins, and where."""

import json
import threading

import keyring
import pytest
from keyring.backend import KeyringBackend

from nbprocessor.auth.keeping import Keeping, usable_keyring
from nbprocessor.errors import SettingsError

SERVER = "https://nbprocessor.example"
SIGN_IN = {"issuer": "https://keycloak.example/realms/kommonitor", "tokens": {"access_token": "secret", "expires": 1}}


class Memory(KeyringBackend):
    """A keyring that is there as long as the test."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.locked = False

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        if self.locked:
            raise keyring.errors.PasswordSetError("locked")
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError("not there")
        del self.kept[service, username]


@pytest.fixture
def memory():
    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


def test_without_a_keyring_tokens_are_in_a_file_for_this_user_only(tmp_path):
    keeping = Keeping(tmp_path / "new")
    assert keeping.put(SERVER, SIGN_IN) == str(tmp_path / "new" / "sign-ins.json")
    assert keeping.get(SERVER) == SIGN_IN
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "sign-ins.json").stat().st_mode & 0o777 == 0o600
    keeping.remove(SERVER)
    assert keeping.get(SERVER) is None
    assert keeping.servers() == []


def test_with_a_keyring_the_file_has_no_token(tmp_path, memory):
    keeping = Keeping(tmp_path, usable_keyring())
    assert keeping.put(SERVER, SIGN_IN) == "the keyring"
    assert "secret" not in (tmp_path / "sign-ins.json").read_text()
    assert keeping.get(SERVER) == SIGN_IN
    assert Keeping(tmp_path).get(SERVER) is None  # whoever has the file alone has nothing
    keeping.remove(SERVER)
    assert memory.kept == {}
    assert keeping.get(SERVER) is None


def test_a_keyring_that_is_locked_is_not_waited_for(tmp_path, memory):
    memory.locked = True
    keeping = Keeping(tmp_path, usable_keyring())
    assert keeping.put(SERVER, SIGN_IN) == str(tmp_path / "sign-ins.json")
    assert keeping.get(SERVER) == SIGN_IN


def test_signing_in_to_two_servers_keeps_both(tmp_path):
    keeping = Keeping(tmp_path)
    other = f"{SERVER}/other"
    threads = [threading.Thread(target=_put, args=(tmp_path, server)) for server in (SERVER, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keeping.servers() == [SERVER, other]


def _put(folder, server):
    keeping = Keeping(folder)
    with keeping.alone():
        keeping.put(server, SIGN_IN)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({SERVER: "x"})])
def test_a_damaged_file_is_named(tmp_path, text):
    file = tmp_path / "sign-ins.json"
    file.touch(0o600)
    file.write_text(text)
    with pytest.raises(SettingsError, match="is damaged"):
        Keeping(tmp_path).get(SERVER)
