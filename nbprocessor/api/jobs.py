"""Jobs as the standard shows them: statusInfo, and the job list's filters (OGC 18-062r2, clauses 7.10 and 11)."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from nbprocessor.errors import InvalidRequest, Problem
from nbprocessor.model import Json
from nbprocessor.model.job import Job, JobFilter, JobStatus

REL = "http://www.opengis.net/def/rel/ogc/1.0/"


def status_info(job: Job, base_url: str) -> dict[str, Json]:
    """Write a job as statusInfo.yaml: ids under both names, times only where known, links for what there is."""
    info: dict[str, Json] = {
        "processID": job.process_id,
        "type": "process",
        "jobID": str(job.id),
        "id": str(job.id),
        "status": str(job.status),
        "message": job.message,
        "created": instant(job.created),
        "started": instant(job.started),
        "finished": instant(job.finished),
        "updated": instant(job.updated),
        "estimatedCompletion": instant(job.estimated_completion),
        "progress": job.progress,
        "links": job_links(job, f"{base_url}/jobs/{job.id}", base_url),
    }
    return {name: value for name, value in info.items() if value is not None}


def job_links(job: Job, url: str, base_url: str) -> list[dict[str, str]]:
    """Return the links a job has in its present status."""
    links = [
        _link(url, "self", "application/json", "This job"),
        _link(f"{url}?f=html", "alternate", "text/html", "This job as a page"),
        _link(f"{base_url}/processes/{job.process_id}", "type", "application/json", "The process it runs"),
        _link(f"{base_url}/jobs", "up", "application/json", "All jobs"),
    ]
    if not job.status.ended:
        links.append(_link(url, "monitor", "application/json", "Status of this job"))
        links.append(_link(f"{url}/events", "monitor", "text/event-stream", "Status of this job as it changes"))
    if job.status is JobStatus.SUCCESSFUL:
        links.append(_link(f"{url}/results", f"{REL}results", "application/json", "Results"))
    if job.status is JobStatus.FAILED:
        links.append(_link(f"{url}/results", f"{REL}exceptions", "application/json", "Why it failed"))
    if job.status is not JobStatus.ACCEPTED:
        links.append(_link(f"{url}/notebook", "related", "application/x-ipynb+json", "Executed notebook"))
        links.append(_link(f"{url}/report", "related", "text/html", "Report"))
        links.append(_link(f"{url}/log", "related", "text/plain", "Log"))
    if job.schedule_id is not None:
        links.append(_link(f"{base_url}/schedules/{job.schedule_id}", "related", "application/json", "Its schedule"))
    links.append(_link(f"{url}/inputs", "related", "application/json", "Inputs"))
    if job.status.ended and job.started is not None:
        links.append(_link(f"{url}/manifest", "related", "application/json", "Manifest: digests of all files"))
    return links


def job_filter(query: QueryParams, owner: str | None) -> JobFilter:
    """Read the job list's filters.

    Without ``status`` accepted jobs are left out (OGC 18-062r2, /req/job-list/status-response).

    Raises:
        InvalidRequest: Names every parameter that cannot be read.
    """
    problems: list[Problem] = []
    statuses = _statuses(_values(query, "status"), problems)
    kinds = [kind for kind in _values(query, "type") if kind != "process"]
    problems += [Problem("type", f'"{kind}" is no type of job here.', "Use type=process.") for kind in kinds]
    begin, end = _interval(query.get("datetime"), problems)
    filter_ = JobFilter(
        owner=owner,
        process_ids=tuple(_values(query, "processID")),
        statuses=statuses or tuple(status for status in JobStatus if status is not JobStatus.ACCEPTED),
        created_from=begin,
        created_to=end,
        # Both are arrays in the standard, which does not say what several bounds mean: the wider counts.
        min_duration=min(_durations(query, "minDuration", problems), default=None),
        max_duration=max(_durations(query, "maxDuration", problems), default=None),
    )
    if problems:
        raise InvalidRequest(problems)
    return filter_


def instant(time: datetime | None) -> str | None:
    """Write a time as all documents here have it: in UTC, to the millisecond."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def _values(query: QueryParams, name: str) -> list[str]:
    """Read an array parameter in both serialisations: ``a=x,y`` and ``a=x&a=y``."""
    return [part.strip() for value in query.getlist(name) for part in value.split(",") if part.strip()]


def _statuses(names: Iterable[str], problems: list[Problem]) -> tuple[JobStatus, ...]:
    statuses = []
    for name in names:
        if name in list(JobStatus):
            statuses.append(JobStatus(name))
        else:
            problems.append(Problem("status", f'"{name}" is no job status.', f"Known: {', '.join(JobStatus)}."))
    return tuple(statuses)


def _interval(value: str | None, problems: list[Problem]) -> tuple[datetime | None, datetime | None]:
    """Read ``datetime``: an instant, or an interval that may be open on one side (RFC 3339, ``..``)."""
    if not value:
        return None, None
    parts = value.split("/")
    times: list[datetime | None] = [None, None]
    with suppress(ValueError, OverflowError):
        times = [None if part in {"", ".."} else _time(part) for part in (parts[0], parts[-1])]
    if len(parts) > 2 or times == [None, None]:
        problems.append(
            Problem(
                "datetime", f'"{value}" is no time or interval.', "Use 2026-01-31T00:00:00Z/.. or alike (RFC 3339)."
            )
        )
        return None, None
    begin, end = times
    if begin and end and begin > end:
        problems.append(Problem("datetime", f'"{value}" ends before it begins.'))
    # A job's times are shown in milliseconds: whoever asks with a time as it was shown means all of that millisecond.
    return begin, end.replace(microsecond=end.microsecond // 1000 * 1000 + 999) if end else None


def _time(text: str) -> datetime:
    # An unescaped + in a query arrives as a blank.
    time = datetime.fromisoformat(text.strip().upper().replace(" ", "+"))
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _durations(query: QueryParams, name: str, problems: list[Problem]) -> list[float]:
    durations = []
    for value in _values(query, name):
        if value.isascii() and value.isdigit() and len(value) < 10:
            durations.append(float(value))
        else:
            problems.append(Problem(name, f'"{value}" is no duration.', "Give whole seconds, 0 or more."))
    return durations
