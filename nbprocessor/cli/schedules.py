"""``nbprocessor schedules``: what runs again and again, looked at, changed, and kept as YAML."""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from nbprocessor.cli.settings import existing_results, folders, load, results_folder, with_examples
from nbprocessor.errors import InvalidRequest, Problem
from nbprocessor.model.schedule import Schedule, ScheduleFilter

if TYPE_CHECKING:
    from nbprocessor.app import House


@click.group(
    short_help="List, change, run, export and import schedules.",
    epilog="Example: nbprocessor schedules list",
)
def schedules() -> None:
    """What runs again and again.

    A server fires the schedules; these commands only change what is in its database, also while it runs.
    """


@schedules.command("list")
@click.option("--process", "processes", multiple=True, metavar="ID", help="Only of this process; may be repeated.")
@results_folder
@click.pass_context
def list_(context: click.Context, processes: Sequence[str], results: Path | None) -> None:
    """List schedules, newest first."""
    house = _house(context, None, results)
    found = house.schedules.list(ScheduleFilter(process_ids=tuple(processes)))
    latest = house.schedules.fires.latest([schedule.id for schedule in found])
    for schedule in found:
        state = "active" if schedule.active else "paused"
        last = latest.get(schedule.id)
        told = f"last {last.outcome}" if last else schedule.message
        zone = schedule.timing.timezone
        click.echo(f"{schedule.id}  {state}  {schedule.timing.cron}  {zone}  {schedule.process_id}  {told}".rstrip())
    if not found:
        click.echo("There is no such schedule.", err=True)


@schedules.command("next")
@click.argument("schedule", type=click.UUID)
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="Runs shown.")
@results_folder
@click.pass_context
def next_(context: click.Context, schedule: UUID, count: int, results: Path | None) -> None:
    """Show when a SCHEDULE runs next, in its time zone."""
    from datetime import UTC, datetime

    from nbprocessor.timing import times

    found = _house(context, None, results).schedules.get(schedule, None)
    if not found.active:
        click.echo("It is paused.", err=True)
        return
    for moment in islice(times(found.timing, datetime.now(UTC)), count):
        click.echo(moment.astimezone(ZoneInfo(found.timing.timezone)).isoformat())


@schedules.command()
@click.argument("process")
@click.argument("file", type=click.File("rb"))
@folders
@click.pass_context
def add(context: click.Context, process: str, file: BinaryIO, notebooks: Path | None, results: Path | None) -> None:
    """Schedule a PROCESS by a FILE with YAML or JSON: an execute request and in schedule when to run it.

    - reads standard input.
    """
    house = _with_processes(context, notebooks, results)
    made = house.schedules.create(process, _read(file), owner=None, source="cli")
    click.echo(made.id)


@schedules.command()
@click.argument("schedule", type=click.UUID)
@results_folder
@click.pass_context
def pause(context: click.Context, schedule: UUID, results: Path | None) -> None:
    """Let a SCHEDULE fire no more until it is resumed."""
    _house(context, None, results).schedules.pause(schedule, None)


@schedules.command()
@click.argument("schedule", type=click.UUID)
@folders
@click.pass_context
def resume(context: click.Context, schedule: UUID, notebooks: Path | None, results: Path | None) -> None:
    """Let a paused SCHEDULE fire again."""
    _with_processes(context, notebooks, results).schedules.resume(schedule, None)


@schedules.command()
@click.argument("schedule", type=click.UUID)
@folders
@click.pass_context
def run(context: click.Context, schedule: UUID, notebooks: Path | None, results: Path | None) -> None:
    """Queue a run of a SCHEDULE now and print the id of its job; a server or worker runs it."""
    click.echo(_with_processes(context, notebooks, results).schedules.run(schedule, None).id)


@schedules.command()
@click.argument("schedule", type=click.UUID)
@click.argument("begin")
@click.argument("end")
@results_folder
@click.pass_context
def backfill(context: click.Context, schedule: UUID, begin: str, end: str, results: Path | None) -> None:
    """Let a SCHEDULE run for each moment from BEGIN to END (dates or times) at which it did not.

    A server makes the jobs, one after the other, or side by side where the schedule's runs may overlap.
    """
    from nbprocessor.timing import moment

    house = _house(context, None, results)
    zone = house.schedules.get(schedule, None).timing.timezone
    try:
        span = moment(begin, zone), moment(end, zone, end_of_day=True)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 2026-01-31 or 2026-01-31T12:00:00+01:00") from None
    for fire_time in house.schedules.backfill(schedule, *span, None):
        click.echo(fire_time.astimezone(ZoneInfo(zone)).isoformat())


@schedules.command()
@results_folder
@click.pass_context
def export(context: click.Context, results: Path | None) -> None:
    """Print all schedules as YAML, but those that notebooks declare."""
    from ruamel.yaml import YAML

    house = _house(context, None, results)
    found = [schedule for schedule in house.schedules.list(ScheduleFilter()) if not schedule.declared]
    writer = YAML()
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.dump({"schedules": [_written(schedule) for schedule in reversed(found)]}, sys.stdout)


@schedules.command("import")
@click.argument("file", type=click.File("rb"))
@folders
@click.pass_context
def import_(context: click.Context, file: BinaryIO, notebooks: Path | None, results: Path | None) -> None:
    """Make the schedules of a FILE that was exported; those that there are already become as it says.

    Either all of them are right, or none is made. - reads standard input.
    """
    house = _with_processes(context, notebooks, results)
    for schedule in house.schedules.load(list(_entries(_read(file)))):
        click.echo(schedule.id)


def _written(schedule: Schedule) -> dict[str, Any]:
    from nbprocessor.schedule.definition import document

    facts: dict[str, Any] = {"id": str(schedule.id), "process": schedule.process_id}
    if schedule.owner is not None:
        facts["owner"] = schedule.owner
    # A round through JSON leaves nothing but what YAML's core has.
    written: dict[str, Any] = json.loads(json.dumps({**facts, **document(schedule)}))
    return written


def _entries(content: Any) -> "Iterator[tuple[UUID | None, str, str | None, dict[str, Any]]]":
    """Yield id, process, owner and definition of each schedule of a file."""
    listed = content.get("schedules") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise InvalidRequest([Problem("", "The file has to be a map with the list schedules: in it.")])
    for number, entry in enumerate(listed):
        if not isinstance(entry, dict) or not isinstance(entry.get("process"), str):
            raise InvalidRequest([Problem(f"/schedules/{number}", "A schedule needs process: and its id.")])
        try:
            schedule_id = UUID(entry["id"]) if "id" in entry else None
        except (ValueError, AttributeError, TypeError):
            raise InvalidRequest([Problem(f"/schedules/{number}/id", "This is no id; leave it out.")]) from None
        definition = {name: value for name, value in entry.items() if name not in {"id", "process", "owner"}}
        yield schedule_id, entry["process"], entry.get("owner"), definition


def _read(file: BinaryIO) -> Any:
    from nbprocessor.notebook import yamltext

    try:
        return yamltext.read(file.read().decode("utf-8-sig")).value
    except UnicodeDecodeError:
        raise InvalidRequest([Problem("", "The file is not UTF-8.")]) from None
    except yamltext.YamlFault as fault:
        raise InvalidRequest([Problem(f"line {fault.line}", fault.sentence, fault.mend)]) from None


def _house(context: click.Context, notebooks: Path | None, results: Path | None) -> "House":
    """Build the house on a results folder that is there."""
    from nbprocessor.app import build

    settings = load(context, notebooks=notebooks, results=results)
    existing_results(settings)
    house = build(settings)
    context.call_on_close(house.store.engine.dispose)
    context.with_resource(house.results.in_use())
    return house


def _with_processes(context: click.Context, notebooks: Path | None, results: Path | None) -> "House":
    """Build the house and read what is on offer."""
    from nbprocessor.app import build

    settings = with_examples(load(context, notebooks=notebooks, results=results), notebooks)
    house = build(settings)
    context.call_on_close(house.store.engine.dispose)
    context.with_resource(house.results.in_use())
    house.catalogue.refresh()
    return house
