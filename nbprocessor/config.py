"""Settings: from ``config/nbprocessor.yml``, overridden by environment; says what is wrong with them.

Every key of the file can be overridden by ``NBPROCESSOR_<SECTION>__<KEY>``, for instance ``NBPROCESSOR_SERVER__PORT=8100``.
The names the KomMonitor platform already uses keep their meaning: ``PROCESS_RESULTS_DIR``, ``KOMMONITOR_DATA_MANAGEMENT_URL``,
``KOMMONITOR_PROCESSES_API_ALLOWED_CORS_ORIGINS``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from nbprocessor.errors import SettingsError

DEFAULT_FILE = Path("config/nbprocessor.yml")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PREFIX = "NBPROCESSOR_"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    """Where the server listens and what it calls itself."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8099
    url: str = ""
    """Public base URL when the server stands behind a proxy; empty: as the request names it."""
    cors_origins: tuple[str, ...] = ("http://localhost:8000",)
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

    executor: Literal["auto", "subprocess"] = "auto"
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

    allow_hosts: tuple[str, ...] = ()
    """Hosts (``host`` or ``host:port``) inside the network that may be called; public addresses always may."""
    ports: tuple[int, ...] = (80, 443)
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


class Settings(BaseSettings):
    """All settings; paths are absolute once loaded by :func:`load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

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
            raise ValueError(
                f"host is {server.host!r}, and sign-in is off: everybody who reaches this address could run notebooks. "
                "Use 127.0.0.1 (a proxy on this machine may stand in front)."
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
    for variable, (section, key) in PLATFORM_VARIABLES.items():
        value = os.environ.get(variable)
        if value and f"{PREFIX}{section}__{key}".upper() not in os.environ:
            parsed: Any = tuple(v.strip() for v in value.split(",")) if key == "cors_origins" else value
            given.setdefault(section, {}).setdefault(key, parsed)

    class _Here(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file_source = (YamlConfigSettingsSource(settings_cls, yaml_file=path),) if path else ()
            return (init_settings, env_settings, *file_source)

    try:
        settings = _Here(**given)  # type: ignore[arg-type]  # sections are validated by pydantic
    except ValidationError as error:
        raise _wrong(error, path) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, TypeError) as error:
        raise SettingsError(f"{path or 'environment'}: cannot be read as settings: {error}", file=path) from None
    return settings.model_copy(
        update={
            "notebooks": settings.notebooks.model_copy(update={"folder": settings.notebooks.folder.absolute()}),
            "results": settings.results.model_copy(update={"folder": settings.results.folder.absolute()}),
        }
    )


def _settings_file(file: Path | None) -> Path | None:
    if file is not None:
        if not file.is_file():
            raise SettingsError(f"{file}: there is no such settings file; give one with --config.", file=file)
        return file.absolute()
    return DEFAULT_FILE.absolute() if DEFAULT_FILE.is_file() else None


def _wrong(error: ValidationError, file: Path | None) -> SettingsError:
    sentences = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        variable = PREFIX + "__".join(str(part) for part in fault["loc"]).upper()
        place = f"environment variable {variable}" if variable in os.environ else f"{file or 'settings'}"
        if fault["type"] == "extra_forbidden":
            known = ", ".join(sorted(_known_keys(fault["loc"])))
            sentences.append(f"{place}: there is no setting {key}; known here: {known}.")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            sentences.append(f"{place}: {key} is {fault['input']!r}: {message}." if "host is" not in message else f"{place}: {key}: {message}")
    first = error.errors()[0]["loc"]
    return SettingsError("\n".join(sentences), file=file, key=".".join(str(part) for part in first))


def _known_keys(location: tuple[int | str, ...]) -> set[str]:
    if len(location) < 2:
        return set(Settings.model_fields)
    section = Settings.model_fields.get(str(location[0]))
    return set(type(section.default).model_fields) if section is not None else set(Settings.model_fields)
