"""The ASGI application: routes and pages over the house, and what stands before them."""

from functools import partial
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from nbprocessor.api.access import protected
from nbprocessor.api.documents import DocumentRoutes
from nbprocessor.api.errors import ErrorResponses
from nbprocessor.api.guard import Guard
from nbprocessor.api.manager import NotebookManager
from nbprocessor.api.routes import StandardRoutes
from nbprocessor.api.schedules import ScheduleRoutes
from nbprocessor.api.service import NotebookAPI
from nbprocessor.api.services import Services
from nbprocessor.api.shares import ShareRoutes
from nbprocessor.api.signin import SignInRoutes
from nbprocessor.app.health import health
from nbprocessor.app.house import House
from nbprocessor.app.jobs import dismiss_job, submit_job
from nbprocessor.app.lifespan import lifespan
from nbprocessor.config import LOOPBACK, Settings
from nbprocessor.web import report
from nbprocessor.web.headers import PAGE_HEADERS, SecurityHeaders
from nbprocessor.web.pages import Pages, static_folder
from nbprocessor.web.steps import steps

EXPOSED = (
    "Content-Disposition", "ETag", "Link", "Location", "Preference-Applied", "Retry-After", "WWW-Authenticate",
)  # fmt: skip
"""Headers of answers that pages of other origins may read."""


def create_app(house: House, base_url: str) -> Starlette:
    """Return the ASGI application: OGC API for clients, pages for people.

    Args:
        house: From :func:`nbprocessor.app.build`.
        base_url: What links in answers begin with, without a trailing slash.
    """
    settings = house.settings
    submit_here = partial(submit_job, house)
    pages = Pages()
    services = Services(
        settings=settings,
        base_url=base_url,
        api=NotebookAPI(settings, base_url, NotebookManager(house.store, submit_here, partial(dismiss_job, house))),
        catalogue=house.catalogue,
        store=house.store,
        results=house.results,
        events=house.events,
        submit=submit_here,
        check_url=house.outbound.check,
        dismiss=house.worker.dismiss,
        render=pages.render,
        render_report=report.render_report,
        report_headers=report.REPORT_HEADERS,
        steps=steps,
        health=partial(health, house),
        schedules=house.schedules,
        sign_in=house.sign_in,
    )
    routes = [
        *StandardRoutes(services).routes(),
        *DocumentRoutes(services).routes(),
        *ScheduleRoutes(services).routes(),
    ]
    if house.sign_in is not None:
        routes += ShareRoutes(services, house.sign_in.shares).routes()
    errors = ErrorResponses(pages.render, PAGE_HEADERS, signs_in=house.sign_in is not None)
    sign_in_routes = SignInRoutes(services, house.sign_in).routes() if house.sign_in else []
    return Starlette(
        routes=[
            *protected(routes, house.sign_in, base_url),
            *sign_in_routes,
            Mount("/static", StaticFiles(directory=static_folder()), name="static"),
        ],
        middleware=_middleware(settings, base_url),
        exception_handlers=errors.handlers(),
        lifespan=lifespan(house, base_url),
    )


def _middleware(settings: Settings, base_url: str) -> list[Middleware]:
    hosts = {*LOOPBACK, settings.server.host, urlsplit(base_url).hostname or ""}
    return [
        Middleware(SecurityHeaders),
        Middleware(Guard, hosts=hosts, origins=settings.server.cors_origins),
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.server.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Accept", "Accept-Language", "Authorization", "Content-Type", "If-None-Match", "Prefer"],
            expose_headers=EXPOSED,
        ),
    ]
