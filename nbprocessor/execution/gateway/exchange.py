"""One request of a notebook: let through or refused, sent on with a token, answered, and noted.

The application of a job's socket (ASGI). Headers pass by name, in both directions: neither cookies nor credentials of
the kernel go out, none of Data Management's come in.
"""

import asyncio
import hashlib
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import IO, Any

import httpcore

from nbprocessor import __version__, config, faultpoints
from nbprocessor.errors import SignInUnavailable, TokenUnavailable
from nbprocessor.execution.gateway import rules
from nbprocessor.execution.gateway.lineage import Lineage, Note
from nbprocessor.execution.gateway.tokens import TokenSource
from nbprocessor.execution.gateway.upstream import Upstream
from nbprocessor.model.job import Job

AT_ONCE = 8
"""Requests of one job under way at once; further ones wait."""
WHOLE = 1 << 20
"""Bytes up to which an answer is sent on once it is complete, so that a cut one becomes a clean error."""
CHUNK = 1 << 16
SENT_ON = ("accept", "content-type")
"""Headers of a notebook that reach Data Management."""
BROUGHT_BACK = (
    "content-type", "content-encoding", "content-disposition", "etag", "last-modified", "retry-after"
)  # fmt: skip
"""Headers of Data Management that reach the notebook."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)


class _Trouble(Exception):
    """There is no answer to pass on; the notebook gets a problem document (RFC 9457) with this sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Cut(Exception):
    """The answer broke off, or grew too large, when a part of it was with the notebook already."""


class Exchange:
    """Answers the requests of one job."""

    def __init__(
        self,
        job: Job,
        writable: Collection[str],
        *,
        upstream: Upstream,
        tokens: TokenSource,
        settings: config.Data,
    ) -> None:
        self.lineage = Lineage()
        self.used: set[str] = set()
        """Tokens that were sent; none of them may be in what is kept of the job."""
        self._job = job
        self._writable = frozenset(writable)
        self._upstream = upstream
        self._tokens = tokens
        self._settings = settings
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def answer(self, scope: Mapping[str, Any], receive: Receive, send: Send, abort: Callable[[], None]) -> None:
        """Answer one request.

        Args:
            scope: ASGI's, of type ``http``.
            receive: Gives the body.
            send: Takes the answer.
            abort: Breaks the connection off; then the notebook knows that its answer is not whole.
        """
        note = Note(scope["method"], rules.shown(scope["raw_path"]))
        try:
            async with self._slots:
                await self._pass_on(scope, receive, send, note)
        except _Trouble as trouble:
            note.problem, note.status = str(trouble), trouble.status
            await _tell(send, trouble)
        except _Cut as cut:
            note.problem = str(cut)
            abort()
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            note.problem = "the run ended before the answer"
            abort()
        except Exception:  # the request's door: whatever is wrong with one, the job's other requests go on
            log.exception("the gateway failed by a fault of the server job=%s", self._job.id)
            note.problem = "the gateway met an error of its own"
            abort()
        finally:
            self.lineage.add(note.request())

    async def _pass_on(self, scope: Mapping[str, Any], receive: Receive, send: Send, note: Note) -> None:
        try:
            target = rules.passed(scope["method"], scope["raw_path"], scope["query_string"], self._writable)
        except rules.Refused as refused:
            raise _Trouble(403, str(refused)) from None
        note.path = target
        headers = _chosen(scope["headers"], SENT_ON) | {
            "User-Agent": f"nbprocessor/{__version__}",
            "Accept-Encoding": "identity",  # the digest in the record is that of the content
        }
        if note.method == "GET":
            await self._relay(target, headers, None, send, note)
            return
        with tempfile.SpooledTemporaryFile(max_size=WHOLE) as body:
            await self._take(body, receive, note)
            headers["Content-Length"] = str(note.sent)
            await self._relay(target, headers, body, send, note)

    async def _take(self, body: IO[bytes], receive: Receive, note: Note) -> None:
        """Keep what the notebook sends, as it may have to be sent twice."""
        digest, more = hashlib.sha256(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Cut("the notebook broke its request off")
            content, more = message.get("body", b""), message.get("more_body", False)
            note.sent += len(content)
            if note.sent > self._settings.max_request:
                limit = self._settings.max_request // 1_000_000
                raise _Trouble(413, f"More than {limit} MB (data.max_request) are not sent to Data Management.")
            digest.update(content)
            body.write(content)
        note.sent_sha256 = digest.hexdigest()

    async def _relay(
        self, target: str, headers: Mapping[str, str], body: IO[bytes] | None, send: Send, note: Note
    ) -> None:
        """Send the request on; where its token was refused, once more with a fresh one: GET and PUT may be repeated."""
        token = await self._token(None)
        async with self._asked(target, headers, body, token, note) as response:
            if response.status != 401 or token is None:
                await self._hand_over(response, token, send, note)
                return
        fresh = await self._token(token)
        async with self._asked(target, headers, body, fresh or token, note) as response:
            await self._hand_over(response, fresh or token, send, note)

    async def _token(self, refused: str | None) -> str | None:
        try:
            token = await self._tokens.token(self._job, refused)
        except TokenUnavailable as error:
            raise _Trouble(401, str(error)) from error
        except SignInUnavailable as error:
            raise _Trouble(503, str(error)) from error
        if token is not None:
            self.used.add(token)
        return token

    @asynccontextmanager
    async def _asked(
        self, target: str, headers: Mapping[str, str], body: IO[bytes] | None, token: str | None, note: Note
    ) -> AsyncIterator[httpcore.Response]:
        """Enter Data Management's answer; whatever keeps it away is a sentence."""
        sent = {**headers, "Authorization": f"Bearer {token}"} if token is not None else headers
        content = _content(body) if body is not None else None
        asking: AbstractAsyncContextManager[httpcore.Response]
        asking = self._upstream.ask(note.method, target, sent, content)
        try:
            async with asking as response:
                note.status = response.status
                if note.method != "GET":
                    faultpoints.passed("data-written")
                yield response
        except httpcore.ConnectTimeout as error:
            limit = self._settings.connect_timeout
            raise _Trouble(
                504, f"Data Management took no connection within {limit:g} s (data.connect_timeout)."
            ) from error
        except httpcore.TimeoutException as error:
            limit = self._settings.read_timeout
            raise _Trouble(504, f"Data Management did not answer within {limit:g} s (data.read_timeout).") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            log.warning("Data Management gave no answer job=%s reason=%r", self._job.id, error)
            raise _Trouble(502, "Data Management cannot be reached, or broke the connection off.") from error

    async def _hand_over(self, response: httpcore.Response, token: str | None, send: Send, note: Note) -> None:
        """Send an answer to the notebook: a short one once it is whole, a long one as it comes."""
        if 300 <= response.status < 400:
            place = f"Data Management points elsewhere ({response.status}); data.source has to be its own address."
            raise _Trouble(502, place)
        headers = _chosen([(name.lower(), value) for name, value in response.headers], BROUGHT_BACK)
        stream = response.aiter_stream()
        beginning = bytearray()
        async for chunk in stream:
            beginning += chunk
            if len(beginning) > WHOLE:
                break
        else:
            content = bytes(beginning)
            if response.status >= 400 and token is not None:
                content = content.replace(token.encode(), b"*" * len(token))
            self._count(note, content)
            headers["content-length"] = str(len(content))
            await _start(send, response.status, headers)
            await send({"type": "http.response.body", "body": content})
            return
        await self._stream(response, headers, bytes(beginning), stream, send, note)

    async def _stream(
        self,
        response: httpcore.Response,
        headers: dict[str, str],
        beginning: bytes,
        stream: AsyncIterator[bytes],
        send: Send,
        note: Note,
    ) -> None:
        length = _chosen([(name.lower(), value) for name, value in response.headers], ("content-length",))
        if int(length.get("content-length", 0)) > self._settings.max_answer or response.status >= 400:
            raise _Trouble(502, self._too_large())
        await _start(send, response.status, headers | length)
        try:
            self._count(note, beginning)
            await send({"type": "http.response.body", "body": beginning, "more_body": True})
            async for chunk in stream:
                self._count(note, chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _Cut("Data Management broke its answer off") from error
        except _Trouble as trouble:
            raise _Cut(str(trouble)) from None
        await send({"type": "http.response.body", "body": b""})

    def _count(self, note: Note, content: bytes) -> None:
        note.received += len(content)
        note.received_digest.update(content)
        if note.received > self._settings.max_answer:
            raise _Trouble(502, self._too_large())

    def _too_large(self) -> str:
        return f"The answer is larger than {self._settings.max_answer // 1_000_000} MB (data.max_answer)."


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    pairs = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _tell(send: Send, trouble: _Trouble) -> None:
    """Send a problem document."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(trouble.status).phrase,
        "status": trouble.status,
        "detail": str(trouble),
    }
    content = json.dumps(problem, ensure_ascii=False).encode()
    headers = {"content-type": "application/problem+json", "content-length": str(len(content))}
    await _start(send, trouble.status, headers)
    await send({"type": "http.response.body", "body": content})


async def _content(body: IO[bytes]) -> AsyncIterator[bytes]:
    """Read a kept body from its beginning."""
    body.seek(0)
    while content := body.read(CHUNK):
        yield content


def _chosen(headers: Any, names: Collection[str]) -> dict[str, str]:
    """Return the headers of these names, each once."""
    return {name: value.decode("latin-1") for raw, value in headers if (name := raw.decode("latin-1")) in names}
