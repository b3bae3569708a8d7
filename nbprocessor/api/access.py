"""Who may ask for what: every route has its action, and is reached by those who may do it. Only while sign-in is on."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbprocessor.auth.identity import Identity
from nbprocessor.auth.policy import Action
from nbprocessor.auth.signin import SignIn
from nbprocessor.errors import Forbidden, NbprocessorError, Unauthenticated

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


def protected(routes: Sequence[Route], sign_in: SignIn | None) -> list[Route]:
    """Return the routes with a door before each; the same routes when sign-in is off."""
    if sign_in is None:
        return list(routes)
    return [
        Route(
            route.path,
            route.endpoint,
            methods=sorted(route.methods or ()),
            middleware=[Middleware(Door, path=route.path, sign_in=sign_in)],
        )
        for route in routes
    ]


class Door:
    """Lets in who may do what the route is for, and says who it was (``request.state.identity``)."""

    def __init__(self, app: ASGIApp, *, path: str, sign_in: SignIn) -> None:
        """Stand before a route.

        Args:
            app: The route.
            path: Its path, as :data:`ACTIONS` names it.
            sign_in: Decides.
        """
        self._app = app
        self._path = path
        self._action = ACTIONS.get(path, Action.ADMINISTER)
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise why not."""
        who: Identity | None = None
        shared = None
        facts: dict[str, Any] = {
            "address": (scope.get("client") or ("",))[0],
            "method": scope["method"],
            "path": scope["path"],
            "process": scope["path_params"].get("process_id"),
            "schedule": scope["path_params"].get("schedule_id"),
        }
        try:
            who = await self._identity(Headers(scope=scope))
            shared = self._shared_job(scope) if who is None else None
            if who is not None:
                self._sign_in.security_log.signed_in(who, facts["address"])
            if shared is None:
                self._check(who)
        except NbprocessorError as error:
            self._sign_in.security_log.write("denial", who, reason=str(error), **facts)
            raise
        scope.setdefault("state", {}).update(identity=who, shared_job=shared)
        await self._app(scope, receive, self._noting(send, who, scope, facts))

    async def _identity(self, headers: Headers) -> Identity | None:
        """Return who sent the request; None: nobody says so.

        Raises:
            Unauthenticated: There is a token, and it is not good.
            SignInUnavailable: Whether it is good cannot be told now.
        """
        given = headers.getlist("authorization")
        if not given:
            return None
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("one header Authorization: Bearer with a token is taken, and no other way to sign in")
        return await self._sign_in.tokens.check(token.strip())

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
