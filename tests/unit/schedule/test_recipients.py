"""Recipients of a schedule: read, written again, and refused with the field that is wrong."""

import pytest

from nbprocessor import config
from nbprocessor.errors import InvalidRequest, NoSuchSchedule
from nbprocessor.model.schedule import ScheduleFilter
from nbprocessor.schedule import definition
from tests.unit.schedule.timetable import HOURLY, MAIL, timetable

MANY = [{"email": f"a{number}@example.org"} for number in range(11)]


def problems(table, notify):
    with pytest.raises(InvalidRequest) as caught:
        table.made(HOURLY, notify=notify)
    return [(problem.pointer, problem.detail) for problem in caught.value.problems]


def test_recipients_are_kept_as_they_were_sent(table):
    notify = [{"email": "a.b+c@example.org", "on": ["failure"], "language": "en"}, {"webhook": "https://example.org/x"}]
    schedule = table.made(HOURLY, notify=notify)
    assert definition.document(table.get(schedule))["schedule"]["notify"] == notify
    changed = table.schedules.patch(schedule.id, {"schedule": {"notify": None}}, None)
    assert "notify" not in definition.document(changed)["schedule"]


@pytest.mark.parametrize(
    ("notify", "pointer"),
    [
        ("a@example.org", "/schedule/notify"),
        (MANY, "/schedule/notify"),
        (["a@example.org"], "/schedule/notify/0"),
        ([{}], "/schedule/notify/0"),
        ([{"email": "a@example.org", "webhook": "https://example.org"}], "/schedule/notify/0"),
        ([{"email": "a@example.org", "phone": "1"}], "/schedule/notify/0"),
        ([{"email": "a@example.org", "on": []}], "/schedule/notify/0/on"),
        ([{"email": "a@example.org", "on": ["success"]}], "/schedule/notify/0/on/0"),
        ([{"email": "a@example.org", "language": "fr"}], "/schedule/notify/0/language"),
        ([{"email": 1}], "/schedule/notify/0/email"),
        ([{"webhook": "https://example.org"}, {"webhook": "http://127.0.0.1/"}], "/schedule/notify/1/webhook"),
        ([{"webhook": "http://169.254.169.254/latest"}], "/schedule/notify/0/webhook"),
        ([{"webhook": "file:///etc/passwd"}], "/schedule/notify/0/webhook"),
        ([{"webhook": "https://example.org:22/"}], "/schedule/notify/0/webhook"),
    ],
)
def test_wrong_recipients_are_refused_with_their_place(table, notify, pointer):
    assert [place for place, _ in problems(table, notify)] == [pointer]


@pytest.mark.parametrize(
    "address",
    [
        "", "a", "@example.org", "a@", "a@example.org\r\nBcc: b@example.org", "a@example.org\n",
        "a@example.org, b@x.org",
        "A <a@example.org>", "a b@example.org", "ä@example.org", f"{'a' * 250}@example.org",
    ],
)  # fmt: skip
def test_what_is_not_one_plain_mail_address_is_refused(table, address):
    assert problems(table, [{"email": address}])[0][0] == "/schedule/notify/0/email"


def test_without_a_mail_server_nobody_is_told_by_mail(tmp_path):
    with timetable(tmp_path, notice=config.Notice()) as table:
        ((place, sentence),) = problems(table, [{"email": "a@example.org"}])
    assert place == "/schedule/notify/0/email"
    assert "notice.host" in sentence


def test_only_allowed_domains_are_written_to(tmp_path):
    notice = config.Notice(**MAIL.model_dump() | {"domains": ("Example.org",)})
    with timetable(tmp_path, notice=notice) as table:
        table.made(HOURLY, notify=[{"email": "a@EXAMPLE.org"}])
        ((_, sentence),) = problems(table, [{"email": "a@sub.example.org"}])
    assert "Example.org" in sentence


def test_recipients_are_seen_by_the_owner_and_by_who_may_see_everything(table):
    timing = {"cron": HOURLY, "notify": [{"email": "a@example.org"}]}
    made = table.schedules.create("trial", {"schedule": timing}, owner="me")
    assert table.schedules.get(made.id, "me").notify == table.schedules.get(made.id, None).notify == made.notify
    with pytest.raises(NoSuchSchedule):
        table.schedules.get(made.id, "somebody else")
    assert table.schedules.list(ScheduleFilter(owner="somebody else")) == []
