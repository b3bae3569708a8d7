"""The way to a Data Management API over HTTP: retries, time-outs, a sentence for whatever goes wrong."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from nbprocessor.errors import DataError, DataUnavailable, ResourceNotFound
from nbprocessor.kit.unixsocket import UnixSocketAdapter

T = TypeVar("T")
ACCEPT = "application/json"
"""Metadata endpoints answer 500 without it; feature collections (``allFeatures``) take it, too."""
REDIRECTS = 5
CHUNK = 1 << 18
ERROR_LENGTH = 300
PROBLEM = "application/problem+json"
"""Media type of what the gateway says itself (RFC 9457); Data Management has none of it."""
PASSING = frozenset({429, 502, 503, 504})
"""Statuses of a server that is busy or starting: the same request may succeed a moment later."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for, and how often it is asked for again. All times in seconds."""

    attempts: int = 4
    first_wait: float = 0.5
    """Longest pause before the second attempt; doubled before each further one. A longer ``Retry-After`` is kept."""
    longest_wait: float = 20.0
    connect: float = 10.0
    read: float = 120.0
    """For the next bytes of an answer, not for the whole of it."""


class _Again(Exception):
    """The attempt failed in a way that may pass."""

    def __init__(self, error: DataError, after: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Connection:
    """A connection to one Data Management API, for several threads at once.

    Args:
        base: address of the API with or without ``/management``, as `base_address` returns it.
        token: bearer token of the one who is signed in; empty: nobody is.
        socket: path of a job's gateway socket through which all requests go, instead of to ``base``. A gateway is asked
            for paths without the base's own path (``/management/…``, ``/v3/api-docs``) and adds the token.
        connections: how many at once.
    """

    def __init__(
        self, base: str, *, token: str = "", socket: str = "", connections: int = 4, patience: Patience | None = None
    ) -> None:
        self.base = base
        self._patience = patience or Patience()
        self._root = "http://localhost" if socket else base
        self._session = requests.Session()
        self._session.max_redirects = REDIRECTS
        self._session.auth = _Bearer(token) if token else None
        if socket:
            self._session.trust_env = False  # a proxy is no way to a socket
            adapter: HTTPAdapter = UnixSocketAdapter(socket, connections)
        else:
            adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections, pool_block=True)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def download(self, path: str, resource: str, file: Path, largest: int) -> None:
        """Fetch ``path`` into ``file`` as a stream; ``resource`` is what a sentence calls it.

        Raises:
            ResourceNotFound: unknown, or no permission; the API does not tell which.
            DataUnavailable: no answer, none that can be used, or one of more than ``largest`` bytes.
        """

        def keep(response: requests.Response) -> None:
            size = 0
            with file.open("wb") as sink:
                for chunk in response.iter_content(CHUNK):
                    size += len(chunk)
                    if size > largest:
                        raise DataUnavailable(resource, f"the answer is larger than {largest // 1_000_000} MB")
                    sink.write(chunk)

        self._patiently(lambda: self._send("GET", path, resource, keep))

    def put(self, path: str, resource: str, body: bytes) -> None:
        """Send JSON with PUT; said again after a broken connection, which is safe because it is an upsert.

        Raises:
            ResourceNotFound: unknown, or no permission to change it.
            DataUnavailable: no answer, or one that says the values were not stored.
        """
        headers = {"Content-Type": "application/json"}
        self._patiently(lambda: self._send("PUT", path, resource, lambda _: None, body, headers))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _patiently(self, attempt: Callable[[], T]) -> T:
        patience = self._patience
        backoff = tenacity.wait_random_exponential(multiplier=patience.first_wait, max=patience.longest_wait)

        def wait(state: tenacity.RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome else None
            asked = failure.after if isinstance(failure, _Again) else 0.0
            return max(backoff(state), min(asked, patience.longest_wait))

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(patience.attempts),
            wait=wait,
            retry=tenacity.retry_if_exception_type(_Again),
            before_sleep=_tell,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Again as again:
            raise again.error from again.__cause__

    def _send(
        self,
        method: str,
        path: str,
        resource: str,
        take: Callable[[requests.Response], T],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Make one attempt: hand the good answer to ``take``, turn everything else into one of our errors."""
        patience = self._patience
        try:
            with self._session.request(
                method,
                f"{self._root}{path}",
                data=body,
                headers={"Accept": ACCEPT, **(headers or {})},
                stream=True,
                timeout=(patience.connect, patience.read),
                allow_redirects=method == "GET",
            ) as response:
                _check(response, resource)
                return take(response)
        except requests.exceptions.SSLError as error:
            raise DataUnavailable(resource, f"the certificate of {self.base} is not trusted: {_why(error)}") from error
        except requests.TooManyRedirects as error:
            raise DataUnavailable(resource, f"{self.base} redirects in a circle or too often") from error
        except requests.ReadTimeout as error:
            raise DataUnavailable(resource, f"{self.base} did not answer within {patience.read:g} seconds") from error
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            broken = DataUnavailable(resource, f"the connection to {self.base} failed: {_why(error)}")
            raise _Again(broken) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise DataUnavailable(resource, f"{self.base} cannot be asked: {_why(error)}") from error
        except OSError as error:  # requests' errors, OSErrors too, are all caught above: this one is ours
            raise DataUnavailable(resource, f"the answer cannot be kept: {error.strerror or error}") from error


class _Bearer(requests.auth.AuthBase):
    """Adds the token; as `auth` and not as a header, so that no .netrc replaces it and no redirect carries it away."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def base_address(place: str) -> str:
    """Return the address of an API without ``/management`` and slashes at its end.

    Raises:
        DataError: it is no address, or holds a password.
    """
    try:
        parts = urlsplit(place)
        port = parts.port  # says so when it is no number
    except ValueError as error:
        raise DataError(f'"{place}" is no address: {error}', resource=place) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise DataError(f'"{place}" is no address; it begins with http:// or https:// and a host.', resource=place)
    if parts.username or parts.password:
        raise DataError(
            f"The address of {parts.hostname} holds a name or password, which everyone would read in the results; "
            "leave it out.",
            resource=parts.hostname,
        )
    path = parts.path.rstrip("/").removesuffix("/management").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _check(response: requests.Response, resource: str) -> None:
    """Raise what an answer's status means; nothing for 2xx.

    Unknown, malformed and forbidden ids are all 403 with nothing in it; without sign-in an unknown one is 500 with a
    Java exception; 404 is what the API's description promises.
    """
    status = response.status_code
    if response.ok and not response.is_redirect:
        return
    if response.headers.get("Content-Type") == PROBLEM:
        raise _of_gateway(response, resource)
    kind, detail = _complaint(response)
    if status in (403, 404) or kind == "ResourceNotFoundException":
        raise ResourceNotFound(resource, status)
    if status == 401:
        raise DataUnavailable(resource, "Data Management wants a sign-in, or the one there was has expired", status)
    if response.is_redirect:
        raise DataUnavailable(resource, f"the values were not taken, the server points elsewhere ({status})", status)
    error = DataUnavailable(resource, f"Data Management answered {status}{f': {detail}' if detail else ''}", status)
    if status in PASSING:
        raise _Again(error, _seconds(response.headers.get("Retry-After", "")))
    raise error


def _of_gateway(response: requests.Response, resource: str) -> Exception:
    """Return what the job's gateway says itself: a request it does not let through, a server it does not reach."""
    _, detail = _complaint(response, "detail")
    error = DataUnavailable(resource, detail or f"the gateway answered {response.status_code}", response.status_code)
    return _Again(error) if response.status_code == 502 else error


def _complaint(response: requests.Response, member: str = "message") -> tuple[str, str]:
    """Return type and text of an error body: ``{"type", "label", "message"}``, or Spring's ``{"error", "path"}``."""
    content = next(response.iter_content(1 << 16), b"")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    kind, message = str(body.get("type") or ""), str(body.get(member) or body.get("error") or "")
    text = f"{kind}: {message}" if kind and kind != "Exception" else message
    return kind, text if len(text) <= ERROR_LENGTH else f"{text[:ERROR_LENGTH]} …"


def _seconds(retry_after: str) -> float:
    """Return what ``Retry-After`` asks for; 0 when it is a date or nonsense."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0


def _why(error: BaseException) -> str:
    """Return the innermost reason, without what libraries wrap around it: ``Connection refused``."""
    inner: BaseException | None = error
    text = type(error).__name__
    while inner is not None:
        text = (inner.strerror if isinstance(inner, OSError) else "") or str(inner) or text
        reasons = (getattr(inner, "reason", None), *reversed(inner.args), inner.__cause__, inner.__context__)
        inner = next((reason for reason in reasons if isinstance(reason, BaseException)), None)
    return text


def _tell(state: tenacity.RetryCallState) -> None:
    failure = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    _log.warning("Asking again in %.1f s, attempt=%d: %s", pause, state.attempt_number, failure)
