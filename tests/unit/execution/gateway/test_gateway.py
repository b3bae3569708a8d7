"""The gateway of a job: what passes and how, who is signed in, what is noted, what goes wrong cleanly."""

import asyncio
import hashlib
import json
import os
import socket
import stat
import sys
import threading
from pathlib import Path

import httpx
import pytest

from nbprocessor.errors import ExecutionError, TokenUnavailable
from nbprocessor.execution.gateway import exchange, lineage
from nbprocessor.execution.gateway.door import CONNECTIONS, LONGEST_NAME
from nbprocessor.execution.gateway.tokens import NobodySignsIn
from nbprocessor.model.manifest import DataRequest
from tests.servers import datamanagement as stand_in
from tests.servers.city import EDITOR, STRANGER
from tests.unit.execution.gateway.opened import Opened, Tokens, opened
from tests.unit.store.samples import a_job

INDICATORS = "/management/indicators"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.fixture
def city(datamanagement):
    datamanagement.city.add_indicator("a", "A")
    datamanagement.city.add_indicator("b", "B")
    return datamanagement


def run(test, *arguments, **options) -> None:
    """Open a gateway and let a coroutine function use it."""

    async def all_of_it() -> None:
        async with opened(*arguments, **options) as gate:
            await test(gate)

    asyncio.run(all_of_it())


def detail(answer: httpx.Response) -> str:
    """The sentence of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return problem["detail"]


# ------------------------------------------------------------------------------ what passes


def test_an_answer_comes_as_it_is_and_is_noted_with_its_digest(city, tmp_path):
    async def test(gate: Opened) -> None:
        answer = await gate.client.get(f"{INDICATORS}?a=1")
        assert answer.status_code == 200 and len(answer.json()) > 1
        (noted,) = gate.door.requests
        assert (noted.method, noted.path, noted.status) == ("GET", f"{INDICATORS}?a=1", 200)
        assert (noted.bytes, noted.sha256) == (len(answer.content), hashlib.sha256(answer.content).hexdigest())
        assert (noted.sent_bytes, noted.sent_sha256, noted.problem) == (0, "", "")
        assert noted.seconds > 0 and noted.started.endswith("+00:00")

    run(test, tmp_path, city.url)


def test_values_are_written_to_the_target_and_noted(city, tmp_path):
    body = json.dumps({"applicableSpatialUnit": "X"}).encode() * 50_000

    async def test(gate: Opened) -> None:
        await gate.client.put(f"{INDICATORS}/a", content=body, headers={"Content-Type": "application/json"})
        refused = await gate.client.put(f"{INDICATORS}/b", content=body)
        assert refused.status_code == 403 and f"PUT of {INDICATORS}/a" in detail(refused)
        first, second = gate.door.requests
        assert (first.sent_bytes, first.sent_sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert (second.status, second.sent_bytes) == (403, 0) and second.problem == detail(refused)

    run(test, tmp_path, city.url, writable=["a"])
    assert city.bodies("PUT") == [body]


def test_connections_to_data_management_are_kept_and_shared_by_jobs(city, tmp_path):
    async def test(gate: Opened) -> None:
        other = await gate.gateway.open(a_job(), (), tmp_path / "other.sock")
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "other.sock"))
        async with httpx.AsyncClient(transport=transport) as client:
            await gate.client.get(INDICATORS)
            await client.get(f"http://localhost{INDICATORS}")
            await gate.client.get(INDICATORS)
        assert len(gate.door.requests) == 2 and len(other.requests) == 1
        await other.close()

    run(test, tmp_path, city.url)
    assert len({request.headers["x-port"] for request in city.requests}) == 1


@pytest.mark.parametrize(
    ("base", "expected"), [("", INDICATORS), ("/management/", INDICATORS), ("/dm", f"/dm{INDICATORS}")]
)
def test_the_base_of_the_settings_stands_before_the_path(city, tmp_path, base, expected):
    async def test(gate: Opened) -> None:
        await gate.client.get(INDICATORS)

    run(test, tmp_path, f"{city.url}{base}")
    assert [request.target for request in city.requests] == [expected]


def test_only_named_headers_pass_in_both_directions(city, tmp_path):
    city.fault(INDICATORS, headers={"Set-Cookie": "a=1", "Retry-After": "3", "Server": "secret", "X-Powered-By": "x"})
    sent = {
        "Cookie": "b=2",
        "Authorization": "Bearer mine",
        "X-Forwarded-For": "1.2.3.4",
        "X-HTTP-Method-Override": "DELETE",
        "Host": "elsewhere",
        "Connection": "keep-alive, X-Other",
        "X-Other": "1",
        "Accept": "application/json",
    }

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS, headers=sent)
        assert set(answer.headers) <= {"content-type", "content-length", "retry-after", "date", "server"}
        assert answer.headers["retry-after"] == "3" and answer.headers.get("server") != "secret"

    run(test, tmp_path, city.url)
    (request,) = city.requests
    assert request.authorization == f"Bearer {EDITOR}"
    assert set(request.headers) - {"x-port"} == {"host", "accept", "user-agent", "accept-encoding", "authorization"}
    assert request.headers["host"] == city.url.removeprefix("http://")


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://elsewhere/management/indicators HTTP/1.1\r\nHost: elsewhere",
        b"GET /management/%2e%2e/actuator HTTP/1.1\r\nHost: x",
        b"GET //management/indicators HTTP/1.1\r\nHost: x",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere",
        b"OPTIONS * HTTP/1.1\r\nHost: x",
        b"GET /management/users HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade",
    ],
)
def test_tricks_are_answered_403_and_go_nowhere(city, tmp_path, line):
    async def test(gate: Opened) -> None:
        answer = await gate.raw(line + b"\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 403 ") and b"does not pass" in answer

    run(test, tmp_path, city.url)
    assert city.requests == []


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET /management/indicators HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"PUT /management/indicators/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /management/indicators HTTP/1.1\r\nHost: x\r\nA b: 1\r\n\r\n",
        b"GET /management/in dicators HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /management/indicators HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000,
    ],
)
def test_what_is_no_http_is_refused_and_goes_nowhere(city, tmp_path, content):
    async def test(gate: Opened) -> None:
        assert (await gate.raw(content)).startswith((b"HTTP/1.1 400 ", b""))
        assert (await gate.client.get("/v3/api-docs")).status_code == 200

    run(test, tmp_path, city.url)
    assert [request.path for request in city.requests] == ["/v3/api-docs"]


def test_a_body_that_pretends_to_be_a_second_request_is_none(city, tmp_path):
    hidden = b"DELETE /management/indicators/a HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"PUT {INDICATORS}/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(hidden)}\r\n\r\n"

    async def test(gate: Opened) -> None:
        await gate.raw(head.encode() + hidden)

    run(test, tmp_path, city.url, writable=["a"])
    assert [(request.method, request.body) for request in city.requests] == [("PUT", hidden)]


# ------------------------------------------------------------------------------- signing in


def test_a_refused_token_is_renewed_and_the_request_said_again(city, tmp_path):
    tokens = Tokens(["stale", EDITOR])

    async def test(gate: Opened) -> None:
        assert (await gate.client.get(f"{INDICATORS}/a")).status_code == 200
        assert (await gate.client.put(f"{INDICATORS}/a", content=b"{}")).status_code != 401
        assert [request.status for request in gate.door.requests][:1] == [200]
        assert gate.door.tokens == {"stale", EDITOR}

    run(test, tmp_path, city.url, writable=["a"], tokens=tokens)
    asked = [(request.method, request.authorization) for request in city.requests]
    assert asked == [("GET", "Bearer stale"), ("GET", f"Bearer {EDITOR}"), ("PUT", f"Bearer {EDITOR}")]


def test_a_written_body_is_sent_again_whole_with_the_fresh_token(city, tmp_path):
    body = b"x" * 3_000_000

    async def test(gate: Opened) -> None:
        await gate.client.put(f"{INDICATORS}/a", content=body)

    run(test, tmp_path, city.url, writable=["a"], tokens=Tokens(["stale", EDITOR]))
    assert [len(sent) for sent in city.bodies("PUT")] == [len(body)] * 2


def test_a_token_that_stays_refused_is_asked_for_twice_and_no_more(city, tmp_path):
    async def test(gate: Opened) -> None:
        assert (await gate.client.get(f"{INDICATORS}/a")).status_code == 401

    run(test, tmp_path, city.url, tokens=Tokens(["stale"]))
    assert len(city.requests) == 2


def test_without_a_sign_in_requests_carry_nothing(city, tmp_path):
    async def test(gate: Opened) -> None:
        assert (await gate.client.get("/management/public/indicators")).status_code == 200

    run(test, tmp_path, city.url, tokens=NobodySignsIn())
    assert "authorization" not in city.requests[0].headers


def test_a_sign_in_that_has_ended_is_told_in_a_sentence(city, tmp_path):
    class Revoked(Tokens):
        async def token(self, job, refused=None):
            raise TokenUnavailable("The sign-in of the schedule's owner was taken back.")

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS)
        assert (answer.status_code, detail(answer)) == (401, "The sign-in of the schedule's owner was taken back.")

    run(test, tmp_path, city.url, tokens=Revoked())
    assert city.requests == []


def test_a_token_is_nowhere_in_what_the_notebook_gets(city, tmp_path, caplog):
    city.fault(INDICATORS, status=500, body=f'{{"message": "bad header Bearer {JWT}"}}'.encode())

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS)
        assert answer.status_code == 500 and b"bad header" in answer.content
        assert JWT not in answer.text and JWT not in str(answer.headers) and JWT not in str(gate.door.requests)

    run(test, tmp_path, city.url, tokens=Tokens([JWT]))
    assert JWT not in caplog.text


def test_a_socket_of_the_operators_is_the_way_and_signs_in_itself(city, tmp_path):
    with stand_in.gateway(city, tmp_path / "theirs") as theirs:

        async def test(gate: Opened) -> None:
            assert gate.gateway.signs_in(None)
            assert (await gate.client.get(f"{INDICATORS}/a")).status_code == 200

        run(test, tmp_path, "http://nowhere.invalid/dm", tokens=NobodySignsIn(), settings={"gateway": str(theirs)})
    (request,) = city.requests
    assert (request.path, request.authorization) == (f"{INDICATORS}/a", f"Bearer {EDITOR}")


@pytest.mark.parametrize("status", [403, 404, 409, 500])
def test_errors_of_data_management_come_as_they_are(city, tmp_path, status):
    city.fault(INDICATORS, status=status, body=b"its own words")

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS)
        assert (answer.status_code, answer.content) == (status, b"its own words")

    run(test, tmp_path, city.url)


def test_what_a_stranger_may_not_see_stays_unseen(city, tmp_path):
    async def test(gate: Opened) -> None:
        assert (await gate.client.get(f"{INDICATORS}/a")).status_code == 403

    run(test, tmp_path, city.url, tokens=Tokens([STRANGER]))


# ------------------------------------------------------------------------------- what goes wrong


def test_a_server_that_is_down_is_502_with_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def test(gate: Opened) -> None:
            answer = await gate.client.get(INDICATORS)
            assert (answer.status_code, "cannot be reached" in detail(answer)) == (502, True)
            (noted,) = gate.door.requests
            assert (noted.status, noted.bytes, noted.problem) == (502, 0, detail(answer))

        run(test, tmp_path, f"http://127.0.0.1:{port}")


def test_a_server_that_is_slow_is_504_with_a_sentence(city, tmp_path):
    fault = city.fault(INDICATORS, hold=threading.Event())

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS)
        assert (answer.status_code, detail(answer)) == (
            504,
            "Data Management did not answer within 0.2 s (data.read_timeout).",
        )

    run(test, tmp_path, city.url, settings={"read_timeout": 0.2})
    fault.hold.set()


def test_a_short_answer_that_breaks_off_is_502(city, tmp_path):
    city.fault(INDICATORS, reset=True)

    async def test(gate: Opened) -> None:
        assert (await gate.client.get(INDICATORS)).status_code == 502
        assert gate.door.requests[0].status == 502

    run(test, tmp_path, city.url)


def long(_: bytes) -> bytes:
    return b"x" * 10_000_000


def test_a_long_answer_comes_whole_and_is_noted_whole(city, tmp_path):
    city.fault(INDICATORS, rewrite=long)

    async def test(gate: Opened) -> None:
        assert (await gate.client.get(INDICATORS)).content == long(b"")
        (noted,) = gate.door.requests
        assert (noted.bytes, noted.sha256) == (10_000_000, hashlib.sha256(long(b"")).hexdigest())

    run(test, tmp_path, city.url)


def test_a_long_answer_that_breaks_off_is_seen_to_be_broken(city, tmp_path):
    city.fault(INDICATORS, rewrite=long, reset=True)

    async def test(gate: Opened) -> None:
        with pytest.raises(httpx.TransportError):
            await gate.client.get(INDICATORS)
        city.faults.clear()
        assert (await gate.client.get(INDICATORS)).status_code == 200
        assert gate.door.requests[0].problem == "Data Management broke its answer off"

    run(test, tmp_path, city.url)


def test_an_answer_that_is_too_large_is_refused_before_it_is_read(city, tmp_path):
    city.fault(INDICATORS, rewrite=long)

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS)
        assert (answer.status_code, detail(answer)) == (502, "The answer is larger than 5 MB (data.max_answer).")

    run(test, tmp_path, city.url, settings={"max_answer": 5_000_000})


def test_values_that_are_too_many_are_413_and_not_sent(city, tmp_path):
    async def test(gate: Opened) -> None:
        answer = await gate.client.put(f"{INDICATORS}/a", content=b"x" * 1_500_000)
        assert answer.status_code == 413 and "data.max_request" in detail(answer)

    run(test, tmp_path, city.url, writable=["a"], settings={"max_request": 1_000_000})
    assert city.requests == []


def test_a_redirect_is_not_followed_as_it_would_carry_the_token_away(city, tmp_path):
    city.fault(INDICATORS, status=302, headers={"Location": "http://elsewhere.invalid/"})

    async def test(gate: Opened) -> None:
        answer = await gate.client.get(INDICATORS)
        assert answer.status_code == 502 and "points elsewhere (302)" in detail(answer)
        assert "location" not in answer.headers

    run(test, tmp_path, city.url)


# -------------------------------------------------------------------------------- the socket


def test_the_socket_is_this_users_alone_and_gone_afterwards(city, tmp_path):
    async def test(gate: Opened) -> None:
        assert stat.S_IMODE(gate.path.stat().st_mode) == 0o600

    run(test, tmp_path, city.url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_who_gets_hold_of_the_socket_is_not_answered(city, tmp_path):
    async def test(gate: Opened) -> None:
        gate.path.chmod(0o666)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and folder != Path("/") and folder.is_relative_to("/tmp/pytest-of-root"):
                folder.chmod(0o755)
        script = (
            "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
            "s.sendall(b'GET /management/indicators HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); print(s.recv(99))"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(gate.path), stdout=-1, stderr=-1
        )
        output, errors = await process.communicate()
        assert output in (b"b''\n", b"") and b"HTTP" not in output, errors
        assert b"Permission" not in errors

    run(test, tmp_path, city.url)
    assert city.requests == []


def test_a_notebook_cannot_hold_more_connections_than_a_job_has(city, tmp_path):
    async def test(gate: Opened) -> None:
        held = [await asyncio.open_unix_connection(gate.path) for _ in range(CONNECTIONS)]
        reader, writer = await asyncio.open_unix_connection(gate.path)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        held[0][1].write(b"GET /v3/api-docs HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await held[0][0].readexactly(12)) == b"HTTP/1.1 200"
        for _, other in (*held, (reader, writer)):
            other.close()

    run(test, tmp_path, city.url)


def test_a_notebook_has_no_more_requests_under_way_than_a_job_may_have(city, tmp_path):
    fault = city.fault(INDICATORS, hold=threading.Event())

    async def test(gate: Opened) -> None:
        asking = [asyncio.create_task(gate.client.get(INDICATORS)) for _ in range(exchange.AT_ONCE + 5)]
        await asyncio.to_thread(city.wait_until_busy, exchange.AT_ONCE)
        fault.hold.set()
        assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}

    run(test, tmp_path, city.url)
    assert city.most_at_once == exchange.AT_ONCE


def test_the_end_of_the_run_ends_what_is_under_way_and_notes_it(city, tmp_path):
    fault = city.fault(INDICATORS, hold=threading.Event())

    async def test(gate: Opened) -> None:
        asking = asyncio.create_task(gate.client.get(INDICATORS))
        await asyncio.to_thread(fault.met.wait, 20)
        await gate.door.close()
        with pytest.raises(httpx.TransportError):
            await asking
        (noted,) = gate.door.requests
        assert (noted.status, noted.problem) == (0, "the run ended before the answer")

    run(test, tmp_path, city.url)
    fault.hold.set()


def test_a_name_too_long_for_a_socket_is_told_with_the_mend(city, tmp_path):
    folder = tmp_path / ("x" * LONGEST_NAME)
    folder.mkdir()
    with pytest.raises(ExecutionError, match=r"may have 107; set TMPDIR to a folder with a shorter name"):
        run(None, folder, city.url)
    assert list(folder.iterdir()) == []


def test_a_name_that_is_taken_is_told(city, tmp_path):
    (tmp_path / "data.sock").write_text("mine")
    with pytest.raises(ExecutionError, match="could not be opened: Address already in use"):
        run(None, tmp_path, city.url)


def test_beyond_its_length_the_lineage_only_counts():
    request = DataRequest("GET", "/", 200, 0, "", 0, "", "", 0.0)
    kept = lineage.Lineage()
    for _ in range(lineage.MOST + 3):
        kept.add(request)
    assert (len(kept.requests), kept.left_out) == (lineage.MOST, 3)
