"""Settings: from ``config/nbprocessor.yml``, overridden by environment; says what is wrong with them.

Every key of the file can be overridden by ``NBPROCESSOR_<SECTION>__<KEY>``, for instance
``NBPROCESSOR_SERVER__PORT=8100``; lists are written ``a, b``. The names the KomMonitor platform already uses
keep their meaning: ``PROCESS_RESULTS_DIR``, ``KOMMONITOR_DATA_MANAGEMENT_URL`` and
``KOMMONITOR_PROCESSES_API_ALLOWED_CORS_ORIGINS``.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nbprocessor.errors import SettingsError

DEFAULT_FILE = Path("config/nbprocessor.yml")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PREFIX = "NBPROCESSOR_"
REFUSED = "refused"
"""Type of the faults whose message is a whole sentence; ``location`` in their context names the setting."""


def _listed(value: object) -> object:
    """Take ``a, b`` and ``["a", "b"]`` for lists, as environment variables have them."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip(" \"'") for part in value.strip(" []").split(",") if part.strip())


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Numbers = Annotated[tuple[int, ...], BeforeValidator(_listed)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    """Where the server listens and what it calls itself."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8099
    url: str = ""
    """Public base URL when the server stands behind a proxy; empty: as the request names it."""
    cors_origins: Texts = ("http://localhost:8000",)
    max_body: Annotated[int, Field(ge=1024)] = 10_000_000
    """Bytes a request body may have."""
    language: Literal["de", "en"] = "de"
    """Language of answers when the client asks for none."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 10
    max_page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000


class Metadata(_Section):
    """What the landing page says of the service."""

    title: str = "nbprocessor"
    description: str = "Prozesse als Jupyter-Notebooks / processes as Jupyter notebooks"
    provider: str = "KomMonitor"
    provider_url: str = "https://kommonitor.de"
    contact: str = ""
    license: str = "Apache-2.0"
    license_url: str = "https://www.apache.org/licenses/LICENSE-2.0"


class Notebooks(_Section):
    """Where the processes are."""

    folder: Path = Path("notebooks")


class Results(_Section):
    """Where the job folders go."""

    folder: Path = Path("results")
    url: str = ""
    """An fsspec URL (s3://…) that keeps finished job folders; empty: they stay in ``folder``."""
    reserve: Annotated[int, Field(ge=0)] = 200_000_000
    """Bytes of free disk below which no new job is accepted."""


class Store(_Section):
    """The index over the job folders."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite ``nbprocessor.db`` in the results folder."""


class Execution(_Section):
    """How jobs run."""

    executor: Literal["auto", "direct", "subprocess"] = "auto"
    workers: Annotated[int, Field(ge=0)] = 0
    """Jobs running at once; 0: as many as the machine has cores."""
    queue: Annotated[int, Field(ge=1)] = 200
    """Jobs waiting at most; one more gets 503 with Retry-After."""
    per_process: Annotated[int, Field(ge=0)] = 0
    """Jobs of one process running at once, when its front matter says nothing; 0: no limit."""
    sync_wait: Annotated[float, Field(gt=0)] = 30.0
    """Seconds a synchronous request is kept waiting before it becomes asynchronous."""
    time_limit: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds a run may take, when the front matter says nothing."""
    start_timeout: Annotated[float, Field(gt=0)] = 60.0
    """Seconds a kernel may take to start."""
    dismiss_grace: Annotated[float, Field(ge=0, le=4)] = 2.0
    """Seconds between asking a dismissed run to end and killing it."""
    log_limit: Annotated[int, Field(ge=1024)] = 5_000_000
    """Bytes of log kept per job."""


class Data(_Section):
    """Where the notebooks' data comes from."""

    source: str = "demo"
    """``demo``, a folder, or the base URL of a Data Management API (with or without ``/management``)."""


class Outbound(_Section):
    """Calls to addresses that clients name: callbacks and inputs by reference."""

    allow_hosts: Texts = ()
    """Hosts (``host`` or ``host:port``) inside the network that may be called; public ones always may."""
    ports: Numbers = (80, 443)
    connect_timeout: Annotated[float, Field(gt=0)] = 5.0
    read_timeout: Annotated[float, Field(gt=0)] = 10.0
    max_bytes: Annotated[int, Field(ge=1024)] = 50_000_000
    """Bytes of an input given by reference."""
    callback_attempts: Annotated[int, Field(ge=1, le=20)] = 6
    callback_backoff: Annotated[float, Field(gt=0)] = 2.0
    """Seconds before the second attempt; doubled for each further one."""


class Logging(_Section):
    """What the server writes to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(_Section):
    """All settings; paths are absolute once loaded by :func:`load`."""

    server: Server = Server()
    metadata: Metadata = Metadata()
    notebooks: Notebooks = Notebooks()
    results: Results = Results()
    store: Store = Store()
    execution: Execution = Execution()
    data: Data = Data()
    outbound: Outbound = Outbound()
    logging: Logging = Logging()

    @field_validator("server")
    @classmethod
    def _loopback_while_sign_in_is_off(cls, server: Server) -> Server:
        if server.host not in LOOPBACK:
            raise PydanticCustomError(
                REFUSED,
                "server.host is '{host}', and sign-in is off: everybody who reaches this address could run "
                "notebooks. Use 127.0.0.1 (a proxy on this machine may stand in front).",
                {"host": server.host, "location": ("server", "host")},
            )
        return server

    @property
    def store_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.store.url or f"sqlite:///{self.results.folder / 'nbprocessor.db'}"

    @property
    def worker_count(self) -> int:
        """Jobs running at once, with the default filled in."""
        return self.execution.workers or os.cpu_count() or 1


# The platform's own variables: name → (section, key).
PLATFORM_VARIABLES: Mapping[str, tuple[str, str]] = {
    "PROCESS_RESULTS_DIR": ("results", "folder"),
    "KOMMONITOR_DATA_MANAGEMENT_URL": ("data", "source"),
    "KOMMONITOR_PROCESSES_API_ALLOWED_CORS_ORIGINS": ("server", "cors_origins"),
}


def load(file: Path | None = None, **overrides: Mapping[str, Any]) -> Settings:
    """Load the settings: ``overrides`` (command line) over environment over file over defaults.

    Args:
        file: Settings file; None: ``config/nbprocessor.yml`` when it is there, else defaults.
        overrides: Sections with keys, as in ``load(server={"port": 8100})``; None values are left out.

    Raises:
        SettingsError: The file cannot be read, or a value is wrong; the sentence names place, key and mend.
    """
    path = _settings_file(file)
    given = {name: {k: v for k, v in section.items() if v is not None} for name, section in overrides.items()}
    try:
        settings = Settings.model_validate(_merged(_document(path) if path else {}, _environment(), given))
    except ValidationError as error:
        raise _wrong(error, path, given) from None
    return settings.model_copy(
        update={
            "notebooks": settings.notebooks.model_copy(update={"folder": settings.notebooks.folder.absolute()}),
            "results": settings.results.model_copy(update={"folder": settings.results.folder.absolute()}),
        }
    )


def _settings_file(file: Path | None) -> Path | None:
    if file is not None:
        if not file.is_file():
            raise SettingsError(f"{file}: there is no such settings file; name another with --config.", file=file)
        return file.absolute()
    return DEFAULT_FILE.absolute() if DEFAULT_FILE.is_file() else None


def _document(file: Path) -> dict[str, Any]:
    """Read the settings file as YAML 1.2: ``no`` is a text, and a key given twice is an error."""
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


def _environment() -> Mapping[str, Mapping[str, str]]:
    """Return what environment variables say, as sections; our own names count before the platform's."""
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


def _merged(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Merge sections key by key, later sources over earlier ones; validation names what is no section."""
    merged: dict[str, Any] = {}
    for source in sources:
        for section, content in source.items():
            known = merged.get(section, {})
            both = isinstance(known, Mapping) and isinstance(content, Mapping)
            merged[section] = {**known, **content} if both else known or content
    return merged


def _wrong(error: ValidationError, file: Path | None, given: Mapping[str, Mapping[str, Any]]) -> SettingsError:
    faults = [(_location(fault), fault) for fault in error.errors()]
    sentences = [f"{_place(location, file, given)}: {_sentence(location, fault)}" for location, fault in faults]
    return SettingsError("\n".join(sentences), file=file, key=".".join(faults[0][0]))


def _location(fault: ErrorDetails) -> tuple[str, ...]:
    return tuple(str(part) for part in fault.get("ctx", {}).get("location", fault["loc"]))


def _place(location: Sequence[str], file: Path | None, given: Mapping[str, Mapping[str, Any]]) -> str:
    """Name where the value comes from, in the order in which the sources count."""
    section, key = (*location, "", "")[:2]
    variable = f"{PREFIX}{section}__{key}".upper()
    if key in given.get(section, {}):
        return "command line"
    if variable in os.environ:
        return f"environment variable {variable}"
    for name, target in PLATFORM_VARIABLES.items():
        if target == (section, key) and os.environ.get(name):
            return f"environment variable {name}"
    return str(file or "settings")


# What pydantic's types of faults ask for, in words.
_WANTED: Mapping[str, str] = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": "a section with keys",
    "path_type": "a path",
    "string_type": "a text (quote it if it looks like a number)",
    "tuple_type": "a list",
}


def _sentence(location: Sequence[str], fault: ErrorDetails) -> str:
    key = ".".join(location)
    if fault["type"] == REFUSED:
        return fault["msg"]
    if fault["type"] == "extra_forbidden":
        return f"there is no setting {key}; known here: {', '.join(sorted(_known_keys(location)))}."
    wanted = _WANTED.get(fault["type"])
    if wanted is None:
        return f"{key} is {fault['input']!r}: {fault['msg']}."
    return f"{key} is {fault['input']!r}; it has to be {wanted.format(**fault.get('ctx', {}))}."


def _known_keys(location: Sequence[str]) -> set[str]:
    section = Settings.model_fields.get(location[0]) if len(location) > 1 else None
    return set(type(section.default).model_fields) if section is not None else set(Settings.model_fields)
