"""Who may ask for what: every route has its action, and is reached by those who may do it. Only while sign-in is on."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbprocessor.api.cookies import CSRF_HEADER, SAFE_METHODS, Cookies
from nbprocessor.api.lasting import while_good
from nbprocessor.auth.identity import Identity, Visitor
from nbprocessor.auth.policy import Action
from nbprocessor.auth.sessions import Session
from nbprocessor.auth.signin import SignIn
from nbprocessor.auth.tokens import LEEWAY
from nbprocessor.errors import Forbidden, NbprocessorError, SignInUnavailable, StoreUnavailable, Unauthenticated

PUBLIC = None
"""Whoever reaches the server may ask for it."""
ACTIONS: Mapping[str, Action | None] = MappingProxyType(
    {
        "/": PUBLIC,
        "/conformance": PUBLIC,
        "/openapi": PUBLIC,
        "/health": PUBLIC,
        "/processes": Action.LOOK,
        "/processes/{process_id}": Action.LOOK,
        "/processes/{process_id}/check": Action.READ_SOURCE,
        "/processes/{process_id}/notebook": Action.READ_SOURCE,
        "/processes/{process_id}/execution": Action.RUN,
        "/jobs": Action.RUN,
        "/jobs/{job_id}": Action.RUN,
        "/jobs/{job_id}/results": Action.RUN,
        "/jobs/{job_id}/results/{output_id}": Action.RUN,
        "/jobs/{job_id}/notebook": Action.RUN,
        "/jobs/{job_id}/report": Action.RUN,
        "/jobs/{job_id}/log": Action.RUN,
        "/jobs/{job_id}/inputs": Action.RUN,
        "/jobs/{job_id}/manifest": Action.RUN,
        "/jobs/{job_id}/events": Action.RUN,
        "/jobs/{job_id}/share": Action.RUN,
        "/processes/{process_id}/schedule": Action.RUN,
        "/schedules": Action.RUN,
        "/schedules/{schedule_id}": Action.RUN,
        "/schedules/{schedule_id}/jobs": Action.RUN,
        "/schedules/{schedule_id}/run": Action.RUN,
        "/schedules/{schedule_id}/pause": Action.RUN,
        "/schedules/{schedule_id}/resume": Action.RUN,
    }
)
"""What a route is for. One that is not named here is for administrators."""
LASTING = frozenset({"/jobs/{job_id}/events"})
"""What goes on being answered, and has to end with the sign-in."""
SHARED = frozenset({"/jobs/{job_id}/report"})
"""What a shared link shows."""
NOTED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("POST", "/processes/{process_id}/execution"): "execution",
        ("DELETE", "/jobs/{job_id}"): "dismissal",
        ("POST", "/jobs/{job_id}/share"): "share",
        ("POST", "/processes/{process_id}/schedule"): "schedule",
        ("PUT", "/schedules/{schedule_id}"): "schedule",
        ("PATCH", "/schedules/{schedule_id}"): "schedule",
        ("DELETE", "/schedules/{schedule_id}"): "schedule",
        ("POST", "/schedules/{schedule_id}/run"): "execution",
        ("POST", "/schedules/{schedule_id}/pause"): "schedule",
        ("POST", "/schedules/{schedule_id}/resume"): "schedule",
    }
)
"""What the security log keeps, beside sign-ins and refusals."""


def protected(routes: Sequence[Route], sign_in: SignIn | None, base_url: str) -> list[Route]:
    """Return the routes with a door before each; the same routes when sign-in is off.

    Args:
        routes: As the rooms of the API list them.
        sign_in: Decides.
        base_url: Of this server: where its own pages are.
    """
    if sign_in is None:
        return list(routes)
    return [
        Route(
            route.path,
            route.endpoint,
            methods=sorted(route.methods or ()),
            middleware=[Middleware(Door, path=route.path, sign_in=sign_in, cookies=Cookies(base_url))],
        )
        for route in routes
    ]


class Door:
    """Lets in who may do what the route is for, and says who it was (``request.state.identity``).

    A bearer token says who asks, whatever cookies come along; without one, the session of a page does.
    """

    def __init__(self, app: ASGIApp, *, path: str, sign_in: SignIn, cookies: Cookies) -> None:
        """Stand before a route.

        Args:
            app: The route.
            path: Its path, as :data:`ACTIONS` names it.
            sign_in: Decides.
            cookies: Where sessions are.
        """
        self._app = app
        self._cookies = cookies
        self._path = path
        self._action = ACTIONS.get(path, Action.ADMINISTER)
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise why not."""
        who: Identity | None = None
        bearer = ""
        session: Session | None = None
        shared = None
        state = scope.setdefault("state", {})
        state["visitor"] = Visitor()
        facts: dict[str, Any] = {
            "address": (scope.get("client") or ("",))[0],
            "method": scope["method"],
            "path": scope["path"],
            "process": scope["path_params"].get("process_id"),
            "schedule": scope["path_params"].get("schedule_id"),
        }
        try:
            headers = Headers(scope=scope)
            who, bearer = await self._identity(headers)
            if who is not None:
                self._sign_in.security_log.signed_in(who, facts["address"])
            elif (session := await self._session(scope["method"], headers)) is not None:
                who = session.who
                state["visitor"] = Visitor(who.name, session.csrf_token, self._sign_in.delegation.ticket(session.id))
                if scope["method"] not in SAFE_METHODS:
                    self._cookies.check_change(headers, session.id, headers.get(CSRF_HEADER, ""))
            shared = self._shared_job(scope) if who is None else None
            if shared is None:
                self._check(who)
        except NbprocessorError as error:
            self._sign_in.security_log.write("denial", who, reason=str(error), **facts)
            raise
        state.update(identity=who, shared_job=shared, access_token=session.access_token if session else bearer)
        app = self._app
        if self._path in LASTING and who is not None:
            app = while_good(app, partial(self._is_good, who, session))
        await app(scope, receive, self._noting(send, who, scope, facts))

    async def _session(self, method: str, headers: Headers) -> Session | None:
        """Return the session of the page that sent the request; None: none did."""
        session_id = self._cookies.read(headers, self._cookies.session)
        if not session_id or not self._cookies.counts(method, headers):
            return None
        try:
            return await self._sign_in.sessions.find(session_id)
        except SignInUnavailable:
            if self._action is PUBLIC:
                return None
            raise

    async def _is_good(self, who: Identity, session: Session | None) -> bool:
        """Tell whether somebody who was let in still would be."""
        if session is None:
            return time.time() < who.expires + LEEWAY
        try:
            return await self._sign_in.sessions.find(session.id, used=False) is not None
        except StoreUnavailable:
            return True  # nothing is told of jobs meanwhile, either
        except SignInUnavailable:
            return False

    async def _identity(self, headers: Headers) -> tuple[Identity | None, str]:
        """Return who sent the request, and the token that says so; None: nobody does.

        Raises:
            Unauthenticated: There is a token, and it is not good.
            SignInUnavailable: Whether it is good cannot be told now.
        """
        given = headers.getlist("authorization")
        if not given:
            return None, ""
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("one header Authorization: Bearer with a token is taken, and no other way to sign in")
        return await self._sign_in.tokens.check(token.strip()), token.strip()

    def _shared_job(self, scope: Scope) -> str | None:
        token = QueryParams(scope["query_string"]).get("share")
        if token is None or self._path not in SHARED:
            return None
        job_id: str = scope["path_params"]["job_id"]
        self._sign_in.shares.check(token, job_id)
        return job_id

    def _check(self, who: Identity | None) -> None:
        action, policy = self._action, self._sign_in.policy
        if action is PUBLIC:
            return
        if who is None:
            if action is Action.LOOK and policy.public_processes:
                return
            raise Unauthenticated
        if policy.allows(who, action) or (action is Action.LOOK and policy.public_processes):
            return
        needed = ", ".join(policy.needed(action))
        raise Forbidden(f"{who.name} may not {action}; one of these roles is needed: {needed}.")

    def _noting(self, send: Send, who: Identity | None, scope: Scope, facts: Mapping[str, Any]) -> Send:
        """Return ``send`` that writes what was done to the security log, once it is known how it ended."""
        event = NOTED.get((scope["method"], self._path))

        async def noted(message: Message) -> None:
            if event and message["type"] == "http.response.start":
                _, _, made = Headers(raw=message["headers"]).get("location", "").rpartition("/")
                told = dict(facts) | {"status": message["status"]}
                if event == "schedule":
                    told["schedule"] = facts["schedule"] or made
                else:
                    told["job"] = scope["path_params"].get("job_id") or made
                self._sign_in.security_log.write(event, who, **told)
            await send(message)

        return noted
