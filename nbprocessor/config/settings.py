"""Every setting with its type, bounds and default."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from nbprocessor import contract
from nbprocessor.config.auth import Auth
from nbprocessor.config.notice import Notice
from nbprocessor.config.section import LOOPBACK, REFUSED, Numbers, Section, Texts
from nbprocessor.timing import zone_problems


def _mapped(value: object) -> object:
    """Take ``A=/path, B=/path`` for a map, as environment variables have it."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip(): path.strip() for name, _, path in pairs}


def _is_file(path: Path) -> Path:
    """Refuse what cannot be read when the server starts, not when a job needs it."""
    if not path.is_file() or not os.access(path, os.R_OK):
        raise PydanticCustomError("no_file", "there is no file {path} that can be read", {"path": str(path)})
    return path


Files = Annotated[
    dict[
        Annotated[str, Field(pattern=contract.HANDLE)],
        Annotated[Path, AfterValidator(_is_file)],
    ],
    BeforeValidator(_mapped),
]


class Server(Section):
    """Where the server listens and what it calls itself."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8099
    url: str = ""
    """Public base URL when the server stands behind a proxy; empty: as the request names it."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that answer at the one port, each with a worker of its own for the jobs of the one database."""
    cors_origins: Texts = ("http://localhost:8000",)
    max_body: Annotated[int, Field(ge=1024)] = 10_000_000
    """Bytes a request body may have."""
    language: Literal["de", "en"] = "de"
    """Language of answers when the client asks for none."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 10
    max_page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000


class Metadata(Section):
    """What the landing page says of the service."""

    title: str = "nbprocessor"
    description: str = "Prozesse als Jupyter-Notebooks / processes as Jupyter notebooks"
    provider: str = "KomMonitor"
    provider_url: str = "https://kommonitor.de"
    contact: str = ""
    license: str = "Apache-2.0"
    license_url: str = "https://www.apache.org/licenses/LICENSE-2.0"


class Notebooks(Section):
    """Where the processes are."""

    folder: Path = Path("notebooks")


class Results(Section):
    """Where the job folders go."""

    folder: Path = Path("results")
    url: str = ""
    """An fsspec URL (s3://…) that keeps finished job folders; empty: they stay in ``folder``."""
    reserve: Annotated[int, Field(ge=0)] = 200_000_000
    """Bytes of free disk below which no new job is accepted."""


class Store(Section):
    """The index over the job folders."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite ``nbprocessor.db`` in the results folder."""


class Execution(Section):
    """How jobs run."""

    executor: Literal["auto", "direct", "fork", "subprocess"] = "auto"
    isolation: Literal["auto", "bwrap", "user", "none"] = "auto"
    """What keeps runs from everything that is not theirs; ``auto``: the strongest that holds here."""
    slots: Annotated[int, Field(ge=0)] = 0
    """Jobs one worker runs at once; 0: as many as the machine has cores, shared between ``server.workers``."""
    queue: Annotated[int, Field(ge=1)] = 200
    """Jobs waiting at most; one more gets 503 with Retry-After."""
    per_user_queue: Annotated[int, Field(ge=0)] = 20
    """Jobs of one user waiting at most; one more gets 429 with Retry-After; 0: no limit. None while sign-in is off."""
    per_user: Annotated[int, Field(ge=0)] = 2
    """Jobs of one user running at once; the others wait; 0: no limit. None while sign-in is off."""
    per_process: Annotated[int, Field(ge=0)] = 0
    """Jobs of one process running at once, when its front matter says nothing; 0: no limit."""
    sync_wait: Annotated[float, Field(gt=0)] = 30.0
    """Seconds a synchronous request is kept waiting before it becomes asynchronous."""
    start_timeout: Annotated[float, Field(gt=0)] = 60.0
    """Seconds a kernel may take to start."""
    dismiss_grace: Annotated[float, Field(ge=0, le=4)] = 2.0
    """Seconds between asking a dismissed run to end and killing it."""
    retry_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """How often a run is begun whose notebook says it may be repeated, when it fails for no fault of its own."""
    retry_backoff: Annotated[float, Field(ge=0)] = 2.0
    """Seconds before the second attempt; doubled for each further one."""
    lease: Annotated[float, Field(ge=1)] = 30.0
    """Seconds without a sign of life after which a worker of another machine counts as gone."""


class Limits(Section):
    """What a run may use, when the front matter says nothing; 0: no limit."""

    time: Annotated[float, Field(ge=0)] = 3600.0
    """Seconds of the whole run."""
    cell_time: Annotated[float, Field(ge=0)] = 0.0
    """Seconds of one cell."""
    cpu: Annotated[float, Field(ge=0)] = 0.0
    """Seconds of processor time of one process of the run."""
    memory: Annotated[int, Field(ge=0)] = 2_000_000_000
    """Bytes."""
    processes: Annotated[int, Field(ge=0)] = 256
    """Processes and threads at once."""
    file_size: Annotated[int, Field(ge=0)] = 1_000_000_000
    """Bytes of one file."""
    output_size: Annotated[int, Field(ge=0)] = 50_000_000
    """Bytes of working folder, outputs and executed notebook together."""
    temporary_size: Annotated[int, Field(ge=0)] = 2_000_000_000
    """Bytes of temporary files."""
    log_size: Annotated[int, Field(ge=0)] = 5_000_000
    """Bytes of log kept; the rest is cut off."""
    cell_outputs: Annotated[int, Field(ge=0)] = 1000
    """Outputs of one cell: displays, values, stretches of text."""
    cell_output_size: Annotated[int, Field(ge=0)] = 20_000_000
    """Bytes of the outputs of one cell."""


class Maximum(Limits):
    """What the front matter may ask for at most; 0: as much as it wants."""

    time: Annotated[float, Field(ge=0)] = 86_400.0
    memory: Annotated[int, Field(ge=0)] = 8_000_000_000
    processes: Annotated[int, Field(ge=0)] = 4096
    file_size: Annotated[int, Field(ge=0)] = 10_000_000_000
    output_size: Annotated[int, Field(ge=0)] = 1_000_000_000
    temporary_size: Annotated[int, Field(ge=0)] = 20_000_000_000
    log_size: Annotated[int, Field(ge=0)] = 50_000_000
    cell_outputs: Annotated[int, Field(ge=0)] = 10_000
    cell_output_size: Annotated[int, Field(ge=0)] = 100_000_000


class Data(Section):
    """Where the notebooks' data comes from."""

    source: str = "demo"
    """``demo``, a folder, or the base URL of a Data Management API (with or without ``/management``)."""
    gateway: str = ""
    """Path of a unix socket through which that API is reached, which signs in; empty: at its address."""
    connect_timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds a job's gateway waits for a connection to that API."""
    read_timeout: Annotated[float, Field(gt=0)] = 60.0
    """Seconds it waits for the next bytes of an answer."""
    max_answer: Annotated[int, Field(ge=1_000_000)] = 4_000_000_000
    """Bytes of an answer."""
    max_request: Annotated[int, Field(ge=1_000_000)] = 300_000_000
    """Bytes of values written at once."""
    secrets: Files = Field(default_factory=dict)
    """Files with the values of the secrets that notebooks name."""


class Schedule(Section):
    """When jobs start by themselves."""

    enabled: bool = True
    """Schedules fire in this server, unless another one of the same database does so already."""
    min_interval: Annotated[int, Field(ge=60)] = 300
    """Seconds that have to lie between two fires."""
    timezone: str = "Europe/Berlin"
    """Time zone of a schedule that names none."""
    grace: Annotated[int, Field(ge=0)] = 3600
    """Seconds a missed fire may be late and still run, under the policy ``once``."""

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if problems := zone_problems(name, ""):
            sentence = "schedule.timezone: {problem}"
            raise PydanticCustomError(
                REFUSED, sentence, {"problem": str(problems[0]), "location": ("schedule", "timezone")}
            )
        return name


class Outbound(Section):
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


class Logging(Section):
    """What the server writes to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(Section):
    """All settings; paths are absolute once loaded by :func:`load`."""

    server: Server = Server()
    metadata: Metadata = Metadata()
    notebooks: Notebooks = Notebooks()
    results: Results = Results()
    store: Store = Store()
    execution: Execution = Execution()
    limits: Limits = Limits()
    maximum: Maximum = Maximum()
    data: Data = Data()
    schedule: Schedule = Schedule()
    notice: Notice = Notice()
    auth: Auth = Auth()
    outbound: Outbound = Outbound()
    logging: Logging = Logging()

    @model_validator(mode="after")
    def _loopback_while_sign_in_is_off(self) -> Self:
        if self.server.host not in LOOPBACK and not self.auth.on:
            raise PydanticCustomError(
                REFUSED,
                "server.host is '{host}', and sign-in is off: everybody who reaches this address could run "
                "notebooks. Use 127.0.0.1 (a proxy on this machine may stand in front), or set up signing in (auth).",
                {"host": self.server.host, "location": ("server", "host")},
            )
        return self

    @property
    def store_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.store.url or f"sqlite:///{self.results.folder / 'nbprocessor.db'}"

    @property
    def slots(self) -> int:
        """Jobs one worker runs at once, with the default filled in."""
        return self.execution.slots or max(1, (os.cpu_count() or 1) // self.server.workers)
