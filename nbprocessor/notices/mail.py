"""Mail: hands one message to the mail server of the settings."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from nbprocessor import config
from nbprocessor.errors import NotDelivered
from nbprocessor.store.notices import Notice

ANSWERS = 8
"""Answers of the server one message waits for, at most: greeting, STARTTLS, sign-in, sender, recipient, text."""


def written(notice: Notice, subject: str, text: str, sender: str) -> EmailMessage:
    """Write a message; a subject or address with a line end is a ValueError, as no header can be added by it."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = notice.address
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    # The same at each attempt: mail programs show once what came twice.
    message["Message-ID"] = f"<{notice.key}@{sender.rpartition('@')[2]}>"
    # RFC 3834: nobody's absence is to be answered with.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def send(message: EmailMessage, settings: config.Notice) -> None:
    """Hand a message over.

    Raises:
        NotDelivered: The server cannot be reached or trusted, or does not take the message.
    """
    try:
        with _connected(settings) as server:
            if settings.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.password_file is not None:
                server.login(settings.user, _password(settings.password_file))
            server.send_message(message)
    except UnicodeError:
        # Its own text has the password.
        reason = "user and password (notice.password_file) may have characters of ASCII only"
        raise NotDelivered(settings.host, reason) from None
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(settings.host, f"it answers {error.smtp_code}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(str(code) for code, _ in error.recipients.values())
        raise NotDelivered(settings.host, f"it does not take the recipient ({codes})") from error
    except ssl.SSLCertVerificationError as error:
        raise NotDelivered(settings.host, f"its certificate is not valid ({error.verify_message})") from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(settings.host, f"it cannot be used ({type(error).__name__}: {error})") from error


def _password(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _connected(settings: config.Notice) -> smtplib.SMTP:
    if settings.tls == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
