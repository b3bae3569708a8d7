"""Every route has its action."""

from nbprocessor.api.access import ACTIONS, NOTED, SHARED, protected
from nbprocessor.api.documents import DocumentRoutes
from nbprocessor.api.routes import StandardRoutes
from nbprocessor.api.schedules import ScheduleRoutes
from nbprocessor.api.shares import ShareRoutes

ROUTES = [
    *StandardRoutes(None).routes(),  # type: ignore[arg-type]  # the tables need no services
    *DocumentRoutes(None).routes(),  # type: ignore[arg-type]  # likewise
    *ScheduleRoutes(None).routes(),  # type: ignore[arg-type]  # likewise
    *ShareRoutes(None, None).routes(),  # type: ignore[arg-type]  # likewise
]


def test_every_route_says_what_it_is_for():
    assert {route.path for route in ROUTES} == set(ACTIONS)
    assert {path for _, path in NOTED} | SHARED <= set(ACTIONS)


def test_while_sign_in_is_off_the_routes_are_as_they_were():
    assert protected(ROUTES, None, "http://127.0.0.1") == ROUTES
