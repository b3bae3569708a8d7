"""The end of a server at a signal."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from starlette.applications import Starlette

from nbprocessor.app import House


def stopping_at_signals(house: House, app: Starlette) -> Starlette:
    """Let the house stop at the signal, not after the requests under way are answered: some wait for its jobs."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()

        def stop(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(house.stop)
            before = uvicorns[number]
            if callable(before):
                before(number, frame)

        uvicorns: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            async with inner(app) as state:
                yield state
        finally:
            for number, handler in uvicorns.items():
                signal.signal(number, handler)

    app.router.lifespan_context = lifespan
    return app
