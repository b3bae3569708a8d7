"""What runs beside the requests, from the start of the application to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.applications import Starlette

from nbprocessor.api.results import callback_body
from nbprocessor.app.house import House
from nbprocessor.callbacks import CallbackSender
from nbprocessor.notices.sender import notice_sender

log = logging.getLogger(__name__)


def lifespan(house: House, base_url: str) -> Callable[[Starlette], Any]:
    """Return what starts and ends the background work of the application, for Starlette.

    Args:
        house: From :func:`nbprocessor.app.build`; it is stopped at the end.
        base_url: What links in messages begin with, without a trailing slash.
    """

    @asynccontextmanager
    async def working(_: Starlette) -> AsyncIterator[None]:
        stop = house.stopping
        await house.worker.recover()
        sender = CallbackSender(
            house.store,
            house.outbound,
            partial(callback_body, results=house.results, base_url=base_url),
            house.settings.outbound,
        )
        notices = notice_sender(
            house.store.engine,
            house.outbound,
            house.settings.notice,
            base_url=base_url,
            title=house.settings.metadata.title,
        )
        tasks = [
            asyncio.create_task(house.worker.run(stop), name="worker"),
            asyncio.create_task(sender.run(stop), name="callbacks"),
            asyncio.create_task(notices.run(stop), name="notices"),
            asyncio.create_task(house.catalogue.watch(stop), name="catalogue"),
        ]
        if house.settings.schedule.enabled:
            tasks.append(asyncio.create_task(house.scheduler.run(stop), name="schedules"))
        if house.sign_in is not None:
            tasks.append(asyncio.create_task(house.sign_in.watch(stop, base_url), name="sign-in"))
        for task in tasks:
            task.add_done_callback(_report_end)
        try:
            yield
        finally:
            house.stop()
            await asyncio.gather(*tasks, return_exceptions=True)
            if house.sign_in is not None:
                house.sign_in.security_log.close()

    return working


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background task ended task=%s", task.get_name(), exc_info=error)
