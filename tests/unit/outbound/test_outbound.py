import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest

from nbprocessor import config
from nbprocessor.errors import OutboundRefused
from nbprocessor.outbound import Outbound, in_thread, is_public
from tests.unit.outbound.strangers import content, strangers

PUBLIC = "93.184.216.34"


@pytest.fixture
def stranger():
    with strangers() as server:
        yield server


def outbound(*allowed, addresses=(), **settings):
    """Calls whose names resolve to these addresses; without them, as the system resolves."""
    resolve = (lambda host, port: list(addresses)) if addresses else None
    return Outbound(config.Outbound(allow_hosts=allowed, **settings), resolve)


def refusal(calls, url, act="check"):
    acts = {
        "check": calls.check,
        "fetch": lambda url: calls.fetch(url, max_bytes=1000),
        "post": lambda url: calls.post(url, b"{}", {}),
    }
    with pytest.raises(OutboundRefused) as caught:
        acts[act](url)
    return caught.value.reason


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "::1", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "fe80::1",
        "fc00::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "100::1", "::7f00:1", "fec0::1",
        "5f00::1",
    ],
)  # fmt: skip
def test_an_address_that_is_nobodys_or_somebody_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])
def test_an_address_on_the_public_internet_is(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://example.org/", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("http://", "names no host"),
        ("", "only http and https"),
        ("http:///path", "names no host"),
        ("http://user:secret@example.org/", "user name or password"),
        ("http://user@example.org/", "user name or password"),
        ("http://example.org:8080/", "port 8080 is not called"),
        ("http://example.org:22/", "port 22 is not called"),
        ("https://example.org:0/", "port 0 is not called"),
        ("http://127.0.0.1/", "not on the public internet"),
        ("http://127.1/", "not on the public internet"),
        ("http://0x7f000001/", "not on the public internet"),
        ("http://2130706433/", "not on the public internet"),
        ("http://017700000001/", "not on the public internet"),
        ("http://[::1]/", "not on the public internet"),
        ("http://[::ffff:127.0.0.1]/", "not on the public internet"),
        ("http://[fe80::1%25eth0]/", "no host"),
        ("http://localhost/", "not on the public internet"),
        ("http://LOCALHOST./", "not on the public internet"),
        ("http://a.localhost/", "not on the public internet"),
        ("http://example.org/" + "a" * 3000, "too long"),
        ("http://example.org/a b", "characters no address has"),
        ("http://example.org/\r\nHost: inner", "characters no address has"),
        ("http://example.org\\@127.0.0.1/", "characters no address has"),
    ],
)
def test_an_address_is_refused_before_the_network_is_asked(url, reason):
    found = refusal(outbound(), url)
    assert reason in found or "cannot be read as an address" in found


def test_a_name_that_leads_inside_is_refused_by_all_its_addresses():
    for addresses in (["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["64:ff9b::a00:1"]):
        assert "not on the public internet" in refusal(outbound(addresses=addresses), "http://example.org/", "fetch")


def test_a_name_is_resolved_once_and_what_was_checked_is_called():
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    calls = Outbound(config.Outbound(connect_timeout=0.05), rebinding)
    refusal(calls, "http://example.org/", "fetch")
    assert asked == ["example.org"]


def test_an_unknown_host_is_said_to_be_unknown():
    def unknown(host, port):
        raise socket.gaierror(-2, "unknown")

    assert "not known" in refusal(Outbound(config.Outbound(), unknown), "http://example.org/", "fetch")


def test_an_inner_host_is_called_where_the_settings_allow_it(stranger):
    body, media_type = outbound("127.0.0.1").fetch(f"{stranger.url}/a?b=c", max_bytes=1000)
    assert (body, media_type) == (b'{"from": "stranger"}', "application/json")
    (asked,) = stranger.asked
    assert (asked.method, asked.path, asked.headers["Host"]) == ("GET", "/a?b=c", f"127.0.0.1:{stranger.port}")
    assert "port" in refusal(outbound("127.0.0.2"), f"{stranger.url}/", "fetch")
    outbound(f"127.0.0.1:{stranger.port}").fetch(f"{stranger.url}/", max_bytes=1000)


def test_the_name_is_in_the_host_header_though_the_address_is_called(stranger):
    calls = outbound("inner.test", addresses=["127.0.0.1"])
    calls.fetch(f"http://inner.test:{stranger.port}/", max_bytes=1000)
    assert stranger.asked[0].headers["Host"] == f"inner.test:{stranger.port}"


def test_the_next_address_of_a_host_is_tried_when_the_first_does_not_answer(stranger):
    calls = outbound("inner.test", addresses=["127.0.0.9", "127.0.0.1"])
    assert calls.fetch(f"http://inner.test:{stranger.port}/", max_bytes=1000)[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(stranger, status):
    stranger.answers["moved"] = content(b"", status=status, Location=f"{stranger.url}/secret")
    for act in ("fetch", "post"):
        assert "redirects are not followed" in refusal(outbound("127.0.0.1"), f"{stranger.url}/moved", act)
    assert {asked.path for asked in stranger.asked} == {"/moved"}


@pytest.mark.parametrize("status", [204, 206, 400, 404, 500, 503])
def test_only_a_whole_good_answer_is_content(stranger, status):
    stranger.answers["other"] = content(b"", status=status)
    assert refusal(outbound("127.0.0.1"), f"{stranger.url}/other", "fetch") == f"it answers {status}"


def test_an_answer_that_is_too_long_is_refused_whether_it_says_its_length_or_not(stranger):
    stranger.answers["long"] = content(b"x" * 1001)
    stranger.answers["endless"] = endless
    for path in ("long", "endless"):
        assert "more than 1000 bytes" in refusal(outbound("127.0.0.1"), f"{stranger.url}/{path}", "fetch")
    stranger.answers["just"] = content(b"x" * 1000)
    assert len(outbound("127.0.0.1").fetch(f"{stranger.url}/just", max_bytes=1000)[0]) == 1000


def test_a_compressed_answer_is_refused_as_it_may_be_of_any_size(stranger):
    stranger.answers["zip"] = content(b"\x1f\x8b", Content_Encoding="gzip")
    assert "compressed" in refusal(outbound("127.0.0.1"), f"{stranger.url}/zip", "fetch")


def test_who_does_not_answer_is_given_up(stranger):
    began = time.monotonic()
    calls = outbound("127.0.0.1", read_timeout=0.2)
    assert "too long" in refusal(calls, f"{stranger.url}/slow", "fetch")
    assert time.monotonic() - began < 5


def test_who_answers_drop_by_drop_is_given_up(stranger, monkeypatch):
    monkeypatch.setattr("nbprocessor.outbound.MAX_DURATION", 0.5)
    stranger.answers["drops"] = drops
    began = time.monotonic()
    assert "too long" in refusal(outbound("127.0.0.1", read_timeout=5), f"{stranger.url}/drops", "fetch")
    assert time.monotonic() - began < 10


def test_who_does_not_speak_http_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_babble, args=(server,))
        thread.start()
        reason = refusal(outbound("127.0.0.1"), f"http://127.0.0.1:{server.getsockname()[1]}/", "fetch")
        thread.join()
    assert "does not answer as HTTP servers do" in reason


def test_who_does_not_take_connections_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "does not answer" in refusal(outbound("127.0.0.1"), f"http://127.0.0.1:{port}/", "fetch")


def test_a_post_carries_its_body_and_takes_any_good_answer(stranger):
    for status in (200, 201, 202, 204):
        stranger.answers["told"] = content(b"", status=status)
        outbound("127.0.0.1").post(f"{stranger.url}/told", b'{"a": 1}', {"Content-Type": "application/json"})
    assert [(asked.method, asked.body) for asked in stranger.asked] == [("POST", b'{"a": 1}')] * 4
    assert stranger.asked[0].headers["Content-Type"] == "application/json"


def test_a_certificate_nobody_vouches_for_is_refused(stranger):
    url = stranger.url.replace("http:", "https:")
    assert "does not answer" in refusal(outbound("127.0.0.1"), url, "fetch")


def test_calls_leave_no_connection_open(stranger):
    stranger.answers["moved"] = content(b"", status=302, Location="/")
    calls = outbound("127.0.0.1")
    calls.fetch(f"{stranger.url}/", max_bytes=1000)
    before = _open_files()
    for _ in range(50):
        calls.fetch(f"{stranger.url}/", max_bytes=1000)
        refusal(calls, f"{stranger.url}/moved", "fetch")
    deadline = time.monotonic() + 10
    while _open_files() > before and time.monotonic() < deadline:
        time.sleep(0.02)  # the stranger's side closes in threads of its own
    assert _open_files() <= before


class TestInThread:
    def test_what_a_call_returns_or_raises_arrives(self):
        async def scene():
            assert await in_thread(lambda: 7) == 7
            with pytest.raises(ZeroDivisionError):
                await in_thread(lambda: 1 / 0)

        asyncio.run(scene())

    def test_nobody_waits_for_a_call_that_was_given_up(self):
        gate = threading.Event()

        async def scene():
            future = in_thread(gate.wait)
            future.cancel()
            await asyncio.sleep(0)

        began = time.monotonic()
        asyncio.run(scene())
        gate.set()
        assert time.monotonic() - began < 5


def _open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def endless(request):
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 1000)


def drops(request):
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b"x")
        time.sleep(0.05)


def _babble(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"SSH-2.0-OpenSSH_9.0\r\n")
