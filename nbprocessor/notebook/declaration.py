"""What may stand under ``process:`` in the front matter: the model, and the JSON Schema editors complete it with."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr
from pydantic.alias_generators import to_camel

from nbprocessor import contract
from nbprocessor.errors import Problem
from nbprocessor.language import LANGUAGES
from nbprocessor.model.process import JobControlOption
from nbprocessor.timing import cron_problems, zone_problems

PROCESS_ID = r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$"
OUTPUT_ID = r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$"
"""An output's id is the name of its file, too."""

_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*")


_GREATEST = 10**15
_COUNTED = 1_000_000
"""What is counted in a contract stays within a database's integers."""


def _text(value: Any) -> Any:
    """Refuse what is neither a text nor a text per language, in words for an author."""
    if isinstance(value, str):
        return value
    languages = " and ".join(LANGUAGES)
    if isinstance(value, dict) and value and all(isinstance(text, str) for text in value.values()):
        unknown = [key for key in value if key not in LANGUAGES]
        if not unknown:
            return value
        raise ValueError(f'"{unknown[0]}" is no language here; texts are in {languages}')
    raise ValueError(f"this has to be a text, or a text each for {languages}; quote it if it looks like a number")


def _seconds(value: Any) -> Any:
    return _quantity(value, _SECONDS, '"10 min", "90 s" or "1 h"')


def _bytes(value: Any) -> Any:
    size = _quantity(value, _BYTES, '"2 GB" or "512 MB"')
    return int(size)


def _quantity(value: Any, units: dict[str, int], wanted: str) -> float:
    """Read a number with a unit, or several added up as in ``1 h 30 min``; a bare number is in the smallest unit."""
    total = 0.0
    if isinstance(value, int | float) and not isinstance(value, bool):
        total = float(min(value, _GREATEST + 1))
    elif isinstance(value, str) and len(value) < 100 and re.fullmatch(f"(?:{_QUANTITY.pattern})+", value):
        for number, unit in _QUANTITY.findall(value):
            if unit.lower() not in units:
                raise ValueError(f'"{unit}" is no unit here; write {wanted}')
            total += float(number) * units[unit.lower()]
    if not 0 < total <= _GREATEST:
        raise ValueError(f"this has to be more than nothing and less than a machine has, written as {wanted}")
    return total


_TEXT_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {language: {"type": "string"} for language in LANGUAGES},
            "additionalProperties": False,
            "minProperties": 1,
        },
    ]
}

TextValue = Annotated[
    str | dict[str, str],
    BeforeValidator(_text, json_schema_input_type=Any),
    Field(json_schema_extra=_TEXT_SCHEMA),
]
Seconds = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=str | float)]
Bytes = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=str | int)]
Count = Annotated[int, Field(ge=1, le=_COUNTED)]
Keywords = list[StrictStr]
JsonObject = dict[str, Any]


def _linked(value: JsonObject) -> JsonObject:
    """Refuse addresses that would run in the browser of whoever follows them."""
    if "href" in value and not _is_address(value["href"]):
        raise ValueError("href has to be an address that begins with http:, https: or mailto:, or a relative one")
    return value


def _link(value: JsonObject) -> JsonObject:
    if "href" not in value:
        raise ValueError("a link needs href")
    return _linked(value)


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        return False
    scheme = re.match(r"([^/?#]*?):", value)
    return scheme is None or scheme[1].lower() in {"http", "https", "mailto"}


def _parameters(value: JsonObject) -> JsonObject:
    """Refuse additionalParameters that are not of OGC's form (18-062r2, additionalParameters.yaml)."""
    parameters = value.get("parameters", [])
    if not isinstance(parameters, list) or not all(
        isinstance(part, dict) and isinstance(part.get("name"), str) and isinstance(part.get("value"), list)
        for part in parameters
    ):
        raise ValueError("parameters has to be a list of {name: …, value: [...]}")
    return _linked(value)


def _access(value: Any) -> Any:
    """Refuse what does not say clearly who sees a process: a slip here must not open it."""
    if value in (None, "public", "private"):
        return value
    if isinstance(value, dict) and value and set(value) <= {"groups", "users"}:
        names = [name for part in value.values() for name in (part if isinstance(part, list) else [None])]
        if names and all(isinstance(name, str) and name.strip("/ ") for name in names):
            if all(group.startswith("/") for group in value.get("groups", ())):
                return value
            raise ValueError("groups are Keycloak's full paths, which begin with /: [/department/unit]")
    raise ValueError("this has to be public, private, or {groups: [/department/unit], users: [name]}")


def _executable(value: list[JobControlOption]) -> list[JobControlOption]:
    if set(value) <= {JobControlOption.DISMISS}:
        raise ValueError("name sync-execute or async-execute, or both; there is no other way to run it")
    return value


Link = Annotated[JsonObject, AfterValidator(_link)]
Metadata = Annotated[JsonObject, AfterValidator(_linked)]


class _Block(BaseModel):
    """A map of the front matter: what is not named here is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel, title="")


class InputBlock(_Block):
    """One input. Without ``required: false`` a client has to send it."""

    title: TextValue | None = Field(default=None, description="Short name for people; the input's name if left out.")
    description: TextValue | None = Field(default=None, description="What it means, what is allowed; LaTeX as $I_1$.")
    json_schema: JsonObject | None = Field(
        default=None, alias="schema", description="JSON Schema; the annotation in the parameters cell if left out."
    )
    required: bool | None = Field(default=None, description="false: the value in the parameters cell is the default.")
    min_occurs: Annotated[int, Field(ge=0, le=_COUNTED)] | None = Field(
        default=None, description="Least number of values."
    )
    max_occurs: Annotated[int, Field(ge=1, le=_COUNTED)] | Literal["unbounded"] = Field(
        default=1, description="Greatest number of values; more than 1: the notebook receives a list."
    )
    keywords: Keywords = Field(default_factory=list)
    metadata: list[Metadata] = Field(default_factory=list, description="OGC metadata: title, role, href.")
    by_reference: bool = Field(
        default=False, description="true: the notebook receives a link as it was sent, not its content."
    )
    writes: bool = Field(
        default=False, description="true: the indicator this input names may be written by a run; no other can be."
    )
    default: Any = Field(
        default=None,
        description="What a run gets that is sent nothing; the value in the parameters cell is then an example only.",
    )
    example: Any = Field(
        default=None, description="An example value, if it should not be the one in the parameters cell."
    )


class OutputBlock(_Block):
    """One output, handed over with ``kit.output``."""

    title: TextValue | None = Field(default=None, description="Short name for people; the output's name if left out.")
    description: TextValue | None = None
    json_schema: JsonObject = Field(
        default_factory=dict, alias="schema", description="JSON Schema with contentMediaType."
    )
    required: bool = Field(
        default=True, description="false: a run that does not hand it over is successful all the same."
    )


class LimitsBlock(_Block):
    """What one job may use; what is left out is up to the server, and so is how much can be asked for."""

    time: Seconds | None = Field(default=None, description='Of the whole run, such as "10 min".')
    cell_time: Seconds | None = Field(default=None, description='Of one cell, such as "90 s".')
    cpu: Seconds | None = Field(default=None, description='Processor time of one process, such as "30 min".')
    memory: Bytes | None = Field(default=None, description='Such as "2 GB".')
    processes: Count | None = Field(default=None, description="Processes and threads at once.")
    file_size: Bytes | None = Field(default=None, description='Of one file, such as "500 MB".')
    output_size: Bytes | None = Field(
        default=None, description='Of working folder, outputs and executed notebook together, such as "50 MB".'
    )
    temporary_size: Bytes | None = Field(default=None, description='Of temporary files together, such as "2 GB".')
    log_size: Bytes | None = Field(default=None, description="Of the log that is kept; a longer one is cut.")
    cell_outputs: Count | None = Field(default=None, description="Outputs of one cell, such as 1000.")
    cell_output_size: Bytes | None = Field(default=None, description='Of the outputs of one cell, such as "20 MB".')
    concurrency: Count | None = Field(default=None, description="Jobs of this process running at once.")


def _cron(value: str) -> str:
    return _without(cron_problems(value, ""), value)


def _zone(value: str) -> str:
    return _without(zone_problems(value, ""), value)


def _without(problems: Sequence[Problem], value: str) -> str:
    if problems:
        raise ValueError(f"{problems[0].detail} {problems[0].mend}".removesuffix("."))
    return value


class RecipientBlock(_Block):
    """Who is told of a schedule."""

    email: StrictStr | None = Field(default=None, description="Mail address; or:")
    webhook: StrictStr | None = Field(default=None, description="http or https address that JSON is posted to.")
    on: list[Literal["failure", "recovery", "pause"]] | None = Field(default=None, description="All if left out.")
    language: Literal["de", "en"] | None = Field(default=None, description="The server's setting if left out.")


class ScheduleBlock(_Block):
    """When the process runs by itself, and with which inputs; the members are those of the API."""

    cron: Annotated[str, AfterValidator(_cron)] = Field(description="Minute, hour, day of month, month, weekday.")
    name: StrictStr = Field(default="", description="Needed where there are several.")
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None, description="Such as Europe/Berlin; the server's setting if left out."
    )
    inputs: JsonObject = Field(default_factory=dict, description="Texts may hold values such as {{ last_month_end }}.")
    jitter: Annotated[int, Field(ge=0, le=86_400)] = Field(default=0, description="Seconds it is put off at most.")
    start: StrictStr | None = Field(default=None, description="First day or time.")
    end: StrictStr | None = Field(default=None, description="Last day or time.")
    active: bool = True
    misfire_policy: Literal["skip", "once", "all"] = Field(default="once", description="What was missed.")
    overlap_policy: Literal["forbid", "queue", "allow"] = Field(default="forbid", description="While one runs.")
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    retry_delay: Annotated[int, Field(ge=1, le=86_400)] = Field(default=60, description="Seconds before the first.")
    notify: list[RecipientBlock] = Field(default_factory=list, description="Who is told of failures.")


def listed_schedules(value: Any) -> Any:
    """Return what ``schedule:`` may be, a cron text, a map or a list of maps, as a list of maps."""
    if value is None:
        return []
    listed = value if isinstance(value, list) else [value]
    return [{"cron": one} if isinstance(one, str) else one for one in listed]


def _named_apart(value: list[ScheduleBlock]) -> list[ScheduleBlock]:
    if len({block.name for block in value}) < len(value):
        raise ValueError("each schedule needs a name of its own where there are several")
    return value


class ProcessBlock(_Block):
    """Everything of a process that its notebook says under ``process:``."""

    id: Annotated[str, Field(pattern=PROCESS_ID)] | None = Field(
        default=None, description="Id of the process; the file's name if left out."
    )
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,49}$")] = Field(
        default="0.0.0", description="Semantic version; changes with the contract."
    )
    title: TextValue | None = Field(default=None, description="Title of the process; the first heading if left out.")
    description: TextValue | None = Field(
        default=None, description="What it computes; the first paragraph if left out."
    )
    keywords: Keywords = Field(default_factory=list)
    inputs: dict[str, InputBlock] = Field(
        default_factory=dict, description="Inputs by their names in the parameters cell."
    )
    outputs: dict[Annotated[str, Field(pattern=OUTPUT_ID)], OutputBlock] = Field(default_factory=dict)
    limits: LimitsBlock = LimitsBlock()
    ui: JsonObject | None = Field(
        default=None, description="KomMonitor's parameters for the web client (kommonitorUiParams)."
    )
    additional_parameters: Annotated[JsonObject, AfterValidator(_parameters)] | None = Field(
        default=None, description="OGC's additionalParameters, passed on as they are."
    )
    job_control_options: (
        Annotated[
            list[Annotated[JobControlOption, Field(strict=False)]], Field(min_length=1), AfterValidator(_executable)
        ]
        | None
    ) = None
    output_transmission: Annotated[list[Literal["value", "reference"]], Field(min_length=1)] | None = None
    links: list[Link] = Field(default_factory=list, description="Further links: href, rel, type, title.")
    metadata: list[Metadata] = Field(default_factory=list, description="OGC metadata: title, role, href.")
    kernel: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Kernel; the notebook's own if left out."
    )
    executor: str = Field(default="", description="How runs are kept apart; the server's choice if left out.")
    retry_safe: bool = Field(
        default=False,
        alias="retry_safe",
        description="true: a run may be repeated when its server, kernel or data source was lost.",
    )
    schedule: Annotated[
        list[ScheduleBlock], BeforeValidator(listed_schedules, json_schema_input_type=Any), AfterValidator(_named_apart)
    ] = Field(default_factory=list, description="When it runs by itself: a cron text, a map, or a list of maps.")
    access: Annotated[str | JsonObject | None, AfterValidator(_access)] = Field(
        default=None,
        description="Who sees the process while sign-in is on: public, private (administrators), or "
        "{groups: [/group/path], users: [name]}. Left out: whoever may look at processes.",
    )
    secrets: list[Annotated[str, Field(pattern=contract.HANDLE)]] = Field(
        default_factory=list, description="Names of secrets a run needs; the server's settings say where they are."
    )


class FrontMatterFile(BaseModel):
    """Front matter of a process notebook, and ``_metadata.yml``. What is not ``process`` is Quarto's."""

    model_config = ConfigDict(extra="allow", frozen=True)

    process: ProcessBlock = ProcessBlock()


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the front matter, for completion and checks in editors."""
    document = FrontMatterFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}
