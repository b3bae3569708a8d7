"""What the command line keeps of its sign-ins: tokens in the system's keyring, else in a file for this user only."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from nbprocessor.errors import SettingsError

SERVICE = "nbprocessor"
"""What the keyring calls these tokens."""
FILE = "sign-ins.json"


class Keeping:
    """The sign-ins of this user, by the server's address. May be used by several programs at once."""

    def __init__(self, folder: Path, keyring: Any = None) -> None:
        """Take the places.

        Args:
            folder: Where the file is, or will be.
            keyring: The module ``keyring``; None: tokens are in the file, too.
        """
        self._file = folder / FILE
        self._keyring = keyring

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other programs from changing sign-ins meanwhile: a refresh token must not be used twice."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(f"{self._file}.lock", timeout=30, mode=0o600):
            yield

    def servers(self) -> list[str]:
        """Return the servers that somebody has signed in to."""
        return sorted(self._read())

    def get(self, server: str) -> Mapping[str, Any] | None:
        """Return a sign-in; None: there is none."""
        known = self._read().get(server)
        if known is None or "tokens" in known:
            return known
        if self._keyring is None:
            return None
        with suppress(self._keyring.errors.KeyringError, ValueError):
            kept = self._keyring.get_password(SERVICE, server)
            return None if kept is None else {**known, "tokens": json.loads(kept)}
        return None

    def put(self, server: str, sign_in: Mapping[str, Any]) -> str:
        """Keep a sign-in and return where its tokens are, in words."""
        facts = {name: value for name, value in sign_in.items() if name != "tokens"}
        place = "the keyring"
        if not self._put_into_keyring(server, json.dumps(sign_in["tokens"])):
            facts, place = dict(sign_in), str(self._file)
        self._write(self._read() | {server: facts})
        return place

    def remove(self, server: str) -> None:
        """Forget a sign-in."""
        known = self._read()
        if self._keyring is not None:
            with suppress(self._keyring.errors.KeyringError):
                self._keyring.delete_password(SERVICE, server)
        if known.pop(server, None) is not None:
            self._write(known)

    def _put_into_keyring(self, server: str, tokens: str) -> bool:
        if self._keyring is None:
            return False
        with suppress(self._keyring.errors.KeyringError):
            self._keyring.set_password(SERVICE, server, tokens)
            return True
        return False

    def _read(self) -> dict[str, Any]:
        """Read the file.

        Raises:
            SettingsError: Others may read it, or it is not as it was written.
        """
        try:
            if os.name == "posix" and self._file.stat().st_mode & 0o077:
                raise SettingsError(
                    f"{self._file} may be read by others; run chmod 600 {self._file}, and sign in anew."
                )
            document = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            document = None
        if not isinstance(document, dict) or not all(isinstance(known, dict) for known in document.values()):
            raise SettingsError(f"{self._file} is damaged; remove it, and sign in anew.")
        return document

    def _write(self, document: Mapping[str, Any]) -> None:
        """Write the file whole or not at all; it is never there for others to read."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=f".{FILE}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def usable_keyring() -> Any:
    """Return the module ``keyring`` where it is installed and this system has one; else None."""
    try:
        import keyring  # noqa: PLC0415  # optional, and slow to import
        from keyring.backends import fail, null  # noqa: PLC0415  # likewise
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring) else keyring
