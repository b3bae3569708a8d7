"""Wording: what a notice says, as a message for people and as JSON for programs.

Neither has results, inputs or messages of jobs: the links lead to them, for those who may see them.
"""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nbprocessor.store.notices import Notice

_HERE = Path(__file__).parent
_DATES = {"de": "%d.%m.%Y, %H:%M", "en": "%Y-%m-%d %H:%M"}


def links(notice: Notice, base_url: str) -> dict[str, str]:
    """Return the addresses of what a notice tells of: ``schedule``, and ``report`` if there was a job."""
    found = {"schedule": f"{base_url}/schedules/{notice.schedule_id}"}
    if notice.facts["jobID"]:
        found["report"] = f"{base_url}/jobs/{notice.facts['jobID']}/report"
    return found


def message(notice: Notice, base_url: str, title: str) -> tuple[str, str]:
    """Write a notice for people.

    Args:
        notice: What is to be told.
        base_url: What links begin with.
        title: Of the service.

    Returns:
        The subject, which is one line, and the text.
    """
    fire_time = datetime.fromisoformat(notice.facts["fireTime"]).astimezone(ZoneInfo(notice.facts["timezone"]))
    written = (
        _templates()
        .get_template(f"{notice.language}.txt")
        .render(
            event=notice.event,
            process=notice.facts["processID"],
            name=_line(notice.facts["name"]),
            fire_time=fire_time.strftime(_DATES[notice.language]),
            timezone=notice.facts["timezone"],
            links=links(notice, base_url),
            title=_line(title),
            key=notice.key,
        )
    )
    subject, _, text = written.partition("\n")
    return subject, text.strip() + "\n"


def document(notice: Notice, base_url: str) -> bytes:
    """Write a notice for programs."""
    told = {
        "id": str(notice.key),
        "event": notice.event,
        "time": notice.facts["time"],
        "scheduleID": str(notice.schedule_id),
        "name": notice.facts["name"] or None,
        "processID": notice.facts["processID"],
        "fireTime": notice.facts["fireTime"],
        "jobID": notice.facts["jobID"],
        "links": [
            {"href": href, "rel": "related", "type": "text/html", "title": name}
            for name, href in links(notice, base_url).items()
        ],
    }
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


@cache
def _templates() -> Environment:
    # Plain text: nothing of it is read as HTML.
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=False,  # noqa: S701  # plain text, in which "&amp;" would be read as it stands
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _line(text: str) -> str:
    """Return a text as one line of printable characters: a name may have line ends, and a subject must not."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
