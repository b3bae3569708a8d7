"""Where settings come from: the file, the environment and the command line, as sections with keys."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nbprocessor.config.settings import Settings
from nbprocessor.errors import SettingsError

DEFAULT_FILE = Path("config/nbprocessor.yml")
PREFIX = "NBPROCESSOR_"
# The platform's own variables: name → (section, key).
PLATFORM_VARIABLES: Mapping[str, tuple[str, str]] = {
    "PROCESS_RESULTS_DIR": ("results", "folder"),
    "KOMMONITOR_DATA_MANAGEMENT_URL": ("data", "source"),
    "KOMMONITOR_PROCESSES_API_ALLOWED_CORS_ORIGINS": ("server", "cors_origins"),
    "KC_HOSTNAME": ("auth", "keycloak"),
    "KC_HOSTNAME_PATH": ("auth", "path"),
    "KC_REALM_NAME": ("auth", "realm"),
    "KC_CLIENT_ID": ("auth", "client_id"),
    "KC_CLIENT_SECRET": ("auth", "client_secret"),
    "KC_TARGET_CLIENT_ID": ("auth", "target_client_id"),
}
SECRETS = ("KC_CLIENT_SECRET", f"{PREFIX}AUTH__CLIENT_SECRET")
"""Variables that hold a secret."""


def settings_file(file: Path | None) -> Path | None:
    """Return the file that is named, else the working folder's own, if it has one.

    Raises:
        SettingsError: The file that is named is not there.
    """
    if file is not None:
        if not file.is_file():
            raise SettingsError(f"{file}: there is no such settings file; name another with --config.", file=file)
        return file.absolute()
    return DEFAULT_FILE.absolute() if DEFAULT_FILE.is_file() else None


def document(file: Path) -> dict[str, Any]:
    """Read the settings file as YAML 1.2: ``no`` is a text, and a key given twice is an error.

    Raises:
        SettingsError: It cannot be read, or is not YAML.
    """
    try:
        document = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{file}{line}: this is not YAML: {error.problem}.", file=file) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: this is not YAML in UTF-8: {error}.", file=file) from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}.", file=file) from None
    if not isinstance(document, dict | None):
        raise SettingsError(f"{file}: settings are sections with keys, such as {_EXAMPLE}.", file=file)
    return {str(section): content for section, content in (document or {}).items() if content is not None}


_EXAMPLE = '"server:" and below it, indented, "port: 8099"'


def environment() -> Mapping[str, Mapping[str, str]]:
    """Return what environment variables say, as sections; our own names count before the platform's.

    Raises:
        SettingsError: A variable of ours names a section that is none.
    """
    sections: dict[str, dict[str, str]] = {}
    for variable, (section, key) in PLATFORM_VARIABLES.items():
        if value := os.environ.get(variable):
            sections.setdefault(section, {})[key] = value
    for variable, value in os.environ.items():
        section, nested, key = variable.removeprefix(PREFIX).lower().partition("__")
        if variable.startswith(PREFIX) and nested:
            if section not in Settings.model_fields:
                known = ", ".join(sorted(Settings.model_fields))
                raise SettingsError(
                    f"environment variable {variable}: there is no section {section}; known: {known}.",
                    key=section,
                )
            sections.setdefault(section, {})[key] = value
    return sections


def forget_secrets() -> None:
    """Take the secrets out of the environment: what this program starts must not have them."""
    for variable in SECRETS:
        os.environ.pop(variable, None)


def merged(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Merge sections key by key, later sources over earlier ones; validation names what is no section."""
    merged: dict[str, Any] = {}
    for source in sources:
        for section, content in source.items():
            known = merged.get(section, {})
            both = isinstance(known, Mapping) and isinstance(content, Mapping)
            merged[section] = {**known, **content} if both else known or content
    return merged
