"""The sender of notices: each goes to its recipient by e-mail or webhook, until it arrives or is given up."""

from functools import partial

from sqlalchemy import Engine

from nbprocessor import config, faultpoints
from nbprocessor.errors import NotDelivered
from nbprocessor.notices import mail, wording
from nbprocessor.outbound import Outbound
from nbprocessor.sending import POLL, Pace, Sender
from nbprocessor.store.notices import Notice, NoticeQueue


def notice_sender(
    engine: Engine, outbound: Outbound, settings: config.Notice, *, base_url: str, title: str, poll: float = POLL
) -> Sender[Notice]:
    """Return what sends the notices that are due; nothing runs yet.

    Args:
        engine: The database they are in.
        outbound: What calls addresses.
        settings: The mail server, and how often and how fast to try again.
        base_url: What links begin with.
        title: Of the service.
        poll: Seconds between two looks into the store.
    """
    return Sender(
        NoticeQueue(engine),
        partial(_deliver, outbound, settings, base_url, title),
        Pace(max(outbound.post_duration, mail.ANSWERS * settings.timeout), settings.attempts, settings.backoff),
        lambda notice: f"notice schedule={notice.schedule_id} event={notice.event} by={notice.kind}",
        poll=poll,
    )


def _deliver(outbound: Outbound, settings: config.Notice, base_url: str, title: str, notice: Notice) -> bool:
    faultpoints.passed("notice-claimed")
    if notice.kind == "webhook":
        outbound.post(notice.address, wording.document(notice, base_url), {"Content-Type": "application/json"})
    else:
        if reason := settings.refuses(notice.address):
            raise NotDelivered(notice.address, reason)
        mail.send(mail.written(notice, *wording.message(notice, base_url, title), settings.sender), settings)
    faultpoints.passed("notice-sent")
    return True
