"""Calls to addresses that clients name: callbacks and inputs by reference, never into the inner network.

Server-side request forgery is prevented by connecting to an address that was checked, not to a name: a name
may resolve to something else a moment later. Redirects are not followed and proxies of the environment not
used, as both would decide anew where the call goes. There is no well-kept library for all of it: advocate is
not maintained, requests-hardened knows private addresses only and bounds neither ports nor answers. urllib3
connects to an address under another name by its documented arguments.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TypeVar, cast
from urllib.parse import quote

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from nbprocessor import config
from nbprocessor.errors import OutboundRefused

T = TypeVar("T")
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port → all its addresses; raises OSError when there are none."""

PORTS = {"http": 80, "https": 443}
MAX_URL = 2_000
"""Characters."""
MAX_DURATION = 60.0
"""Seconds an answer may take as a whole, however steadily it drips."""

# Never on the public internet, or a door to somewhere else (6to4, relays); older Pythons call some global.
_REFUSED_IPV4 = [ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")]
_REFUSED_IPV6 = [ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
# All global unicast addresses there are; mapped, NAT64 and link-local ones lie elsewhere.
_GLOBAL_IPV6 = ip_network("2000::/3")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one machine's on the public internet.

    Source: IANA's registries of special-purpose addresses (RFC 6890).
    """
    ip = ip_address(address)
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _REFUSED_IPV4)
    return ip in _GLOBAL_IPV6 and not any(ip in network for network in _REFUSED_IPV6)


@dataclass(frozen=True, slots=True)
class _Target:
    """An address in its parts, as it is called."""

    url: str
    scheme: str
    host: str
    """Without brackets and without the root's dot."""
    port: int
    path: str
    """With the query."""
    trusted: bool
    """An inner host the settings allow."""

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def refused(self, reason: str) -> OutboundRefused:
        return OutboundRefused(self.url, reason)


class Outbound:
    """Fetches and posts; holds no connection, and may be used by several threads at once."""

    def __init__(self, settings: config.Outbound, resolve: Resolve | None = None) -> None:
        """Take the settings and, for tests, another way to resolve names."""
        self._settings = settings
        self._resolve = resolve or _resolve
        self._allowed = {host.lower() for host in settings.allow_hosts}

    def check(self, url: str) -> None:
        """Make sure that an address may be called as far as that can be told without the network.

        Raises:
            OutboundRefused: It may not be called; the reason says why.
        """
        self._target(url)

    def fetch(self, url: str, *, max_bytes: int) -> tuple[bytes, str]:
        """Return what is found at an address.

        Args:
            url: http or https.
            max_bytes: A longer answer is refused.

        Returns:
            Content and media type, as the other side names it.

        Raises:
            OutboundRefused: The address may not be called, or does not answer with 200 and few enough bytes.
        """
        target = self._target(url)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        with self._answer(target, "GET", None, headers, MAX_DURATION) as response:
            if response.status != 200:
                raise target.refused(_unexpected(response))
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise target.refused("it answers compressed, although it was asked not to")
            content = _read(response, target, max_bytes)
            return content, response.headers.get("Content-Type", "application/octet-stream")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a body; nothing of the answer counts but its status.

        Raises:
            OutboundRefused: The address may not be called, or does not answer with 2xx.
        """
        target = self._target(url)
        with self._answer(target, "POST", body, headers, self._settings.read_timeout) as response:
            if not 200 <= response.status < 300:
                raise target.refused(_unexpected(response))

    @property
    def post_duration(self) -> float:
        """Seconds after which :meth:`post` has returned, whatever the other side does; names resolved."""
        return self._settings.connect_timeout * _MAX_ADDRESSES + self._settings.read_timeout

    def _target(self, url: str) -> _Target:
        """Read an address once: what is checked here is what is called."""
        if len(url) > MAX_URL or not url.isprintable() or {" ", "\\"} & set(url):
            raise OutboundRefused(quote(url[:100]), "it is too long for an address, or has characters no address has")
        try:
            parsed = parse_url(url)
        except LocationParseError:
            raise OutboundRefused(url, "it cannot be read as an address") from None
        scheme, host = parsed.scheme or "", (parsed.host or "").strip("[]").rstrip(".").lower()
        if scheme not in PORTS:
            raise OutboundRefused(url, "only http and https addresses are called")
        if not host or "%" in host:
            raise OutboundRefused(url, "it names no host")
        if parsed.auth is not None:
            raise OutboundRefused(url, "it has a user name or password")
        port = PORTS[scheme] if parsed.port is None else parsed.port
        trusted = not self._allowed.isdisjoint({host, f"{host}:{port}"})
        target = _Target(url, scheme, host, port, parsed.request_uri, trusted)
        if not trusted:
            self._check_stranger(target)
        return target

    def _check_stranger(self, target: _Target) -> None:
        if target.port not in self._settings.ports:
            allowed = ", ".join(str(port) for port in self._settings.ports)
            raise target.refused(f"port {target.port} is not called (allowed: {allowed})")
        literal = _literal(target.host)
        inner_name = target.host == "localhost" or target.host.endswith(".localhost")
        if inner_name or (literal is not None and not is_public(literal)):
            raise target.refused(_NOT_PUBLIC)

    def _addresses(self, target: _Target) -> Sequence[str]:
        """Resolve a host, once; every one of its addresses has to be public."""
        try:
            found = list(dict.fromkeys(self._resolve(target.host, target.port)))
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise target.refused("the host is not known")
        if not target.trusted and not all(is_public(address) for address in found):
            raise target.refused(_NOT_PUBLIC)
        return found[:_MAX_ADDRESSES]

    @contextmanager
    def _answer(
        self, target: _Target, method: str, body: bytes | None, headers: Mapping[str, str], duration: float
    ) -> Iterator[BaseHTTPResponse]:
        """Send a request and give its answer; every failure on the way becomes an OutboundRefused."""
        sent = {"User-Agent": "nbprocessor", "Connection": "close", **headers, "Host": target.host_header}
        try:
            connection = self._connected(target)
            with _Deadline(connection, duration) as deadline:
                try:
                    connection.request(method, target.path, body, sent, preload_content=False, decode_content=False)
                    # Closed here: the connection's socket lives as long as an answer that was not read to its end.
                    with closing(connection.getresponse()) as response:
                        yield response
                except (HTTPError, HTTPException, OSError) as error:
                    raise target.refused(_TOO_SLOW if deadline.passed else _failure(error)) from error
            if deadline.passed:
                raise target.refused(_TOO_SLOW)
        except (HTTPError, OSError) as error:
            raise target.refused(_failure(error)) from error

    def _connected(self, target: _Target) -> HTTPConnection:
        """Connect to the first address that takes the connection."""
        addresses = self._addresses(target)
        for address in addresses:
            connection = self._connection(target, address)
            try:
                connection.connect()
            except (HTTPError, OSError):
                connection.close()
                if address == addresses[-1]:
                    raise
                continue
            # From here on it is the time between two pieces of the answer.
            connection.timeout = self._settings.read_timeout
            return connection
        raise AssertionError("a host has at least one address")

    def _connection(self, target: _Target, address: str) -> HTTPConnection:
        timeout = self._settings.connect_timeout
        if target.scheme == "http":
            return HTTPConnection(address, target.port, timeout=timeout)
        # The certificate has to be the name's, though the address is what is called.
        return HTTPSConnection(address, target.port, timeout=timeout, server_hostname=target.host, ssl_context=_trust())


def in_thread(call: Callable[[], T]) -> "asyncio.Future[T]":
    """Let something that calls strangers run in a thread of its own; called in the event loop.

    They take as long as they like: no thread of the server waits for them, and its end does not either.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return  # nobody waits any more
        if error is None:
            future.set_result(cast("T", result))
        else:
            future.set_exception(error)

    def run() -> None:
        try:
            result, error = call(), None
        except BaseException as raised:  # noqa: BLE001  # it is raised where the future is awaited
            result, error = None, raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="strangers", daemon=True).start()
    return future


class _Deadline:
    """Cuts a connection off after some seconds; a timeout alone starts anew with every byte."""

    def __init__(self, connection: HTTPConnection, seconds: float) -> None:
        self.passed = False
        self._connection = connection
        self._socket = connection.sock
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()

    def _cut(self) -> None:
        self.passed = True
        with suppress(OSError):  # it is closed already
            # Past the TLS object, which another thread is reading.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_MAX_ADDRESSES = 3
"""Of a host, tried one after the other."""
_NOT_PUBLIC = "the host is not on the public internet; inner hosts are allowed by outbound.allow_hosts"
_TOO_SLOW = "it takes too long to answer"


def _resolve(host: str, port: int) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _literal(host: str) -> str | None:
    """Return the IP address a host is, also written as ``127.1`` or ``0x7f000001``: resolvers take it."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return str(IPv4Address(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return None


def _trust() -> ssl.SSLContext:
    """Trust the system's authorities (or those of SSL_CERT_FILE) and those that come with requests."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _read(response: BaseHTTPResponse, target: _Target, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.stream(1 << 16, decode_content=False):
        content += chunk
        if len(content) > max_bytes:
            raise target.refused(f"it answers with more than {max_bytes} bytes")
    return bytes(content)


def _unexpected(response: BaseHTTPResponse) -> str:
    if 300 <= response.status < 400:
        return f"it answers {response.status}, and redirects are not followed; name the final address"
    return f"it answers {response.status}"


def _failure(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return _TOO_SLOW
    return f"it does not answer as HTTP servers do ({type(error).__name__})"
