"""How the house is, for ``/health``: whether its parts can do their work, and how much of it there is."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from nbprocessor import __version__
from nbprocessor.app.house import House
from nbprocessor.auth.signin import SignIn
from nbprocessor.errors import NbprocessorError
from nbprocessor.model.job import JobStatus


def health(house: House) -> dict[str, Any]:
    """Tell whether the parts can do their work, for ``/health``."""
    faults: dict[str, str] = {}
    found: dict[str, Any] = {}
    checks: Mapping[str, Callable[[], object]] = {
        "store": partial(_queue_facts, house),
        "results": house.results.check_reserve,
    }
    for part, check in checks.items():
        try:
            found[part] = check()
        except NbprocessorError as error:
            faults[part] = str(error)
    sign_in = _sign_in_facts(house.sign_in, faults)
    return {
        "status": "degraded" if faults else "ok",
        "version": __version__,
        "faults": faults,
        # Which notebooks have faults is nothing for those who may not see them.
        "processes": {"onOffer": len(house.catalogue.processes)}
        | ({} if house.sign_in else {"withFaults": sorted(house.catalogue.faults)}),
        **found.get("store", {"jobs": {}, "workers": {}, "schedules": {}}),
        "execution": house.worker.facts(),
    } | sign_in


def _sign_in_facts(sign_in: SignIn | None, faults: dict[str, str]) -> dict[str, Any]:
    """Tell what is missing for signing in; a fault is that nobody can."""
    if sign_in is None:
        return {}
    if not sign_in.keys.ready:
        faults["signIn"] = "There are no keys of Keycloak, so nobody can sign in."
    auth = sign_in.auth
    facts = {"issuer": auth.issuer_url, "commandLine": auth.cli_client_id, "problems": list(sign_in.problems)}
    facts |= {"tokens": list(sign_in.delegation.ways)}
    return {"signIn": facts}


def _queue_facts(house: House) -> dict[str, Any]:
    counts, oldest = house.store.counts(), house.store.oldest_waiting()
    # A clock may have been set back since.
    age = None if oldest is None else max(0, round((datetime.now(UTC) - oldest).total_seconds()))
    jobs = {"waiting": counts[JobStatus.ACCEPTED], "running": counts[JobStatus.RUNNING], "oldestWaiting": age}
    numbers = house.schedules.store.count()
    schedules = {"active": numbers[True], "paused": numbers[False], "firesHere": house.scheduler.leads}
    return {"jobs": jobs, "workers": house.worker.known(), "schedules": schedules}
