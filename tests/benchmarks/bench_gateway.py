"""What a job's gateway costs: one small request through it, beside the same request without; and its opening."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from nbprocessor.config import Data
from nbprocessor.execution.gateway.door import Door, Gateway
from nbprocessor.kit.connection import Connection
from tests.benchmarks.measurement import Measurement
from tests.benchmarks.timing import medians
from tests.servers.city import EDITOR
from tests.servers.datamanagement import StandIn, start
from tests.unit.execution.gateway.opened import Tokens
from tests.unit.store.samples import a_job

ROUNDS = 200
INDICATOR = "/management/indicators/a"


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, start() as stand_in:
        stand_in.city.add_indicator("a", "A")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield from _measure(Path(name), stand_in, loop)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def _measure(folder: Path, stand_in: StandIn, loop: asyncio.AbstractEventLoop) -> Iterator[Measurement]:
    def inside(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    gateway = Gateway(Data(source=stand_in.url), Tokens())
    door: Door = inside(gateway.open(a_job(), (), folder / "data.sock"))
    direct = Connection(stand_in.url, token=EDITOR)
    through = Connection(stand_in.url, socket=str(folder / "data.sock"))
    with closing(direct), closing(through):
        calls = {
            "through": partial(through.download, INDICATOR, "a", folder / "answer", 1_000_000),
            "direct": partial(direct.download, INDICATOR, "a", folder / "answer", 1_000_000),
        }
        times = medians(calls, ROUNDS, warm_up=5)
    what = "one small request of the kit through the gateway"
    yield Measurement(what, 1000 * times["through"], "ms", "to the stand-in itself", 1000 * times["direct"])
    more = 1000 * (times["through"] - times["direct"])
    yield Measurement("what the gateway adds to a request", more, "ms", at_most=10)

    async def open_and_close() -> None:
        await (await gateway.open(a_job(), (), folder / "other.sock")).close()

    opening = medians({"open": lambda: inside(open_and_close())}, ROUNDS, warm_up=5)["open"]
    yield Measurement("a job's gateway opened and closed again", 1000 * opening, "ms", at_most=2)
    inside(door.close())
    inside(gateway.close())
