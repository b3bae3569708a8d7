"""Notices on their way: what they say in which language, that they arrive, and what happens when they do not."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiosmtpd.smtp import AuthResult

from nbprocessor import config, faultpoints
from nbprocessor.notices import mail, wording
from nbprocessor.notices.sender import notice_sender
from nbprocessor.outbound import Outbound
from nbprocessor.store import notices as notice_store
from nbprocessor.store.database import open_database, writing
from nbprocessor.store.notices import NewNotice, NoticeQueue
from nbprocessor.store.schedules import ScheduleStore
from tests.unit.notices.mailserver import certificate, context, mail_server
from tests.unit.outbound.strangers import content, strangers, wait_for_callers
from tests.unit.schedule.timetable import HOURLY, timetable

BASE_URL = "https://processes.example.org"
FACTS = {
    "processID": "trial", "name": "Zählung", "timezone": "Europe/Berlin", "fireTime": "2026-06-15T10:00:00+00:00",
    "jobID": "11111111-2222-3333-4444-555555555555", "time": "2026-06-15T10:01:00+00:00",
}  # fmt: skip
PATIENCE = 20.0


@pytest.fixture
def schedule(tmp_path):
    with timetable(tmp_path) as table:
        yield table.made(HOURLY)


@pytest.fixture
def engine(tmp_path, schedule):
    opened = open_database(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield opened
    wait_for_callers()
    opened.dispose()


def notice(schedule, kind="email", address="a@example.org", event="failure", language="de", **facts):
    now = datetime.now(UTC)
    return NewNotice(uuid4(), schedule.id, event, kind, address, language, FACTS | facts, now)


def put(engine, *new):
    with writing(engine) as connection:
        notice_store.enqueue(connection, new)


@contextmanager
def sending(engine, **settings):
    """Let a sender work in a thread while the body runs, until nothing is pending."""
    defaults = {"host": "127.0.0.1", "sender": "service@example.org", "tls": "none", "backoff": 0.05, "timeout": 5.0}
    notices = config.Notice(**defaults | settings)
    outbound = Outbound(config.Outbound(allow_hosts=("127.0.0.1",)))
    sender = notice_sender(engine, outbound, notices, base_url=BASE_URL, title="nbprocessor", poll=0.05)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(sender.run(stop)))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        loop.close()


def settled(engine, schedule):
    """Wait until nothing is to be sent any more; return what became of it."""
    deadline = datetime.now(UTC).timestamp() + PATIENCE
    pause = threading.Event()
    while datetime.now(UTC).timestamp() < deadline:
        found = NoticeQueue(engine).of_schedule(schedule.id)
        if all(one.state != "pending" for one in found):
            return [(one.state, one.attempts, one.last_error) for one in found]
        pause.wait(0.05)
    raise AssertionError("something is still to be sent")


def test_a_mail_says_in_german_what_failed_and_where_to_look(engine, schedule):
    new = notice(schedule)
    put(engine, new)
    with mail_server() as server, sending(engine, port=server.port):
        message = server.taken.get(timeout=PATIENCE)
        assert settled(engine, schedule) == [("delivered", 1, "")]
    assert (message["From"], message["To"]) == ("service@example.org", "a@example.org")
    assert message["Subject"] == "Zeitplan fehlgeschlagen: Zählung (trial)"
    assert message["Message-ID"] == f"<{new.key}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    text = "\n".join(message.get_content().splitlines())
    assert "Termin: 15.06.2026, 12:00 (Europe/Berlin)" in text
    assert f"Bericht: {BASE_URL}/jobs/{FACTS['jobID']}/report\n" in text
    assert f"Zeitplan: {BASE_URL}/schedules/{schedule.id}\n" in text


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("event", ["failure", "recovery", "pause"])
def test_each_event_has_its_words_in_each_language(schedule, event, language):
    subject, text = wording.message(_stored(notice(schedule, event=event, language=language)), BASE_URL, "Dienst")
    other = "en" if language == "de" else "de"
    elsewhere = wording.message(_stored(notice(schedule, event=event, language=other)), BASE_URL, "Dienst")[0]
    assert subject.endswith(": Zählung (trial)")
    assert subject != elsewhere
    assert len(text.splitlines()) >= 8
    assert "-- \nDienst\n" in text


def test_without_a_job_there_is_no_link_to_a_report(schedule):
    _, text = wording.message(_stored(notice(schedule, jobID=None, name="")), BASE_URL, "")
    assert "report" not in text
    assert "None" not in text


def test_a_name_cannot_add_a_header_nor_a_line(engine, schedule):
    put(engine, notice(schedule, name="x\r\nBcc: b@example.org\r\n\r\nText\x00\x1b[31m"))
    with mail_server() as server, sending(engine, port=server.port):
        message = server.taken.get(timeout=PATIENCE)
    assert server.recipients == [["a@example.org"]]
    assert message["Bcc"] is None
    assert message["Subject"] == "Zeitplan fehlgeschlagen: x Bcc: b@example.org Text [31m (trial)"
    assert "\nBcc:" not in message.get_content()


@pytest.mark.parametrize("part", ["address", "subject"])
def test_a_header_with_a_line_end_is_no_message(schedule, part):
    new, subject = notice(schedule), "x"
    if part == "address":
        new = replace(new, address="a@example.org\r\nBcc: b@example.org")
    else:
        subject = "x\nBcc: b@example.org"
    with pytest.raises(ValueError, match="Header values"):
        mail.written(_stored(new), subject, "text", "service@example.org")


def test_a_webhook_gets_json_with_an_id_and_no_more_than_that(engine, schedule):
    with strangers() as server:
        new = notice(schedule, "webhook", f"{server.url}/hook")
        put(engine, new)
        with sending(engine):
            assert settled(engine, schedule) == [("delivered", 1, "")]
    (asked,) = server.asked
    told = json.loads(asked.body)
    assert told.keys() == {
        "id", "event", "time", "scheduleID", "name", "processID", "fireTime", "jobID", "links",
    }  # fmt: skip
    assert (told["id"], told["event"]) == (str(new.key), "failure")
    assert [link["title"] for link in told["links"]] == ["schedule", "report"]


def test_what_does_not_arrive_is_tried_again_and_what_one_recipient_is_told_keeps_its_order(engine, schedule):
    with mail_server() as server, strangers(gone=content(b"", status=503)) as others:
        server.answers += ["451 later", "451 later"]
        put(engine, notice(schedule, event="failure"), notice(schedule, event="recovery"))
        put(engine, notice(schedule, "webhook", f"{others.url}/gone"))
        with sending(engine, port=server.port, attempts=4):
            outcomes = settled(engine, schedule)
        assert [(state, attempts) for state, attempts, _ in outcomes] == [
            ("delivered", 3), ("delivered", 1), ("given-up", 4),
        ]  # fmt: skip
        subjects = [server.taken.get(timeout=PATIENCE)["Subject"] for _ in range(2)]
    assert [subject.split(":")[0] for subject in subjects] == ["Zeitplan fehlgeschlagen", "Zeitplan läuft wieder"]
    assert "503" in outcomes[2][2]


def test_an_address_that_is_no_longer_allowed_is_not_written_to(engine, schedule):
    put(engine, notice(schedule))
    with mail_server() as server:
        with sending(engine, port=server.port, domains="example.com", attempts=1):
            ((state, _, error),) = settled(engine, schedule)
        assert (state, server.tried) == ("given-up", 0)
    assert "example.com" in error


def test_a_mail_server_that_is_not_there_is_named_in_the_error(engine, schedule):
    put(engine, notice(schedule))
    with mail_server() as server:
        port = server.port
    with sending(engine, port=port, attempts=1):
        ((state, _, error),) = settled(engine, schedule)
    assert (state, error.startswith("127.0.0.1: it cannot be used")) == ("given-up", True)


@pytest.mark.parametrize("tls", ["starttls", "smtps"])
def test_mails_are_encrypted_and_signed_in_for(engine, schedule, tmp_path, monkeypatch, tls):
    file, password = certificate(tmp_path), tmp_path / "password"
    password.write_text("open sesame\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    seen = []

    def signed_in(server, session, envelope, mechanism, data):
        seen.append((session.ssl is not None or tls == "smtps", data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    options = {"authenticator": signed_in}
    if tls == "starttls":
        options |= {"tls_context": context(file), "require_starttls": True, "auth_required": True}
    else:
        options |= {"ssl_context": context(file), "auth_require_tls": False}
    put(engine, notice(schedule))
    account = {"user": "service", "password_file": password}
    with mail_server(**options) as server, sending(engine, port=server.port, tls=tls, **account):
        assert settled(engine, schedule) == [("delivered", 1, "")]
    assert seen == [(True, "service", "open sesame")]


def test_a_password_that_no_mail_server_takes_is_told(engine, schedule, tmp_path):
    password = tmp_path / "password"
    password.write_text("süß", encoding="utf-8")
    put(engine, notice(schedule))
    signing_in = {"authenticator": lambda *_: AuthResult(success=True), "auth_require_tls": False}
    account = {"user": "service", "password_file": password}
    with mail_server(**signing_in) as server, sending(engine, port=server.port, attempts=1, **account):
        ((_, _, error),) = settled(engine, schedule)
    assert "notice.password_file" in error
    assert "süß" not in error


def test_a_server_that_does_not_encrypt_gets_nothing(engine, schedule):
    put(engine, notice(schedule))
    with mail_server() as server:
        with sending(engine, port=server.port, tls="starttls", attempts=1):
            ((state, _, error),) = settled(engine, schedule)
        assert (state, server.tried) == ("given-up", 0)
    assert "STARTTLS" in error


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(engine, schedule, tmp_path):
    put(engine, notice(schedule))
    with mail_server(tls_context=context(certificate(tmp_path))) as server:
        with sending(engine, port=server.port, tls="starttls", attempts=1):
            ((state, _, error),) = settled(engine, schedule)
        assert (state, server.tried) == ("given-up", 0)
    assert "certificate" in error


_UNTIL_KILLED = """
import asyncio, sys
from datetime import timedelta
from nbprocessor import config, faultpoints
from nbprocessor.notices.sender import notice_sender
from nbprocessor.outbound import Outbound
from nbprocessor.store.database import open_database
point, url, port = sys.argv[1:]
faultpoints.arm(point)
notice = config.Notice(host="127.0.0.1", port=int(port), sender="service@example.org", tls="none")
sender = notice_sender(open_database(url), Outbound(config.Outbound()), notice, base_url="http://x", title="")
sender._lease = timedelta(0)
asyncio.run(sender.run(asyncio.Event()))
"""


@pytest.mark.parametrize(("point", "copies"), [("notice-claimed", 1), ("notice-sent", 2)])
def test_a_sender_that_is_killed_leaves_the_notice_to_the_next_one(engine, schedule, tmp_path, point, copies):
    new = notice(schedule)
    put(engine, new)
    with mail_server() as server:
        arguments = [point, f"sqlite:///{tmp_path / 'jobs.db'}", str(server.port)]
        root = {"PYTHONPATH": str(Path(__file__).parents[3])}
        command = [sys.executable, "-c", _UNTIL_KILLED, *arguments]
        killed = subprocess.run(command, env=os.environ | root, timeout=60, check=False)
        assert killed.returncode == faultpoints.EXIT_CODE
        with sending(engine, port=server.port):
            assert settled(engine, schedule) == [("delivered", 1, "")]
        ids = [server.taken.get(timeout=PATIENCE)["Message-ID"] for _ in range(copies)]
        assert server.taken.empty()
    assert set(ids) == {f"<{new.key}@example.org>"}


def test_a_schedule_that_is_deleted_takes_its_notices_with_it(engine, schedule):
    put(engine, notice(schedule))
    ScheduleStore(engine).delete(schedule.id)
    assert NoticeQueue(engine).of_schedule(schedule.id) == []


def _stored(new):
    values = {name: getattr(new, name) for name in NewNotice.__dataclass_fields__}
    return notice_store.Notice(**values, id=1, state="pending", attempts=0, last_error="")
