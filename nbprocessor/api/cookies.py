"""Cookies of the pages: what they are called and how they are sent, and which requests they count for."""

from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from nbprocessor.auth.identity import Visitor
from nbprocessor.auth.sessions import csrf_token
from nbprocessor.config import LOOPBACK
from nbprocessor.errors import Forbidden

CSRF_HEADER = "X-CSRF-Token"
"""What scripts of the pages send their session's token in."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site`` of requests that a page of this server causes, or a person at the address bar."""


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of one server, by its address."""

    base_url: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a browser writes them into ``Origin``."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def usable(self) -> bool:
        """Whether a cookie is safe here: encrypted on its way, or on none."""
        return self._encrypted or urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def session(self) -> str:
        """Name of the cookie with a session's id."""
        return self.named("session")

    def named(self, what: str) -> str:
        """Return the name of a cookie; without https it has the port, because browsers do not tell ports apart."""
        return f"__Host-nbprocessor-{what}" if self._encrypted else f"nbprocessor-{what}-{urlsplit(self.base_url).port}"

    def read(self, headers: Headers, name: str) -> str:
        """Return a cookie's value; empty: it was not sent, or twice, of which one is somebody else's."""
        parts = [part.strip() for sent in headers.getlist("cookie") for part in sent.split(";")]
        if sum(part.partition("=")[0].strip() == name for part in parts) != 1:
            return ""
        return cookie_parser("; ".join(parts)).get(name, "")

    def give(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """Send a cookie, for some seconds or for as long as the browser is open."""
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._encrypted, httponly=True, samesite="lax"
        )

    def take_back(self, response: Response, name: str) -> None:
        """Let the browser forget a cookie."""
        response.delete_cookie(name, path="/", secure=self._encrypted, httponly=True, samesite="lax")

    def counts(self, method: str, headers: Headers) -> bool:
        """Tell whether a cookie says who asks: not where a page of somebody else's causes the request.

        Following a link from there is a person's doing.
        """
        site = headers.get("sec-fetch-site", "same-origin")
        return site in OWN or (method in SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate")

    def check_change(self, headers: Headers, session_id: str, token: str) -> None:
        """Make sure that a page of this session asks for a change, and no other page in the person's name.

        Args:
            headers: Of the request.
            session_id: That of its cookie.
            token: What the page sent for its session's token.

        Raises:
            Forbidden: It does not, or nothing shows it.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if (origin is None and site is None) or origin not in {None, self.origin} or site not in {None, "same-origin"}:
            raise Forbidden("A change that counts on a session has to come from a page of this server.")
        if not compare_digest(token.encode(), csrf_token(session_id).encode()):
            raise Forbidden(
                f"A change that counts on a session has to bring its token ({CSRF_HEADER}); load the page anew."
            )

    @property
    def _encrypted(self) -> bool:
        return urlsplit(self.base_url).scheme == "https"


def visitor(request: Request) -> Visitor | None:
    """Return what a page says of who looks at it; None: nothing, because nobody signs in here."""
    return getattr(request.state, "visitor", None)
