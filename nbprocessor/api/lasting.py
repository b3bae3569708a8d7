"""Answers that last, as streams of events do: they end when whoever gets them would no longer be let in."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

GLANCE = 2.0
"""Seconds between two questions whether somebody would still be let in."""


def while_good(app: ASGIApp, is_good: Callable[[], Awaitable[bool]]) -> ASGIApp:
    """Return the application with an end to its answer, once ``is_good`` says no."""

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        answering = asyncio.ensure_future(app(scope, receive, noting))
        try:
            while not (await asyncio.wait({answering}, timeout=GLANCE))[0]:
                if begun and not await is_good():
                    answering.cancel()
                    await asyncio.wait({answering})
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
        finally:
            answering.cancel()
        await answering

    return bounded
