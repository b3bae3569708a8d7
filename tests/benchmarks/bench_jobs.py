"""The job store and the job list: as quick with 100,000 jobs as with 100."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import stores
from tests.benchmarks.measurement import Measurement
from tests.benchmarks.timing import medians
from tests.servers import nbprocessor, postgresql

FEW, MANY = 100, 100_000
TINYDB = (100, 1_000, 10_000)
ROUNDS, TINYDB_ROUNDS, HTTP_ROUNDS = 41, 9, 61
EXAMPLES = nbprocessor.REPOSITORY / "notebooks" / "examples"
WORDS = {"list": "newest 10 jobs", "insert": "insert a job", "claim": "claim a job", "update": "end a job"}


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as until_the_end:
        folder = Path(name)
        urls = {
            f"SQLite, {count:,} jobs": (f"sqlite:///{_results(folder, count) / 'nbprocessor.db'}", count)
            for count in (FEW, MANY)
        }
        if programs := postgresql.installed():
            server = until_the_end.enter_context(postgresql.running(programs))
            for count in (FEW, MANY):
                urls[f"PostgreSQL, {count:,} jobs"] = until_the_end.enter_context(server.database()), count
        ours = {}
        for place, (url, count) in urls.items():
            store = stores.filled(url, count)
            until_the_end.callback(store.engine.dispose)
            ours[place] = stores.operations(store, count, ROUNDS + TINYDB_ROUNDS + 2)
        for count in TINYDB:
            ours[f"TinyDB, {count:,} jobs"] = stores.tinydb(folder / f"{count}.json", count)
        for operation, words in WORDS.items():
            yield from _compared(operation, words, ours)
        yield _over_http(folder, until_the_end)


def _results(folder: Path, count: int) -> Path:
    """Return the results folder of the server with so many jobs."""
    made = folder / f"results-{count}"
    made.mkdir(exist_ok=True)
    return made


def _compared(operation: str, words: str, ours: dict[str, stores.Operations]) -> Iterator[Measurement]:
    """Compare many jobs with few in each store, and with the manager of pygeoapi at its own numbers of jobs."""
    quick = {place: calls[operation] for place, calls in ours.items() if not place.startswith("TinyDB")}
    slow = {place: calls[operation] for place, calls in ours.items() if place not in quick and operation in calls}
    mark = f"SQLite, {MANY:,} jobs"
    times = medians(quick, ROUNDS)
    beside = medians({**slow, mark: quick[mark]}, TINYDB_ROUNDS)
    for kind in ("SQLite", "PostgreSQL"):
        if f"{kind}, {MANY:,} jobs" in times:
            few, many = times[f"{kind}, {FEW:,} jobs"], times[f"{kind}, {MANY:,} jobs"]
            place = f"{words}: {kind}, {MANY:,} jobs"
            yield Measurement(place, many * 1000, "ms", f"{FEW} jobs", few * 1000, at_most=2)
    for place in slow:
        what, reference = f"{words}: {mark}", f"pygeoapi's {place}"
        yield Measurement(what, beside[mark] * 1000, "ms", reference, beside[place] * 1000)


def _over_http(folder: Path, until_the_end: ExitStack) -> Measurement:
    servers = {
        count: until_the_end.enter_context(nbprocessor.start(EXAMPLES, _results(folder, count)))
        for count in (FEW, MANY)
    }
    calls = {
        str(count): lambda server=server: server.get("/jobs?limit=10&f=json").raise_for_status()
        for count, server in servers.items()
    }
    times = medians(calls, HTTP_ROUNDS, warm_up=5)
    what = f"GET /jobs?limit=10, {MANY:,} jobs"
    return Measurement(what, times[str(MANY)] * 1000, "ms", f"{FEW} jobs", times[str(FEW)] * 1000, at_most=2)
