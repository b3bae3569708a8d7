"""Signing in and out on the pages: OpenID Connect's code flow with PKCE, sign-out here, and at Keycloak's word."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from keycloak.pkce_utils import generate_code_challenge, generate_code_verifier
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from nbprocessor.api import negotiation
from nbprocessor.api.cookies import Cookies
from nbprocessor.api.endpoint import page_address
from nbprocessor.api.problems import RequestRefused
from nbprocessor.api.services import Services
from nbprocessor.auth import sealing
from nbprocessor.auth.identity import Visitor
from nbprocessor.auth.realm import Refused
from nbprocessor.auth.sessions import Session
from nbprocessor.auth.signin import SignIn
from nbprocessor.config import LOOPBACK
from nbprocessor.errors import SignInUnavailable, Unauthenticated
from nbprocessor.language import LANGUAGES

UNDER_WAY = 600
"""Seconds somebody may take at Keycloak's page."""
LONGEST_FORM = 20_000
"""Bytes of a form that is taken here; the longest has a token."""
LONGEST_ADDRESS = 2_000
"""Characters of the page somebody comes back to."""
FRESH = {"Cache-Control": "no-store"}


class SignInRoutes:
    """One method per address; there is no door before them."""

    def __init__(self, services: Services, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._render = services.render
        self._base_url = services.base_url.rstrip("/")
        self._cookies = Cookies(self._base_url)
        self._key = sealing.key(sign_in.auth.secret(), "sign-ins under way")

    def routes(self) -> list[Route]:
        """Return the route table."""
        return [
            Route("/sign-in", self.begin),
            Route("/sign-in/callback", self.come_back),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/sign-out/back-channel", self.signed_out_elsewhere, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        """``GET /sign-in?to=/jobs``: go to Keycloak, and come back to a page of this server."""
        if not self._cookies.usable:
            raise RequestRefused(
                HTTPStatus.FORBIDDEN, "Signing in on pages needs https: set server.url to an address that has it."
            )
        asked, known = request.url.hostname, urlsplit(self._base_url).hostname
        if asked != known and {asked, known} <= LOOPBACK:
            # The cookie has to be that of the name Keycloak sends the browser back to. (Behind a proxy another name
            # in the request means nothing.)
            return RedirectResponse(f"{self._base_url}/sign-in?{request.url.query}", headers=FRESH)
        verifier, state, nonce = generate_code_verifier(), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        ticket = request.query_params.get("away", "")
        session_id = self._cookies.read(request.headers, self._cookies.session)
        # Only a page that this session was shown has such a ticket: nobody is made to leave a token here by a link.
        away = bool(ticket) and self._sign_in.delegation.is_ticket(ticket, session_id)
        wanted = {
            "redirect_uri": self._redirect_uri,
            "scope": "openid offline_access" if away else "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": generate_code_challenge(verifier)[0],
            "code_challenge_method": "S256",
        }
        language = request.query_params.get("lang")
        wanted |= {"ui_locales": language} if language in LANGUAGES else {}
        address = await asyncio.to_thread(self._address, wanted)
        response = RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=FRESH)
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "to": own_page(request.query_params.get("to"))}
        kept |= {"until": time.time() + UNDER_WAY, "away": away}
        self._cookies.give(response, self._under_way(state), sealing.sealed(kept, self._key), UNDER_WAY)
        return response

    async def come_back(self, request: Request) -> Response:
        """``GET /sign-in/callback``: take the code that Keycloak sent the browser back with."""
        query, headers = request.query_params, Headers(scope=request.scope)
        name = self._under_way(query.get("state", ""))
        kept = sealing.opened(self._cookies.read(headers, name), self._key)
        facts = {"address": request.client.host if request.client else "", "path": request.url.path}
        try:
            session = await self._redeemed(request, kept)
        except (Unauthenticated, Refused, RequestRefused) as error:
            self._sign_in.security_log.write("denial", None, reason=str(error), **facts)
            # Never a reason to sign in anew by itself: the browser would go round in a circle.
            refusal = RequestRefused(HTTPStatus.BAD_REQUEST, f"Signing in did not work: {error}")
            raise (error if isinstance(error, RequestRefused) else refusal) from None
        assert kept is not None
        response = RedirectResponse(self._base_url + own_page(kept["to"]), HTTPStatus.SEE_OTHER, headers=FRESH)
        self._cookies.take_back(response, name)
        if kept["away"]:
            self._sign_in.security_log.write("consent", session.who, address=facts["address"])
            return response
        self._sign_in.security_log.write("sign-in", session.who, pages="session", address=facts["address"])
        self._cookies.give(response, self._cookies.session, session.id)
        return response

    async def sign_out(self, request: Request) -> Response:
        """``POST /sign-out``: end the session, then the sign-in at Keycloak."""
        session_id = self._cookies.read(request.headers, self._cookies.session)
        self._cookies.check_change(request.headers, session_id, (await _form(request)).get("csrf", ""))
        session = await self._found(session_id)
        await self._sign_in.sessions.end(session_id)
        if session is None:
            response: Response = RedirectResponse(f"{self._base_url}/", HTTPStatus.SEE_OTHER, headers=FRESH)
        else:
            address = request.client.host if request.client else ""
            self._sign_in.security_log.write("sign-out", session.who, address=address)
            response = self._to_keycloak(request, session)
        self._cookies.take_back(response, self._cookies.session)
        return response

    async def signed_out_elsewhere(self, request: Request) -> Response:
        """``POST /sign-out/back-channel``: Keycloak says that somebody has signed out, or was."""
        token = (await _form(request)).get("logout_token", "")
        try:
            ended = await self._sign_in.sessions.end_at_keycloaks_word(token)
        except Unauthenticated as error:
            address = request.client.host if request.client else ""
            self._sign_in.security_log.write("denial", None, reason=str(error), address=address, path=request.url.path)
            document = {"error": "invalid_request", "error_description": str(error)}
            return JSONResponse(document, HTTPStatus.BAD_REQUEST, headers=FRESH)
        if ended:
            self._sign_in.security_log.write("sign-out", None, reason="Keycloak said so", sessions=ended)
        return Response(status_code=HTTPStatus.OK, headers=FRESH)

    async def _redeemed(self, request: Request, kept: Any) -> Session:
        query = request.query_params
        state = query.get("state", "")
        if kept is None or not state or kept["state"] != state or kept["until"] < time.time():
            raise RequestRefused(
                HTTPStatus.BAD_REQUEST,
                "This sign-in was not begun in this browser, or too long ago, or has been used. Sign in once more.",
            )
        if query.get("iss") != self._sign_in.auth.issuer_url:
            raise Unauthenticated("another issuer than this server's realm has answered (iss)")
        if "error" in query:
            raise RequestRefused(HTTPStatus.FORBIDDEN, f"Keycloak let nobody in: {query['error'][:100]}.")
        answer = await asyncio.to_thread(
            self._sign_in.realm.redeemed, query.get("code", ""), self._redirect_uri, kept["verifier"]
        )
        previous = self._cookies.read(request.headers, self._cookies.session)
        if not kept["away"]:
            return await self._sign_in.sessions.begin(answer, kept["nonce"], previous)
        return await self._left(answer, kept["nonce"], previous)

    async def _left(self, answer: Mapping[str, Any], nonce: str, session_id: str) -> Session:
        """Keep the token somebody leaves here for his schedules; his session stays as it is.

        Raises:
            Unauthenticated: The tokens are not good, or not of whom the session is.
        """
        session = await self._sign_in.sessions.find(session_id)
        checked = await self._sign_in.sessions.begin(answer, nonce)
        await self._sign_in.sessions.end(checked.id)
        if session is None or session.who.owner != checked.who.owner:
            raise Unauthenticated("somebody else has signed in at Keycloak meanwhile")
        owner, token = session.who.owner, str(answer.get("refresh_token", ""))
        await asyncio.to_thread(self._sign_in.delegation.remember, owner, token)
        return session

    async def _found(self, session_id: str) -> Session | None:
        try:
            return await self._sign_in.sessions.find(session_id)
        except SignInUnavailable:
            return None  # whoever wants out gets out; Keycloak's part is left out

    def _to_keycloak(self, request: Request, session: Session) -> Response:
        """Return a page that goes on to Keycloak by itself.

        No redirect: browsers take the whole way of a form for its target, and forms of pages go to this server only.
        """
        address = self._sign_in.realm.sign_out_address(
            id_token_hint=session.id_token, post_logout_redirect_uri=f"{self._base_url}/"
        )
        html = self._render(
            "signed_out",
            {"next": address},
            language=negotiation.language(request.query_params, request.headers),
            url=page_address(request),
            base_url=request.scope.get("root_path", ""),
            visitor=Visitor(),
        )
        return HTMLResponse(html, headers=FRESH | {"Refresh": f"0; url={address}", "Clear-Site-Data": '"cache"'})

    def _address(self, wanted: dict[str, str]) -> str:
        try:
            return self._sign_in.realm.sign_in_address(**wanted)
        except Refused:
            raise SignInUnavailable("Keycloak has no such realm (auth.realm).") from None

    def _under_way(self, state: str) -> str:
        """Return the name of a sign-in's cookie: each tab may have one under way."""
        kept = "".join(sign for sign in state[:12] if sign.isascii() and sign.isalnum())
        return self._cookies.named(f"sign-in-{kept}")

    @property
    def _redirect_uri(self) -> str:
        return f"{self._base_url}/sign-in/callback"


def own_page(wanted: str | None) -> str:
    """Return path and query of a page of this server; what may be anything else is the landing page."""
    page = wanted or "/"
    strange = any(not " " < sign <= "~" or sign == "\\" for sign in page)
    if strange or len(page) > LONGEST_ADDRESS or not page.startswith("/") or page.startswith(("//", "/sign-")):
        return "/"
    return page


async def _form(request: Request) -> dict[str, str]:
    """Read a small form.

    Raises:
        RequestRefused: It is none, or too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This takes a form (x-www-form-urlencoded).")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A form here has {LONGEST_FORM} bytes at most.")
    return _pairs(body)


def _pairs(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10))
    except ValueError:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The form cannot be read.") from None
