"""People who sign in on the pages, without a browser: they follow redirects and fill in Keycloak's form."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urlsplit

import requests
from requests.cookies import RequestsCookieJar

from tests.servers.nbprocessor import Server

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
"""What a browser sends when a person opens a page."""


class _Jar(RequestsCookieJar):
    """As browsers do, it takes this machine's own address for a safe one."""

    def set_cookie(self, cookie, *arguments, **named):
        cookie.secure = False
        return super().set_cookie(cookie, *arguments, **named)


def _browser() -> requests.Session:
    """Return a browser without cookies."""
    session = requests.Session()
    session.cookies = _Jar()
    return session


@dataclass
class Visitor:
    """Somebody with a browser of his own."""

    server: Server
    browser: requests.Session = field(default_factory=_browser)

    def open(self, path: str, **how) -> requests.Response:
        """Open a page, without following where it leads."""
        url = path if path.startswith("http") else f"{self.server.url}{path}"
        how = {"timeout": 60, "allow_redirects": False} | how
        return self.browser.get(url, headers=PAGE | how.pop("headers", {}), **how)

    def begin(self, to: str = "/jobs") -> requests.Response:
        """Begin to sign in and return Keycloak's answer: its form, or the way back for who is known there."""
        begun = self.open(f"/sign-in?to={to}")
        assert begun.status_code == 303, begun.text
        return self.open(begun.headers["Location"])

    def fill_in(self, form: requests.Response, name: str) -> str:
        """Fill in Keycloak's form and return the address it sends the browser back to."""
        action = unescape(re.search(r'<form[^>]* action="([^"]+)"', form.text)[1])
        sent = self.browser.post(action, data={"username": name, "password": name}, allow_redirects=False, timeout=60)
        assert sent.status_code == 302, sent.text
        return sent.headers["Location"]

    def way_back(self, name: str, to: str = "/jobs") -> str:
        """Sign in at Keycloak and return the address it sends the browser back to, which is not opened."""
        return self.fill_in(self.begin(to), name)

    def sign_in(self, name: str, to: str = "/jobs") -> requests.Response:
        """Sign in, and return the answer that sends the browser on to the page."""
        return self.open(self.way_back(name, to))

    def sign_out(self) -> requests.Response:
        """Press the button on the landing page."""
        return self.change("POST", "/sign-out", data={"csrf": self.csrf_token()})

    def csrf_token(self) -> str:
        """Return the token that the pages have for their scripts; empty: they have none."""
        found = re.search(r'<meta name="csrf-token" content="([0-9a-f]+)">', self.open("/").text)
        return found[1] if found else ""

    def change(self, method: str, path: str, **how) -> requests.Response:
        """Ask for a change as a script or form of a page does, but for the token."""
        own = {"Origin": self.server.url, "Sec-Fetch-Site": "same-origin"}
        headers = {name: value for name, value in (own | how.pop("headers", {})).items() if value is not None}
        how = {"timeout": 60, "allow_redirects": False} | how
        return self.browser.request(method, f"{self.server.url}{path}", headers=headers, **how)

    def execute(self, process: str = "echo_text", **headers: str | None) -> requests.Response:
        """Run a process as the form of its page does."""
        headers = {"X-CSRF-Token": self.csrf_token()} | headers
        return self.change("POST", f"/processes/{process}/execution", json={"inputs": {}}, headers=headers)

    @property
    def session(self) -> str:
        """The id in the session's cookie."""
        return self.browser.cookies[self.cookie]

    @property
    def cookie(self) -> str:
        return f"nbprocessor-session-{urlsplit(self.server.url).port}"

    def who(self) -> str:
        """Return whom the landing page names; empty: nobody."""
        found = re.search(r'<span class="person"[^>]*>([^<]+)</span>', self.open("/").text)
        return found[1] if found else ""


def query(address: str) -> dict[str, str]:
    """Return an address's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
