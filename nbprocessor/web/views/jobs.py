"""The list of jobs with its filters."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbprocessor.model.job import JobStatus
from nbprocessor.web.addresses import link_with
from nbprocessor.web.jobinfo import job_info
from nbprocessor.web.views import Page

FILTERS = ("status", "processID", "datetime", "minDuration", "maxDuration")


def view(page: Page) -> dict[str, Any]:
    """Show OGC's jobList: one line per job, statuses and processes as links that filter."""
    jobs = [job_info(job, page.language) for job in page.data.get("jobs") or ()]
    query = page.addresses.query()
    chosen = {name: query.get(name, "") for name in FILTERS}
    return {
        "jobs": jobs,
        "chosen": chosen,
        "since": chosen["datetime"].partition("T")[0].partition("/")[0],
        "filtered": any(chosen.values()),
        "statuses": list(JobStatus),
        "status_facets": _status_facets(page, chosen),
        "process_facets": _process_facets(page, jobs, chosen),
        "next": page.addresses.follow(link_with(page.data, "next")),
        "prev": page.addresses.follow(link_with(page.data, "prev")),
    }


def _status_facets(page: Page, chosen: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    every = ",".join(JobStatus)
    values = [
        ("", "filter-finished-and-running"),
        (every, "all"),
        *((str(s), f"status-{s}") for s in JobStatus),
    ]
    return [
        {
            "key": key,
            "href": page.addresses.here(status=value, offset="", f=""),
            "current": chosen["status"] == value,
        }
        for value, key in values
    ]


def _process_facets(page: Page, jobs: Sequence[Any], chosen: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """Return the processes of this list, and the chosen one; choosing that again lifts the filter."""
    names = sorted({job.process for job in jobs} | ({chosen["processID"]} - {""}))
    return [
        {
            "name": name,
            "href": page.addresses.here(processID="" if name == chosen["processID"] else name, offset="", f=""),
            "current": name == chosen["processID"],
        }
        for name in names
    ]
